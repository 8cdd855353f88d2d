"""Enters: names and shapes of the arrays of a model. Leaves: a `Place` for each layer: where its arrays are.

For models of which nothing is known but their arrays. `torch_module` and `keras` know more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from spear_xp.errors import UpdateError
from spear_xp.numerics.backend import Array

__all__ = ["LAST", "Layout", "Place", "is_numbered", "layout_of", "layouts_by_shape", "places_of_names"]

Layout = Literal["torch", "keras"]
LAST = "the last layer: no ReLU follows it"
WEIGHT = re.compile(r"(?:(.*)[./])?(weight|kernel|w)")  # torch; Keras and Flax; Haiku
NAMED: dict[str, set[Layout]] = {"weight": {"torch"}, "kernel": {"keras"}, "w": {"keras"}}
NUMBER = re.compile(r"(arr_)?\d+")  # lists, and how NumPy names them in a file


@dataclass(frozen=True, slots=True)
class Place:
    """Where the arrays of a layer are, and what is known of the layer without them.

    Attributes
    ----------
    name : str
        Name of the layer.
    weight, bias : str
        Names of its arrays; `bias` is empty where it has none.
    reason : str
        Why a search does not apply; empty where it does.
    features : str
        What stands between the data and the layer; empty if nothing does.
    """

    name: str
    weight: str
    bias: str
    reason: str = ""
    features: str = ""


def is_numbered(names: Mapping[str, Array]) -> bool:
    """Whether arrays carry numbers for names, as those of a list do."""
    return all(NUMBER.fullmatch(name) for name in names)


def places_of_names(arrays: Mapping[str, Array]) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Layers of a model, and what had to be assumed for want of the model itself.

    Parameters
    ----------
    arrays : mapping of str to array
        Weights by name, in the order of the model.

    Returns
    -------
    places : tuple of Place
    assumptions : tuple of str
    """
    pairs = ([] if is_numbered(arrays) else _by_name(arrays)) or _by_order(arrays)
    matrices = [weight for _, weight, _ in pairs if arrays[weight].ndim == 2]
    places, features = [], ""
    for name, weight, bias in pairs:
        dims, reason = arrays[weight].ndim, ""
        if dims != 2:
            reason = f"no fully connected layer: its weight has shape {tuple(arrays[weight].shape)}"
        elif weight == matrices[-1]:
            reason = LAST
        places.append(Place(name, weight, bias, reason, features))
        features = f"behind '{name}'"
    return tuple(places), (
        "the model is not known: a ReLU follows every layer but the last, and the layers follow each other",
    )


def _by_name(arrays: Mapping[str, Array]) -> list[tuple[str, str, str]]:
    """Layer, weight and bias; names as torch, Keras, Flax and Haiku give them."""
    found = []
    for name in arrays:
        match = WEIGHT.fullmatch(name)
        if match is not None and arrays[name].ndim > 0:
            layer, kind = match[1] or "", match[2]
            bias = name.removesuffix(kind) + ("b" if kind == "w" else "bias")
            vector = bias in arrays and arrays[bias].ndim == 1
            found.append((layer or name, name, bias if vector else ""))
    return found


def _by_order(arrays: Mapping[str, Array]) -> list[tuple[str, str, str]]:
    """Arrays of two dimensions or more, each with the vector that follows it and fits."""
    found, names = [], [*arrays, ""]
    for name, after in pairwise(names):
        if arrays[name].ndim < 2:
            continue
        shape = tuple(arrays[name].shape)
        fits = after and arrays[after].ndim == 1 and int(arrays[after].shape[0]) in (shape[0], shape[-1])
        found.append((f"array {name}", name, after if fits else ""))
    return found


def layouts_by_shape(places: list[Place], arrays: Mapping[str, Array]) -> set[Layout]:
    """The layout that shapes and names tell where they do; empty if they tell none or both."""
    found = [_hint(place, arrays) for place in places if {place.weight, place.bias} <= {"", *arrays}]
    told = set().union(*(one for one in found if len(one) == 1))
    return told if len(told) == 1 else set()


def layout_of(place: Place, arrays: Mapping[str, Array], told: Layout | None, others: set[Layout]) -> Layout:
    """Whether the weights of a layer are (m, n) as in torch, or (n, m) as in Keras.

    Parameters
    ----------
    place : Place
        A layer with weights of two dimensions.
    arrays : mapping of str to array
    told : {"torch", "keras"}, optional
        What the caller says.
    others : set
        What other layers tell, for one that does not.

    Raises
    ------
    UpdateError
        If the length of the bias contradicts both, or what the caller says; if nothing tells.
    """
    shape, length = _shapes(place, arrays)
    fits = _fits(shape, length)
    if not fits or (told is not None and told not in fits):
        side = {None: "one side", "torch": "the first side", "keras": "the second side"}[told]
        msg = f"{place.weight} has shape {shape} and {place.bias} {length}: need {side} to be that length"
        raise UpdateError(msg)
    found = {told} if told is not None else _hint(place, arrays)
    found = found if len(found) == 1 else others
    if len(found) != 1:
        msg = (
            f"{place.weight} has shape {shape}: its rows may be neurons or inputs; "
            "need layout='torch' (a row for each neuron) or layout='keras' (a column for each)"
        )
        raise UpdateError(msg)
    return next(iter(found))


def _shapes(place: Place, arrays: Mapping[str, Array]) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Of weight and bias; None where there is no bias."""
    return tuple(arrays[place.weight].shape), tuple(arrays[place.bias].shape) if place.bias else None


def _fits(shape: tuple[int, ...], length: tuple[int, ...] | None) -> set[Layout]:
    """Layouts that the length of the bias allows; both without a bias."""
    sides: tuple[Layout, ...] = ("torch", "keras")
    found = zip(sides, shape, strict=False) if len(shape) == 2 else ()
    return {layout for layout, side in found if length is None or (side,) == length}


def _hint(place: Place, arrays: Mapping[str, Array]) -> set[Layout]:
    """What the shape of a layer allows, and of that what its name says."""
    fits = _fits(*_shapes(place, arrays))
    return fits & NAMED.get(re.split(r"[./]", place.weight)[-1], fits) or fits

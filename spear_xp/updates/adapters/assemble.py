"""Enters: the places of all layers, what was sent, and the weights before. Leaves: a `ModelUpdate`."""

from collections.abc import Mapping
from typing import Any, Literal

from array_api_compat import array_namespace

from spear_xp.errors import UpdateError
from spear_xp.numerics.backend import Array, to_host
from spear_xp.updates.adapters.places import LAST, Layout, Place, layout_of, layouts_by_shape
from spear_xp.updates.adapters.training import Training, change, looks_like_signs
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.model_update import ModelLayer, ModelUpdate

__all__ = ["Kind", "assemble"]

Kind = Literal["gradient", "weights", "difference"]
Arrays = Mapping[str, Array]
# chosen: distance from the weights, relative to them, below which an update is no gradient but weights
SAME = 0.1
ROWS = 64  # cosmetic: rows that show what was sent; the whole may be large
NOT_SENT = "frozen: nothing was sent of it"
NO_BIAS_SENT = "nothing was sent of its bias, which is taken to have stayed as it was"
UNCHANGED = "its gradient is zero: frozen, or no sample activates it"


def assemble(
    places: tuple[Place, ...],
    sent: Arrays,
    start: Arrays,
    *,
    kind: Kind,
    training: Training | None,
    layout: Layout | None,
    assumptions: tuple[str, ...],
) -> ModelUpdate:
    """Updates of all layers.

    Parameters
    ----------
    places : tuple of Place
    sent, start : mapping of str to array
        What the client sent, and the weights before, under the names of the places.
    kind : {"gradient", "weights", "difference"}
        What was sent.
    training : Training or None
        How the client trained, for weights and differences.
    layout : {"torch", "keras"} or None
    assumptions : tuple of str

    Raises
    ------
    UpdateError
        If arrays are missing or do not fit, or what was sent is not what `kind` says.
    """
    if training is not None and kind != "gradient":
        assumptions += training.assumptions
    others = layouts_by_shape([place for place in places if place.reason in {"", LAST}], start)
    layers, head = [], None
    for place in places:
        reason, update = place.reason, None
        if reason in {"", LAST}:
            reason = reason if place.weight in sent else NOT_SENT
        if reason in {"", LAST}:
            turned = layout_of(place, _present(start, place), layout, others) == "keras"
            update = _layer(place, sent, start, kind, training, turned=turned, assumptions=assumptions)
            if not to_host(update.grad_w).any():
                update, reason = None, UNCHANGED
        if reason == LAST:
            head, update = update, None
        shape = tuple(start[place.weight].shape) if place.weight in start else ()
        layers.append(ModelLayer(place.name, shape, update, reason, place.features))
    return ModelUpdate(tuple(layers), head, assumptions)


def _present(arrays: Arrays, place: Place) -> Arrays:
    for name in (place.weight, place.bias):
        if name and name not in arrays:
            msg = f"array {name!r} is missing, of {', '.join(list(arrays)[:6])}: need weight and bias"
            raise UpdateError(msg)
    return arrays


def _layer(
    place: Place,
    sent: Arrays,
    start: Arrays,
    kind: Kind,
    training: Training | None,
    *,
    turned: bool,
    assumptions: tuple[str, ...],
) -> LayerUpdate:
    """The update of one layer; `turned` where its weights have a column for each neuron."""
    weight, bias = start[place.weight], start[place.bias] if place.bias else None
    came, came_b = sent[place.weight], sent.get(place.bias)
    for name, one, other in ((place.weight, came, weight), (place.bias, came_b, bias)):
        if one is None:
            continue
        if other is not None and tuple(one.shape) != tuple(other.shape):
            msg = f"{name} was sent with shape {tuple(one.shape)}: need {tuple(other.shape)}, as before"
            raise UpdateError(msg)
        if 0 in tuple(one.shape) or not all(_is_real(array) for array in (one, other) if array is not None):
            kinds = f"dtype {one.dtype}, and {getattr(other, 'dtype', None)} before"
            msg = f"{name} has shape {tuple(one.shape)} and {kinds}: need real numbers"
            raise UpdateError(msg)
    if getattr(came, "is_sparse", False) or getattr(came, "is_sparse_csr", False):
        came = came.to_dense()
    if turned:
        weight, came = weight.T, came.T
    _check_kind(kind, place.weight, came, weight)
    if bias is not None and came_b is None:
        assumptions += (NO_BIAS_SENT,)
    known: dict[str, Any] = {
        "name": place.name,
        "features": place.features,
        "assumptions": assumptions,
    }
    if training is None or kind == "gradient":
        return LayerUpdate(*_together(came, came_b, weight, bias), **known)
    weight, bias, came, came_b = _together(weight, bias, came, came_b)
    pairs = [(weight, came), (bias, came_b)]
    if kind == "difference":
        pairs = [(w, None if d is None else w + d) for w, d in pairs]
    after = dict(
        zip(("weight_after", "bias_after"), (bias if a is None else a for _, a in pairs), strict=True)
    )
    grad_w, grad_b = (None if a is None else change(w, a, training) for w, a in pairs)
    if looks_like_signs(grad_w):
        msg = (
            f"most entries of the change of {place.weight} have the same size: an optimiser that scales "
            "every entry (Adam, signSGD) made it, and optimizer='sgd' was said; need the gradient itself"
        )
        raise UpdateError(msg)
    return LayerUpdate(grad_w, grad_b, weight, bias, **after, **known)


def _is_real(array: Array) -> bool:
    """Whether an array holds real numbers, and no text, complex numbers or dates."""
    return bool(array_namespace(array).isdtype(array.dtype, ("real floating", "integral")))


def _together(*arrays: Array) -> tuple[Array, ...]:
    """Arrays of one library: as they are if they are so already, and else in NumPy; None stays."""
    if len({array_namespace(one) for one in arrays if one is not None}) == 1:
        return arrays
    return tuple(None if one is None else to_host(one) for one in arrays)


def _check_kind(kind: Kind, name: str, came: Array, weight: Array) -> None:
    """Whether what was sent may be a gradient, or weights near those before, by its size."""
    rows = min(ROWS, int(weight.shape[0]))
    sent, before = (to_host(one[:rows, :]).astype(float) for one in (came, weight))
    size = float((before**2).sum() ** 0.5)
    if kind == "gradient" and float(((sent - before) ** 2).sum() ** 0.5) < SAME * size:
        msg = f"{name} as sent is nearly that before: need kind='weights' and training=Training(lr=...)"
        raise UpdateError(msg)
    if kind == "weights" and float((sent**2).sum() ** 0.5) < SAME * size:
        msg = f"{name} as sent is far smaller than before the step: need kind='difference' or kind='gradient'"
        raise UpdateError(msg)

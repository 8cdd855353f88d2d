"""Enters: what a federated-learning system sends, in its own form. Leaves: a `ModelUpdate`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from array_api_compat import is_array_api_obj

from spear_xp.errors import ArgumentRangeError, UpdateError
from spear_xp.numerics.backend import Array
from spear_xp.updates.adapters import files, flower, keras, nvflare, torch_module
from spear_xp.updates.adapters.assemble import Kind, assemble
from spear_xp.updates.adapters.graphs.autograd import places_of_run
from spear_xp.updates.adapters.graphs.steps import fronts_of
from spear_xp.updates.adapters.places import Layout, Place, is_numbered, places_of_names
from spear_xp.updates.adapters.training import Training
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.model_update import ModelLayer, ModelUpdate

__all__ = ["read"]

Arrays = Mapping[str, Array]
LAYER = ("grad_w", "weight")
SHOWN = 6  # cosmetic: names in a message
BESIDE = ("grad_b", "bias", "weight_after", "bias_after", "noise", "observed")


def read(
    update: Any,
    weights: Any = None,
    *,
    kind: Kind | None = None,
    training: Training | None = None,
    model: Any = None,
    names: Sequence[str] | None = None,
    layout: Layout | None = None,
    example: Any = None,
    feature_kinds: Sequence[str] | None = None,
) -> ModelUpdate:
    """Turn what a client sends into the updates of its layers.

    Parameters
    ----------
    update : torch module, mapping, sequence, record or path
        What was sent: a torch module with gradients; arrays by name, such as a state dict, or as a list; an
        `ArrayRecord`, `Parameters` or `FitRes` of Flower; a DXO or FLModel of NVFlare; the path of an `.npz`,
        `.safetensors` or `.pt` file. Arrays named grad_w, grad_b, weight and bias are one layer; grad_b, or
        both vectors, may be missing. Others beside them are read as `LayerUpdate` names them: weight_after,
        bias_after, noise, observed.
    weights : the same, or a Keras model, optional
        The weights before the step; those of the module, where `update` or `model` is one.
    kind : {"gradient", "weights", "difference"}, optional
        What `update` holds: dL/dW; weights after training; weights after minus before. NVFlare says it;
        otherwise weights, if `training` is given, and else a gradient.
    training : Training, optional
        How the client trained; needed for weights and differences.
    model : torch module or Keras model, optional
        Tells which layers a ReLU follows, and what stands in front of them. Its weights count where
        `weights` is not given.
    names : sequence of str, optional
        Names of the arrays of a list, in its order; those of `model` or `weights` where not given.
    layout : {"torch", "keras"}, optional
        Whether a weight has a row for each neuron, or a column. Shapes and names tell it, except for a square
        weight without a name.
    example : tensor or array, or a tuple or mapping of them, optional
        What the torch module is called with, of any content. It is run once to see what follows each layer:
        for modules that torch.fx does not trace or does not open, such as `TransformerEncoderLayer`.
    feature_kinds : sequence of str, optional
        "real", "integer" or "one-hot:GROUP" of each feature of the data, as for `spear_xp.invert`: for the
        layers whose inputs are the data.

    Returns
    -------
    ModelUpdate
        Iterates as the layers that `spear_xp.invert` takes; those to which a search does not apply have a
        reason.

    Raises
    ------
    UpdateError
        If arrays are missing, do not fit together, or are not what `kind` says; if the model does not take
        the example, or there is none to take it; if there are kinds of features and no layer for them.
    FileError
        If a file cannot be read.
    ArgumentRangeError
        If `kind` or `layout` is not known.

    Notes
    -----
    No objects are unpickled: files of torch are read with ``weights_only=True``. Each heavy library is
    imported only where an object of it, or a file of its format, is given. Arrays of a module are not copied:
    search before the next step of the optimiser changes them.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> shapes = {"fc1.weight": (30, 20), "fc1.bias": (30,), "fc2.weight": (10, 30), "fc2.bias": (10,)}
    >>> before = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    >>> after = {name: 0.999 * array for name, array in before.items()}
    >>> found = read(after, before, training=Training(lr=0.1))
    >>> [update.name for update in found], found.skipped
    (['fc1'], {'fc2': 'the last layer: no ReLU follows it'})
    """
    _check_words(kind=(kind, ("gradient", "weights", "difference")), layout=(layout, ("torch", "keras")))
    sent, told, known = _sent(
        update, names, as_weights=kind == "weights" or (kind is None and training is not None)
    )
    if not sent:
        msg = "the update holds no arrays: need weights or gradients by name, or in a list"
        raise UpdateError(msg)
    if "grad_w" in sent:
        return _one_layer(sent).with_kinds(feature_kinds)
    kind = kind or told or ("gradient" if training is None else "weights")
    if kind != "gradient" and training is None:
        msg = f"the update holds {kind}: need training=Training(lr=...), which says how they came about"
        raise UpdateError(msg)
    model = model if model is not None else known
    source = weights if weights is not None else model
    if source is None or (weights is None and known is not None and kind != "gradient"):
        names_sent = ", ".join(list(sent)[:SHOWN]) + (", ..." if len(sent) > SHOWN else "")
        msg = (
            "weights=None: need the weights before the step, or the model that has them, beside "
            f"{names_sent}; arrays of a single layer are named grad_w, grad_b, weight and bias"
        )
        raise UpdateError(msg)
    start = _sent(source, names, as_weights=True)[0]
    if not start:
        msg = "weights hold no arrays: need those before the step by name, or in a list"
        raise UpdateError(msg)
    if is_numbered(start) and not is_numbered(sent):
        start = _renamed(start, list(sent))
    places, order, assumptions = _places(model, start, example)
    if weights is None and known is None:
        assumptions += ("the weights before the step are those of the model as it is",)
    start = _aligned(start, order)
    found = assemble(
        places,
        _aligned(sent, order),
        start,
        kind=kind,
        training=training,
        layout=layout,
        assumptions=assumptions,
    )
    fronts = fronts_of(model, start) if torch_module.is_module(model) else {}
    layers = tuple(replace(one, front=fronts.get(one.name, ())) for one in found.layers)
    return replace(found, layers=layers).with_kinds(feature_kinds)


def _one_layer(arrays: Arrays) -> ModelUpdate:
    """The update of one layer, whose arrays have the names that `LayerUpdate` gives them."""
    if not all(name in arrays for name in LAYER):
        msg = f"arrays {', '.join(arrays)}: need {', '.join(LAYER)}, with grad_b and bias where there are any"
        raise UpdateError(msg)
    known: dict[str, Any] = {name: arrays.get(name) for name in (*LAYER, *BESIDE)}
    said = ("the layer is the first of its model, and a ReLU follows it",)
    update = LayerUpdate(**known, name="layer", assumptions=said)
    return ModelUpdate((ModelLayer("layer", tuple(update.weight.shape), update),), None, said)


def _check_words(**words: tuple[str | None, tuple[str, ...]]) -> None:
    for argument, (value, legal) in words.items():
        if value is not None and value not in legal:
            msg = f"{argument}={value!r}: need one of {', '.join(legal)}"
            raise ArgumentRangeError(msg)


def _sent(update: Any, names: Sequence[str] | None, *, as_weights: bool) -> tuple[Arrays, Kind | None, Any]:
    """Arrays of an update, what it says of itself, and its model where it is one."""
    if keras.is_model(update):  # before torch: with that backend a Keras model is a torch module too
        return keras.weights(update), "weights", update
    if torch_module.is_module(update):
        if as_weights:
            return torch_module.weights(update), "weights", update
        return torch_module.gradients(update), "gradient", update
    if nvflare.is_model(update):
        arrays, kind = nvflare.arrays_of(update)
        return files.flattened(arrays), kind, None
    return _arrays(update, names), None, None


def _arrays(source: Any, names: Sequence[str] | None) -> Arrays:
    """Arrays by name, of anything but torch modules and what NVFlare sends."""
    if isinstance(source, str | Path):
        found: Arrays = files.read_arrays(Path(source))
    elif flower.is_record(source):
        found = flower.arrays_of(source)
    elif isinstance(source, Mapping):
        found = files.flattened(source)
    elif isinstance(source, Sequence) and all(map(is_array_api_obj, source)):
        found = {str(k): one for k, one in enumerate(source)}
    else:
        msg = f"{type(source).__name__}: need a model, arrays by name or in a list, a record or a path"
        raise UpdateError(msg)
    if names is not None and is_numbered(found):
        return _renamed(found, names)
    return found


def _renamed(arrays: Arrays, names: Sequence[str]) -> Arrays:
    if len(arrays) != len(names):
        msg = f"{len(arrays)} arrays came and {len(names)} names are known: need one name for each array"
        raise UpdateError(msg)
    return dict(zip(names, arrays.values(), strict=True))


def _aligned(arrays: Arrays, order: Sequence[str]) -> Arrays:
    """Arrays under the names of the model: a list by its order, others with or without a prefix."""
    if is_numbered(arrays) and not is_numbered(dict.fromkeys(order)):
        return _renamed(arrays, order)
    if any(name in arrays for name in order):
        return arrays
    known = next((one for one in order if any(name.endswith(f".{one}") for name in arrays)), None)
    if known is not None:
        prefix = next(name for name in arrays if name.endswith(f".{known}")).removesuffix(known)
        return {name.removeprefix(prefix): array for name, array in arrays.items()}
    longer = next((one for one in order if any(one.endswith(f".{name}") for name in arrays)), None)
    if longer is None:
        msg = f"arrays {', '.join(list(arrays)[:4])}, ...: need those of the model, such as {order[0]}"
        raise UpdateError(msg)
    prefix = longer.removesuffix(next(name for name in arrays if longer.endswith(f".{name}")))
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _places(model: Any, start: Arrays, example: Any) -> tuple[tuple[Place, ...], list[str], tuple[str, ...]]:
    """Layers, names of all arrays in their order, and what was assumed."""
    if example is not None and (keras.is_model(model) or not torch_module.is_module(model)):
        msg = "example is given without a torch module: need one as update or model"
        raise UpdateError(msg)
    if keras.is_model(model):
        places, assumptions = keras.places_of_model(model)
        return places, list(keras.weights(model)), assumptions
    if torch_module.is_module(model):
        if example is None:
            places, assumptions = torch_module.places_of_module(model)
        else:
            places, assumptions = places_of_run(model, example)
        return places, torch_module.names(model), assumptions
    if model is not None:
        msg = f"model is {type(model).__name__}: need a torch module or a Keras model"
        raise UpdateError(msg)
    places, assumptions = places_of_names(start)
    return places, list(start), assumptions

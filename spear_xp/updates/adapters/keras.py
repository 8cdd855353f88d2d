"""Enters: a Keras model, or names of its weights. Leaves: its weights by name, and a `Place` for each layer.

Keras stores a kernel as (n, m), a column for each neuron: the adapter hands on its transpose.
"""

import sys
from typing import Any

from spear_xp.numerics.backend import Array
from spear_xp.updates.adapters.places import LAST, Place

__all__ = ["is_model", "places_of_model", "weights"]

PASSES = {"Flatten", "Reshape", "InputLayer", "Dropout", "Permute"}


def is_model(source: Any) -> bool:
    """Whether something is a Keras model; Keras is not imported for the question."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(source, keras.Model)


def weights(model: Any) -> dict[str, Array]:
    """NumPy arrays by path, in the order of ``model.get_weights()``."""
    return dict(zip([one.path for one in model.weights], model.get_weights(), strict=True))


def places_of_model(model: Any) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Layers of a model, in the order of ``model.layers``, and that this order was assumed."""
    layers = [one for one in model.layers if type(one).__name__ not in PASSES]
    found, behind = [], ""
    for k, layer in enumerate(layers):
        kind = type(layer).__name__
        kernel, bias = (getattr(layer, name, None) for name in ("kernel", "bias"))
        if kernel is not None:
            reason = f"{kind}: no fully connected layer" if kind != "Dense" else _what_follows(layers, k)
            if not reason and not layer.trainable:
                reason = "frozen: it is not trained"
            place = Place(layer.name, kernel.path, "" if bias is None else bias.path, reason, behind)
            found.append(place)
        behind = f"behind {kind} '{layer.name}'" if kernel is not None else behind or f"behind {kind}"
    return tuple(found), ("the layers of the Keras model follow each other in the order of its list",)


def _what_follows(layers: list[Any], k: int) -> str:
    """Why no ReLU follows a Dense layer; empty where one does."""
    own = layers[k].activation.__name__
    follower = layers[k + 1] if k + 1 < len(layers) else None
    if own == "linear" and follower is not None:
        kind = type(follower).__name__
        own = follower.activation.__name__ if kind == "Activation" else {"ReLU": "relu"}.get(kind, kind)
    if own == "relu":
        return ""
    if follower is None:
        return LAST
    return f"{own} follows it, not a ReLU: no entry of its gradient is zero"

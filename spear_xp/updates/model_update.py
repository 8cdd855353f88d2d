"""Enters: what is known of the layers of a model. Leaves: a `ModelUpdate`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from spear_xp.errors import UpdateError
from spear_xp.updates.front import Front
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["ModelLayer", "ModelUpdate"]


@dataclass(frozen=True, slots=True, eq=False)
class ModelLayer:
    """One layer of a model, with its update where a search applies.

    Attributes
    ----------
    name : str
        Name of the layer in its model.
    shape : tuple of int
        Shape of its weights as they were sent.
    update : LayerUpdate or None
        None where a search does not apply.
    reason : str
        Why it does not; empty where it does.
    features : str
        What stands between the data and this layer, such as "behind Conv2d 'conv1'"; empty where the inputs
        of the layer are the data.
    front : tuple of Step
        The same as steps that can be undone, from the data to the layer; empty where nothing is in front, or
        not all of it can be undone.
    """

    name: str
    shape: tuple[int, ...]
    update: LayerUpdate | None
    reason: str = ""
    features: str = ""
    front: Front = ()

    def follows(self, other: "ModelLayer") -> bool:
        """Whether another layer stands directly in front of this one, as far as is known."""
        return self.features.endswith(f"'{other.name}'")


@dataclass(frozen=True, slots=True, eq=False)
class ModelUpdate:
    """What a client sends of a whole model.

    Iterates as the updates of the layers to which a search applies, nearest to the data first.

    Attributes
    ----------
    layers : tuple of ModelLayer
        Every layer with weights, in the order of the model.
    head : LayerUpdate or None
        The last layer, which no ReLU follows. A search does not apply; the signs of its gradient tell labels.
    assumptions : tuple of str
        What was taken for granted when the update was read.
    """

    layers: tuple[ModelLayer, ...]
    head: LayerUpdate | None = None
    assumptions: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[LayerUpdate]:
        return (layer.update for layer in self.layers if layer.update is not None)

    @property
    def behind(self) -> tuple[tuple[Any, Any], ...] | None:
        """Weights and biases behind the first layer, as `invert(behind=)` takes them.

        A layer that has no bias has one of zero. None where the layers do not follow each other from the data
        to the head, as far as is known.
        """
        chained = all(
            last.follows(front) and front.update is not None and last.shape[1:] == front.shape[:1]
            for front, last in pairwise(self.layers)
        )
        if self.head is None or not chained or self.layers[0].features:
            return None
        if len(self.layers) < 2 or self.layers[-1].name != self.head.name:
            return None
        updates = [*(layer.update for layer in self.layers[1:-1]), self.head]
        return tuple(
            (one.weight, 0 * one.weight[:, 0] if one.bias is None else one.bias)
            for one in updates
            if one is not None
        )

    def with_kinds(self, feature_kinds: Sequence[str] | None) -> "ModelUpdate":
        """The same, with kinds of features for the layers whose inputs are the data; None changes nothing.

        Raises
        ------
        UpdateError
            If no layer that can be searched takes the data itself.
        """
        if feature_kinds is None:
            return self
        layers = [
            replace(one, update=replace(one.update, feature_kinds=feature_kinds))
            if one.update is not None and not one.features
            else one
            for one in self.layers
        ]
        if all(one.update is None or one.features for one in layers):
            msg = "feature_kinds is given: need a layer that can be searched and whose inputs are the data"
            raise UpdateError(msg)
        return replace(self, layers=tuple(layers))

    @property
    def skipped(self) -> dict[str, str]:
        """Why a search does not apply, by name of the layer."""
        return {layer.name: layer.reason for layer in self.layers if layer.update is None}

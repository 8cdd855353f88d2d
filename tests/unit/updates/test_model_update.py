import numpy as np
import pytest

from spear_xp.errors import UpdateError
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.model_update import ModelLayer, ModelUpdate


def test_a_model_iterates_as_the_layers_that_can_be_searched() -> None:
    update = LayerUpdate(np.eye(3), np.ones(3), np.zeros((3, 3)), np.zeros(3), name="fc1")
    layers = (ModelLayer("conv", (4, 3, 3, 3), None, "no layer"), ModelLayer("fc1", (3, 3), update))
    model = ModelUpdate(layers)
    assert list(model) == [update]
    assert model.skipped == {"conv": "no layer"}
    assert model.head is None


def test_kinds_of_features_are_for_layers_whose_inputs_are_the_data() -> None:
    update = LayerUpdate(np.eye(3), np.ones(3), np.zeros((3, 3)), np.zeros(3))
    first, deeper = (
        ModelLayer("fc1", (3, 3), update),
        ModelLayer("fc2", (3, 3), update, features="behind fc1"),
    )
    kinds = ["real", "one-hot:a", "one-hot:a"]
    model = ModelUpdate((first, deeper))
    assert [one.feature_kinds for one in model.with_kinds(kinds)] == [kinds, None]
    assert model.with_kinds(None) is model
    with pytest.raises(UpdateError, match="need a layer that can be searched and whose inputs are the data"):
        ModelUpdate((deeper, ModelLayer("conv", (3,), None, "no layer"))).with_kinds(kinds)

import numpy as np

from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.model_update import ModelLayer, ModelUpdate


def test_a_model_iterates_as_the_layers_that_can_be_searched() -> None:
    update = LayerUpdate(np.eye(3), np.ones(3), np.zeros((3, 3)), np.zeros(3), name="fc1")
    layers = (ModelLayer("conv", (4, 3, 3, 3), None, "no layer"), ModelLayer("fc1", (3, 3), update))
    model = ModelUpdate(layers)
    assert list(model) == [update]
    assert model.skipped == {"conv": "no layer"}
    assert model.head is None

from dataclasses import replace

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


def _chained(*features: str) -> ModelUpdate:
    """Layers 4-3-3-2 in a row, of which the last is the head."""
    sizes, layers = (4, 3, 3, 2), []
    for k in range(3):
        m, n = sizes[k + 1], sizes[k]
        update = LayerUpdate(np.ones((m, n)), np.ones(m), np.full((m, n), k), np.zeros(m), name=f"fc{k}")
        layers.append(
            ModelLayer(f"fc{k}", (m, n), None if k == 2 else update, "last" * (k == 2), features[k])
        )
    return ModelUpdate(tuple(layers), head=update)


def test_layers_behind_the_first() -> None:
    behind = _chained("", "behind 'fc0'", "behind 'fc1'").behind
    assert behind is not None
    assert [(weight.shape, bias.shape) for weight, bias in behind] == [((3, 3), (3,)), ((2, 3), (2,))]
    assert (behind[0][0] == 1).all()
    assert (behind[1][0] == 2).all()


def test_a_layer_behind_without_a_bias_has_one_of_zero() -> None:
    whole = _chained("", "behind 'fc0'", "behind 'fc1'")
    bare = replace(whole.layers[1], update=LayerUpdate(np.ones((3, 3)), None, np.ones((3, 3)), None))
    behind = replace(whole, layers=(whole.layers[0], bare, whole.layers[2])).behind
    assert behind is not None
    np.testing.assert_array_equal(behind[0][1], np.zeros(3))


def test_layers_that_do_not_follow_each_other_are_not_behind() -> None:
    whole = _chained("", "behind 'fc0'", "behind 'fc1'")
    assert _chained("", "behind 'fc0'", "behind 'other'").behind is None
    assert _chained("behind 'conv'", "behind 'fc0'", "behind 'fc1'").behind is None
    assert ModelUpdate(whole.layers).behind is None
    assert ModelUpdate(whole.layers[:2], head=whole.head).behind is None
    assert ModelUpdate((whole.layers[0], whole.layers[2]), head=whole.head).behind is None

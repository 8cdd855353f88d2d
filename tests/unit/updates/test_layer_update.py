import numpy as np
import pytest

from spear_xp.errors import ArgumentRangeError
from spear_xp.updates.layer_update import LayerUpdate


def test_an_update_is_its_four_arrays_in_the_order_of_the_call() -> None:
    parts = [np.full((2, 3), 1.0), np.full(2, 2.0), np.full((2, 3), 3.0), np.full(2, 4.0)]
    update = LayerUpdate(*parts, noise=0.1, name="fc1")
    assert [one is other for one, other in zip(update, parts, strict=True)] == [True] * 4
    assert update.weight_after is None


def test_arrays_have_the_layer_after_the_update_where_it_is_known() -> None:
    parts = [np.full((2, 3), 1.0), np.full(2, 2.0), np.full((2, 3), 3.0), np.full(2, 4.0)]
    assert list(LayerUpdate(*parts).arrays) == ["grad_w", "grad_b", "weight", "bias"]
    assert list(LayerUpdate(*parts, *parts[:2]).arrays)[4:] == ["weight_after", "bias_after"]
    with pytest.raises(ArgumentRangeError, match="weight_after is given alone"):
        _ = LayerUpdate(*parts, weight_after=parts[0]).arrays


def test_a_layer_may_have_no_bias_or_its_gradient_may_not_be_sent() -> None:
    weight, vector = np.ones((2, 3)), np.ones(2)
    assert list(LayerUpdate(weight, None, weight).arrays) == ["grad_w", "weight"]
    assert list(LayerUpdate(weight, None, weight, vector).arrays) == ["grad_w", "weight", "bias"]
    assert "weight_after" in LayerUpdate(weight, None, weight, None, weight).arrays
    for wrong in (LayerUpdate(weight, vector, weight), LayerUpdate(weight, None, weight, bias_after=vector)):
        with pytest.raises(ArgumentRangeError, match="without bias"):
            _ = wrong.arrays

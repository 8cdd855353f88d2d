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

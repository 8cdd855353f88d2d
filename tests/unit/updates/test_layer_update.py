import numpy as np

from spear_xp.updates.layer_update import LayerUpdate


def test_an_update_is_its_four_arrays_in_the_order_of_the_call() -> None:
    parts = [np.full((2, 3), 1.0), np.full(2, 2.0), np.full((2, 3), 3.0), np.full(2, 4.0)]
    update = LayerUpdate(*parts, noise=0.1, name="fc1")
    assert [one is other for one, other in zip(update, parts, strict=True)] == [True] * 4
    assert update.weight_after is None

import numpy as np

from spear_xp.updates.front import Affine, Dense, Front, Lookup, Relu


def test_steps_hold_what_a_model_computes() -> None:
    front: Front = (Lookup(np.ones((5, 3))), Affine(np.ones(3), np.zeros(3)), Dense(np.ones((4, 3))), Relu())
    assert isinstance(front[2], Dense)
    assert front[2].bias is None
    assert front[3] == Relu()

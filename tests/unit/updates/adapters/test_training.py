import math

import numpy as np
import pytest

from spear_xp.errors import ArgumentRangeError, UpdateError
from spear_xp.updates.adapters.training import ADAPTIVE, Training, change, looks_like_signs
from tests.conftest import Backend


@pytest.mark.parametrize("optimizer", [*ADAPTIVE, "Adam"])
def test_adaptive_optimisers_are_refused_with_the_reason(optimizer: str) -> None:
    with pytest.raises(UpdateError, match=f"optimizer='{optimizer}' scales every entry.*full rank"):
        Training(lr=0.1, optimizer=optimizer)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, "lr=0.0: need a finite number > 0"),
        ({"lr": -1.0}, "lr=-1.0"),
        ({"lr": math.nan}, "lr=nan"),
        ({"lr": math.inf}, "lr=inf"),
        ({"steps": 0}, "steps=0: need at least 1"),
        ({"momentum": 1.0}, "momentum=1.0: need a number in"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0"),
        ({"optimizer": "lbfgs"}, "optimizer='lbfgs': need 'sgd'"),
    ],
)
def test_options_out_of_range(options: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentRangeError, match=message):
        Training(**({"lr": 0.1} | options))  # type: ignore[arg-type]


def test_what_is_taken_for_granted_is_said() -> None:
    assert len(Training(lr=0.1).assumptions) == 1
    said = " ".join(Training(lr=0.1, steps=5, momentum=0.9, weight_decay=1e-4).assumptions)
    for word in ("5 steps", "lr=0.1", "momentum=0.9 started from zero", "weight decay 0.0001", "masks"):
        assert word in said


def test_the_change_is_a_gradient_in_the_library_of_the_weights(space: Backend) -> None:
    before, after = space.arrays(np.full((2, 3), 1.0), np.full((2, 3), 0.75))
    found = change(before, after, Training(lr=0.5))
    assert found.dtype == before.dtype
    np.testing.assert_array_equal(space.to_numpy(found), 0.5)


def test_the_change_of_half_floats_is_not_rounded_to_half() -> None:
    before, after = np.full((1, 1), 1.0, "float16"), np.full((1, 1), 0.999, "float16")
    found = change(before, after, Training(lr=0.3))
    assert found.dtype == np.float32
    assert found[0, 0] == np.float32((1 - float(after[0, 0])) / 0.3)


def test_steps_of_one_size_are_noticed() -> None:
    rng = np.random.default_rng(0)
    signs = np.sign(rng.standard_normal((20, 30)))
    signs[:8] = 0  # neurons that are dead
    assert looks_like_signs(signs * (1 + 1e-3 * rng.standard_normal((20, 30))))
    assert not looks_like_signs(rng.standard_normal((20, 30)))
    assert not looks_like_signs(np.zeros((20, 30)))

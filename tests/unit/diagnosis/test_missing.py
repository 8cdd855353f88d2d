"""Missing entries that show in the arrays."""

import numpy as np
import pytest

from spear_xp.diagnosis.entries import of_entries
from spear_xp.diagnosis.missing import HIDING, missing_in
from spear_xp.reduction.gradient import validate
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.causes import DATA, PLANTED, honest

MISSING = ("top 10 %", "top 50 %", "top 90 %", "random mask", "clipped .1 %", "clipped 5 %")


@pytest.mark.parametrize("data", ["gaussian", "faces", "digits", "tabular"])
@pytest.mark.parametrize("name", MISSING)
def test_what_is_known_is_as_it_was(name: str, data: str) -> None:
    change, fitting = PLANTED[name]
    before = honest(data, seed=3)
    after = change(before)
    gradient = validate(*after.arrays)
    found = missing_in(gradient, of_entries(gradient))
    assert found is not None
    why, known = found
    assert {why.name} == set(fitting) <= HIDING
    same = np.c_[before.arrays[0] == after.arrays[0], before.arrays[1] == after.arrays[1]]
    assert same[known].all()
    assert known.mean() > 0.8 * same.mean() - 0.4 * (data == "digits")  # of zeros few are known


def test_rows_and_columns_of_zeros_are_known_under_a_random_mask_alone() -> None:
    before = honest("digits", seed=3)
    blank = ~before.arrays[0].any(axis=0)
    assert blank.any()
    for name, whole in (("random mask", True), ("top 50 %", False)):
        gradient = validate(*PLANTED[name][0](before).arrays)
        found = missing_in(gradient, of_entries(gradient))
        assert found is not None
        assert found[1][:, :-1][:, blank].all() == whole


@pytest.mark.parametrize("data", sorted(DATA.keys() - {"crops"}))
@pytest.mark.parametrize(("b", "m"), [(1, 40), (5, 30), (12, 300), (28, 100)])
def test_nothing_is_missing_in_honest_gradients(data: str, b: int, m: int) -> None:
    for seed in range(3):
        gradient = validate(*honest(data, b, m, seed).arrays)
        assert missing_in(gradient, of_entries(gradient, noisy=False)) is None


@pytest.mark.parametrize(("share", "axis"), [(0.9, 0), (0.9, 1), (0.5, 0), (0.5, 1)])
def test_a_mask_that_may_have_hit_a_whole_row_or_column_tells_nothing_of_it(share: float, axis: int) -> None:
    """Of 100 rows one in four is expected to show: a mask of 90 % hides all of these once in 14 columns."""
    truth = mlp_gradient(gaussian_inputs(4, 100, rng=0), width=110, rng=0)
    rng = np.random.default_rng(1)
    grads = [np.where(rng.random(x.shape) < share, 0.0, x) for x in (truth.grad_w, truth.grad_b)]
    grads[0][:, 7] = grads[0][7, :] = grads[1][7] = 0.0
    gradient = validate(*(x.astype("float32") for x in (*grads, truth.weight, truth.bias)))
    found = missing_in(gradient, of_entries(gradient))
    assert found is not None
    line = found[1][:, 7] if axis == 0 else found[1][7, :]
    assert line.all() == (share < 0.9)
    assert line.any() == (share < 0.9)

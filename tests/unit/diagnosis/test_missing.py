"""Missing entries that show in the arrays."""

import numpy as np
import pytest

from spear_xp.diagnosis.entries import of_entries
from spear_xp.diagnosis.missing import HIDING, missing_in
from spear_xp.reduction.gradient import validate
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

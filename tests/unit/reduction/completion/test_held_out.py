"""What was held out decides."""

import numpy as np
import pytest

from spear_xp.numerics.backend import space_of
from spear_xp.numerics.work import Meter
from spear_xp.reduction.completion.alternating import Entries
from spear_xp.reduction.completion.held_out import WORST, confirmed
from tests.helpers.missing import product
from tests.helpers.networks import Floats


def entries(truth: Floats, known: Floats) -> Entries:
    return Entries.of(space_of(truth), truth, known)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-4])
def test_what_predicts_is_taken(noise: float) -> None:
    truth, known = product(4, 120, 90, 0.5)
    noisy = truth + noise * np.random.default_rng(1).standard_normal(truth.shape)
    found = confirmed(entries(noisy, known), 6e-8, None, Meter())
    assert found is not None
    assert found.fit.rank == 4
    assert 1 <= found.surprise < 1.5
    assert len(found.rows) == 120


def test_rows_of_which_too_little_came_are_left_out() -> None:
    truth, known = product(4, 120, 90, 0.5)
    known[:7, 3:] = False
    found = confirmed(entries(truth, known), 6e-8, None, Meter())
    assert found is not None
    assert list(found.rows) == list(range(7, 120))
    assert WORST > 10


@pytest.mark.parametrize("wrong", [0.002, 0.05, 0.5])
def test_a_wrong_mask_predicts_nothing(wrong: float) -> None:
    """Zeros in the place of entries that are said to be known."""
    truth, known = product(4, 120, 90, 0.6)
    spoiled = np.where(np.random.default_rng(1).random(truth.shape) < wrong, 0.0, truth)
    work: list[float] = []
    found = confirmed(entries(spoiled, known), 6e-8, None, Meter(count=work.append))
    assert found is None
    assert sum(work) > 0


def test_too_few_entries_confirm_nothing() -> None:
    truth, known = product(4, 30, 20, 0.5)  # nine are held out
    assert confirmed(entries(truth, known), 6e-8, None, Meter()) is None


@pytest.mark.parametrize("turns", [3, 10])
def test_what_is_not_determined_is_left_out_however_many_turns_it_takes(turns: int) -> None:
    """At rank 2 row k needs columns k - 1 and k, and column k rows k and k + 1; row 0 has one entry."""
    truth, known = product(2, 120, 90, 0.6)
    known[:turns, :] = known[:, :turns] = False
    for k in range(turns):
        known[k : k + 2, k] = True
    found = confirmed(entries(truth, known), 6e-8, 2, Meter())
    assert found is not None
    assert list(found.rows) == list(range(turns, 120))

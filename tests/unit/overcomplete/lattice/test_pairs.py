"""Samples that rows with two unknown ones tell by their one-hot groups."""

import numpy as np
import pytest

from spear_xp.numerics.work import OutOfTime
from spear_xp.overcomplete.lattice.pairs import Pairs
from spear_xp.overcomplete.lattice.rows import OneHotRows
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.helpers.networks import Floats
from tests.helpers.tables import FEW_KINDS, few_categories, with_inputs


def pairs_of(seed: int, known: int, width: int = 1500) -> tuple[Pairs, Floats]:
    """The first samples of a batch are known."""
    records = few_categories(np.random.default_rng(seed), 26).astype("float32")
    gradient = validate(*with_inputs(records, seed=seed, width=width).observed)
    problem = reduce_overcomplete(gradient)
    exact = records.astype(float)
    active = problem.layer @ problem.points(exact).T > 0
    rows = OneHotRows(problem, gradient, FEW_KINDS)
    usable = np.ones(problem.width, bool)
    return Pairs(problem, rows, exact[:known], np.zeros(known), active[:, :known], usable), records


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_categories_and_numbers_of_unknown_samples_are_told(seed: int) -> None:
    pairs, records = pairs_of(seed, 8)
    work: list[float] = []
    told = pairs.tell(count=work.append)
    assert told
    assert sum(work) > 0
    for one in told:
        apart = np.abs(one.sample - records)
        best = apart.max(axis=1).argmin()
        assert (one.sample[:24] == records[best, :24]).all()
        assert (apart[best, 24:] < 6 * one.errors[24:] + 1e-7).all()
        assert pairs.active[one.row, 8:].any()
    hot = {tuple(record[:24]) for record in records}
    assert {
        tuple(sample[:24]) for sample in pairs.samples
    } <= hot  # what has no numbers yet has its categories


def test_nothing_is_told_of_rows_that_are_not_to_be_used() -> None:
    pairs, _ = pairs_of(0, 8)
    pairs.usable[:] = False
    assert pairs.tell() == []


def test_time_is_asked_for() -> None:
    pairs, _ = pairs_of(0, 8)
    with pytest.raises(OutOfTime):
        pairs.tell(lambda: False)

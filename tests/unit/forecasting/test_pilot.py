"""The beginning of a search."""

import numpy as np
import pytest

from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.pool import Pool
from spear_xp.forecasting import pilot as room
from spear_xp.forecasting.calibration import until
from spear_xp.forecasting.pilot import Pilot, run_pilot
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient


def problem(batch_size: int, width: int) -> Problem:
    truth = mlp_gradient(gaussian_inputs(batch_size, 100, rng=0), width=width, rng=0)
    return reduce(validate(*truth.observed))


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "until", lambda seconds: until(100 * seconds))


def test_an_easy_batch_is_found_whole_and_the_pilot_ends() -> None:
    found = run_pilot(problem(10, 120))
    assert (found.batch_size, found.width) == (10, 120)
    assert found.found == 10
    assert 0 < found.work < room.WORK
    assert not found.cut


def test_a_hard_one_uses_its_budget_and_finds_less() -> None:
    hard = problem(30, 70)
    found = run_pilot(hard, seconds=0.1)
    assert found.work >= 0.1 * room.WORK
    assert found.first <= found.found < 28
    again = run_pilot(hard, seconds=0.1)
    assert (again.found, again.work) == (found.found, found.work)


def test_a_slow_machine_cuts_it_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "until", lambda _: lambda: False)
    assert run_pilot(problem(20, 100)).cut


def test_of_a_whole_batch_those_count_whose_masks_fit() -> None:
    given = problem(10, 120)
    pool = run_pilot(given).pool
    assert room._fitting(given, pool) == 10
    rows = np.asarray(given.rows)
    mixed = [np.linalg.svd(rows[10 * k : 10 * k + 9])[2][-1] for k in range(7)]  # zero on nine rows by force
    false = [Candidate.of(given, direction, "false") for direction in mixed]
    spoiled = Pool(given, (*pool.candidates[:3], *false))
    assert len(spoiled) == 10
    assert room._fitting(given, spoiled) < 10


def test_near_twins_show_in_the_spectrum() -> None:
    inputs = gaussian_inputs(20, 100, rng=0)
    usual = mlp_gradient(inputs, width=150, rng=0)
    inputs[1] = inputs[0] + 0.01 * inputs[1]
    twins = mlp_gradient(inputs, width=150, rng=0)
    far, near = (
        Pilot(20, 150, 0, 0, 1.0, Pool(reduce(validate(*one.observed)))).closeness for one in (usual, twins)
    )
    assert near < -2 < -1 < far


def test_one_sample_has_nothing_to_search() -> None:
    assert run_pilot(problem(1, 30)).found == 1

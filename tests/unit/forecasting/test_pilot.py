"""The beginning of a search."""

import pytest

from spear_xp.forecasting import pilot as room
from spear_xp.forecasting.calibration import until
from spear_xp.forecasting.pilot import run_pilot
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


def test_one_sample_has_nothing_to_search() -> None:
    assert run_pilot(problem(1, 30)).found == 1

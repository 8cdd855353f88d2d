"""The best of several sets: it does not depend on the order in which they come."""

from itertools import permutations

import numpy as np
import pytest

from spear_xp.recovery.alternation import tentative_set
from spear_xp.recovery.nuisance import stood_in
from spear_xp.reduction.problem import Problem
from spear_xp.solver.assessment import FullSet
from spear_xp.solver.incumbent import Incumbent
from tests.helpers.networks import Floats
from tests.helpers.sets import candidates, solved, with_twins


def offered(problem: Problem, sets: tuple[Floats, ...]) -> Incumbent:
    best = Incumbent(problem)
    for directions in sets:
        full = FullSet(problem, tuple(candidates(problem, directions)))
        assert best.consider(full, tentative=True) is not None
    return best


@pytest.mark.parametrize("quick", [0, 2**21])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_set_does_not_depend_on_the_order(
    seed: int, quick: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spear_xp.solver.assessment.QUICK", quick)
    monkeypatch.setattr("spear_xp.recovery.alternation.PATIENCE", 0)
    problem, true = solved(with_twins(0.02, twins=3, seed=seed))
    space = np.linalg.qr(true[:, 8:]).Q
    found = [tentative_set(problem, true[:, :8], space, seed=s) for s in range(2)]
    sets = (true, *(guess.directions for guess in found if guess is not None))
    merits = {
        tuple(np.round(best.best.merit, 3))
        for order in permutations(sets)
        if (best := offered(problem, order)).best is not None
    }
    assert len(merits) == 1


@pytest.mark.parametrize("first", [True, False])
def test_a_mixture_of_twins_does_not_take_the_place_of_the_twins(first: bool) -> None:
    problem, true = solved(with_twins(0.02))
    mixed = true.copy()
    mixed[:, 10:] = true[:, 10:] @ np.array([[1.0, 0.3], [-0.3, 1.0]])
    mixed /= np.linalg.norm(mixed, axis=0)
    best = offered(problem, (true, mixed) if first else (mixed, true))
    assert best.best is not None
    assert best.best.masks is not None
    assert best.best.masks.total_contradictions == 0
    cosines = np.abs(true.T @ best.best.samples.directions)
    cosines /= np.linalg.norm(best.best.samples.directions, axis=0)
    assert cosines.max(axis=0).min() > 1 - 1e-6


def test_tentative_directions_for_what_is_open_are_taken_beside_nuisance() -> None:
    problem, true = solved(with_twins(0.02))
    rest = stood_in(problem, true, np.arange(12) < 10)._replace(tentative=None)
    best = Incumbent(problem)
    full = FullSet(problem, tuple(candidates(problem, true[:, :10])), rest)
    assert best.consider(full) is not None
    assert best.best is not None
    assert best.best.masks is None  # anything may be in it
    best.adopt_tentative(true)
    assert best.best.masks is not None
    assert best.best.masks.total_contradictions == 0

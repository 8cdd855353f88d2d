"""Tentative sets: false directions among true ones are mended, and nothing is where nothing is doubtful."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from spear_xp.candidates.pool import Pool
from spear_xp.candidates.screening import Screen
from spear_xp.recovery.alternation import alternate, tentative_set
from spear_xp.reduction.problem import Problem
from spear_xp.solver.incumbent import Incumbent
from spear_xp.solver.partial_sets import PartialSets
from spear_xp.solver.runtime.clock import Clock
from tests.helpers.sets import solved, with_twins


def partial_sets(problem: Problem) -> PartialSets:
    pool, best = Pool(problem), Incumbent(problem)
    screen = Screen(problem, pool, threshold=problem.rank + 2, uses_layer=True)
    return PartialSets(problem, pool, screen, best, Clock(60.0))


def within(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


@pytest.mark.parametrize("seed", [2, 3])
def test_directions_that_masks_contradict_are_worked_out_anew(seed: int) -> None:
    problem, true = solved(with_twins(0.05, twins=3, seed=seed))
    mixed = true.copy()
    mixed[:, 8:] = true[:, 8:] @ np.random.default_rng(seed).standard_normal((4, 4))
    mixed /= np.linalg.norm(mixed, axis=0)
    alone = alternate(problem, mixed)
    partial = partial_sets(problem)
    partial.mend(mixed, within(10.0))
    best = partial.best.best
    assert alone is not None
    assert best is not None
    assert best.masks is not None
    assert alone.total_contradictions > 1  # alternation by itself does not end there
    assert best.masks.total_contradictions < 1  # chance zeros count an eighth
    assert best.masks.cost <= alone.cost


def test_a_set_without_a_contradiction_is_kept() -> None:
    problem, true = solved(with_twins(0.05))
    partial = partial_sets(problem)
    assert not partial.mend(true, within(10.0))
    assert partial.best.best is not None
    assert partial.best.best.masks is not None
    assert partial.best.best.masks.total_contradictions == 0
    found = partial.best.best.masks.directions
    assert np.abs(found.T @ true).max(axis=0).min() > 1 - 1e-9


def test_directions_in_doubt_are_worked_out_anew_though_no_mask_contradicts_them() -> None:
    problem, true = solved(with_twins(0.02, twins=3, seed=1))
    space = np.linalg.qr(true[:, 8:]).Q
    rival = tentative_set(problem, true[:, :8], space, seed=0, keep_going=within(0.02))
    assert rival is not None
    partial = partial_sets(problem)
    assert partial.mend(rival.directions, within(10.0), np.arange(12) >= 8)
    best = partial.best.best
    assert best is not None
    assert best.masks is not None
    assert best.masks.cost <= rival.cost
    assert not partial.mend(true, within(10.0), np.arange(12) >= 0)  # nothing to go from

"""Guesses at full sets: false directions among true ones, and none where nothing is doubtful."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from spear_xp.candidates.pool import Pool
from spear_xp.candidates.screening import Screen
from spear_xp.candidates.separability import SeparabilityTest
from spear_xp.recovery.alternation import alternate
from spear_xp.reduction.problem import Problem
from spear_xp.solver.incumbent import Judge
from spear_xp.solver.partial_sets import Guessing, guessed
from tests.helpers.sets import solved, with_twins


def guessing(problem: Problem) -> Guessing:
    intake = Screen(Pool(problem), SeparabilityTest.of(problem), problem.rank + 2, lambda: True)
    return Guessing(intake, Judge(problem))


def within(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


@pytest.mark.parametrize("seed", [2, 3])
def test_directions_that_masks_contradict_are_guessed_anew(seed: int) -> None:
    problem, true = solved(with_twins(0.05, twins=3, seed=seed))
    mixed = true.copy()
    mixed[:, 8:] = true[:, 8:] @ np.random.default_rng(seed).standard_normal((4, 4))
    mixed /= np.linalg.norm(mixed, axis=0)
    alone = alternate(problem, mixed)
    guess = guessing(problem)
    guess.mend(mixed, within(10.0))
    best = guess.judge.best
    assert alone is not None
    assert best is not None
    assert best.masks is not None
    assert alone.contradictions > 1  # alternation by itself does not end there
    assert best.masks.contradictions < 1  # chance zeros count an eighth
    assert best.masks.doubt <= alone.doubt


def test_a_set_without_a_contradiction_is_kept() -> None:
    problem, true = solved(with_twins(0.05))
    guess = guessing(problem)
    assert not guess.mend(true, within(10.0))
    assert guess.judge.best is not None
    assert guess.judge.best.masks is not None
    assert guess.judge.best.masks.contradictions == 0
    found = guess.judge.best.masks.directions
    assert np.abs(found.T @ true).max(axis=0).min() > 1 - 1e-9


def test_directions_in_doubt_are_guessed_anew_though_no_mask_contradicts_them() -> None:
    problem, true = solved(with_twins(0.02, twins=3, seed=1))
    space = np.linalg.qr(true[:, 8:]).Q
    rival = guessed(problem, true[:, :8], space, seed=0, keep_going=within(0.02))
    assert rival is not None
    guess = guessing(problem)
    assert guess.mend(rival.directions, within(10.0), np.arange(12) >= 8)
    best = guess.judge.best
    assert best is not None
    assert best.masks is not None
    assert best.masks.doubt <= rival.doubt
    assert not guess.mend(true, within(10.0), np.arange(12) >= 0)  # nothing to go from

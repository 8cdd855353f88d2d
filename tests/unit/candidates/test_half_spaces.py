"""Rough directions under added noise, and the hyperplanes of their masks."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.candidates import Pool
from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.half_spaces import behind_hyperplanes, half_space_work
from spear_xp.candidates.screening import Screen
from spear_xp.reduction import Problem
from tests.helpers.networks import Floats
from tests.helpers.noisy import noisy


def nearness(problem: Problem, found: Floats, true: Floats) -> Floats:
    """Largest cosine of each found direction with a true one, where noise is the same in all coordinates."""
    white = [v / problem.singular_values[:, None] for v in (found, true)]
    first, second = (v / np.linalg.norm(v, axis=0) for v in white)
    return np.asarray(np.abs(second.T @ first).max(axis=0))


@pytest.mark.parametrize("seed", range(3))
def test_directions_that_are_off_come_back_with_their_masks(seed: int) -> None:
    case = noisy(seed)
    problem, true, inactive = case.problem, case.directions, case.inactive
    assert problem.rank == 10
    assert problem.noise_hides
    rng = np.random.default_rng(seed)
    off = true + 0.2 * rng.standard_normal(true.shape) / 10**0.5
    assert (nearness(problem, off / np.linalg.norm(off, axis=0), true) < 0.99).any()
    found = behind_hyperplanes(problem, off / np.linalg.norm(off, axis=0), "told")
    assert len(found) >= 6
    near = nearness(problem, np.stack([one.direction for one in found], axis=1), true)
    assert np.median(near) > 0.99
    flips = [(one.zero[:, None] != inactive).sum(axis=0).min() for one in found]
    hidden = [(problem.zeros_of(true[:, k]) & ~inactive[:, k]).sum() for k in range(10)]
    assert np.median(flips) < np.median(hidden)  # rows that noise hides are told from those that are zero
    assert {one.source for one in found} == {"told"}
    assert all(one.zeros == one.zero.sum() for one in found)


def test_mixtures_and_nonsense_are_turned_away() -> None:
    case = noisy(0)
    problem, true = case.problem, case.directions
    rng = np.random.default_rng(1)
    anything = rng.standard_normal((10, 40))
    found = behind_hyperplanes(problem, anything / np.linalg.norm(anything, axis=0))
    near = (
        nearness(problem, np.stack([one.direction for one in found], axis=1), true) if found else np.ones(1)
    )
    assert np.median(near) > 0.98  # what passes has arrived at a sample
    nothing = np.full((10, 2), np.nan)
    assert behind_hyperplanes(problem, nothing) == []
    assert behind_hyperplanes(problem, true, keep_going=lambda: False) == []


def test_the_same_direction_found_twice_is_one_candidate() -> None:
    case = noisy(0)
    problem, true = case.problem, case.directions
    rng = np.random.default_rng(2)
    pool = Pool(problem)
    for _ in range(3):
        off = true + 0.003 * rng.standard_normal(true.shape)
        unit = off / np.linalg.norm(off, axis=0)
        pool.extend([Candidate.of(problem, unit[:, k], "") for k in range(10)])
    assert len(pool) == 10
    quiet = Pool(replace(problem, noise_model="relative", noise_level=problem.noise_level * 0.4))
    quiet.extend([Candidate.of(quiet.problem, true[:, k], "") for k in range(10)])
    off = true + 0.003 * rng.standard_normal(true.shape)
    assert any(quiet.extend([Candidate.of(quiet.problem, off[:, k], "") for k in range(10)]))


def test_only_strong_added_noise_asks_for_it() -> None:
    case = noisy(0)
    problem, true = case.problem, case.directions
    assert not replace(problem, noise_model="relative").noise_hides
    assert not replace(problem, noise_level=problem.noise_level * 1e-3).noise_hides
    assert not replace(problem, drift=problem.layer_norms).noise_hides
    door = Screen(problem, Pool(problem), threshold=12, uses_layer=True)
    admitted = door.admit(true, "told")
    assert admitted.new >= 6
    assert admitted.work >= half_space_work(problem, 10) > half_space_work(problem, 5) > 0
    assert half_space_work(problem, 0) == 0

"""Rough directions under added noise, and the hyperplanes of their masks."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.candidates import Pool
from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.half_spaces import behind_hyperplanes, half_space_work
from spear_xp.candidates.screening import Screen
from spear_xp.reduction import Problem
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.updates.images import digits
from spear_xp.updates.synthetic import mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


def noisy(seed: int, noise: float = 0.03) -> tuple[Problem, Floats, Floats]:
    """A batch of digits with noise of so many times the root mean square entry, its directions and masks."""
    inputs, rng = digits(10, rng=seed), np.random.default_rng(seed)
    truth = mlp_gradient(inputs, width=300, rng=seed)
    level = noise * np.sqrt((truth.grad_w**2).mean())
    grad_w, grad_b, weight, bias = truth.observed
    grad_w, grad_b = (g + level * rng.standard_normal(g.shape).astype(g.dtype) for g in (grad_w, grad_b))
    problem = reduce(validate(grad_w, grad_b, weight, bias))
    directions = true_recovery(problem, inputs).directions
    return problem, directions / np.linalg.norm(directions, axis=0), np.asarray(truth.zero_pattern)


def nearness(problem: Problem, found: Floats, true: Floats) -> Floats:
    """Largest cosine of each found direction with a true one, where noise is the same in all coordinates."""
    white = [v / problem.singular_values[:, None] for v in (found, true)]
    first, second = (v / np.linalg.norm(v, axis=0) for v in white)
    return np.asarray(np.abs(second.T @ first).max(axis=0))


@pytest.mark.parametrize("seed", range(3))
def test_directions_that_are_off_come_back_with_their_masks(seed: int) -> None:
    problem, true, inactive = noisy(seed)
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
    problem, true, _ = noisy(0)
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
    problem, true, _ = noisy(0)
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
    problem, true, _ = noisy(0)
    assert not replace(problem, noise_model="relative").noise_hides
    assert not replace(problem, noise_level=problem.noise_level * 1e-3).noise_hides
    assert not replace(problem, drift=problem.layer_norms).noise_hides
    door = Screen(problem, Pool(problem), threshold=12, uses_layer=True)
    admitted = door.admit(true, "told")
    assert admitted.new >= 6
    assert admitted.work >= half_space_work(problem, 10) > half_space_work(problem, 5) > 0
    assert half_space_work(problem, 0) == 0

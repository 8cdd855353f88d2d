from dataclasses import replace

import numpy as np
import pytest

from spear_xp.candidates.separability import STRICT, SeparabilityTest
from spear_xp.geometry.masks import MISFIT
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


def problem_and_directions(inputs: Floats, seed: int) -> tuple[Problem, Floats]:
    problem = reduce(validate(*mlp_gradient(inputs, width=200, rng=seed).observed))
    directions = true_recovery(problem, inputs).directions
    return problem, directions / np.linalg.norm(directions, axis=0)


@pytest.mark.parametrize("seed", range(3))
def test_masks_of_samples_pass_and_those_of_mixtures_do_not(seed: int) -> None:
    problem, unit = problem_and_directions(gaussian_inputs(12, 60, rng=seed), seed)
    test = SeparabilityTest(problem)
    assert (test.misfits(unit) <= max(STRICT, 1 / 200)).all()
    both = unit[:, :-1] + unit[:, 1:]
    assert (test.misfits(both / np.linalg.norm(both, axis=0)) > MISFIT).all()


def test_masks_of_close_samples_pass_for_each_other() -> None:
    """The test tells samples from mixtures of different ones, not from their neighbours."""
    inputs = gaussian_inputs(12, 60, rng=0)
    inputs[1] = inputs[0] + 1e-3 * inputs[2]
    problem, unit = problem_and_directions(inputs, 0)
    both = unit[:, :1] + unit[:, 1:2]
    assert (SeparabilityTest(problem).misfits(both / np.linalg.norm(both)) <= STRICT).all()


@pytest.mark.parametrize("seed", range(3))
def test_rows_on_which_nothing_shows_of_a_quiet_sample_are_no_contradiction(seed: int) -> None:
    problem, unit = problem_and_directions(gaussian_inputs(12, 60, rng=seed), seed)
    size = np.median(np.abs(problem.rows @ unit), axis=0)
    loud = SeparabilityTest(problem)
    quiet = SeparabilityTest(replace(problem, noise_level=float(problem.noise_level * 5e5)))
    hidden = (quiet.problem.zeros_of(unit) & ~problem.zeros_of(unit)).sum(axis=0)
    assert (size > 0).all()
    assert hidden.mean() > 3
    assert np.median(quiet.misfits(unit)) <= STRICT
    both = unit[:, :-1] + unit[:, 1:]
    assert np.median(quiet.misfits(both / np.linalg.norm(both, axis=0))) > MISFIT
    assert loud.misfits(unit).max() <= max(STRICT, 1 / 200)


def test_few_errors_are_doubtful_only_where_others_have_none() -> None:
    problem, _ = problem_and_directions(gaussian_inputs(12, 60, rng=0), 0)
    test = SeparabilityTest(problem)
    assert test.tolerated(np.array([0.0, 0.0, 0.0, 0.015])) < 0.015
    assert test.tolerated(np.array([0.006, 0.007, 0.005, 0.015])) >= 0.015
    assert test.tolerated(np.array([0.3, 0.4])) == np.inf
    noisy = SeparabilityTest(replace(problem, noise_level=1e-4))
    assert noisy.tolerated(np.array([0.0, 0.0, 0.0, 0.015])) >= 0.015
    assert noisy.tolerated(np.array([0.3, 0.4])) == np.inf

"""Duals by robust regression, pure directions beside quiet samples, and what is said of the rest."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.candidates.refit import refit
from spear_xp.geometry.directions import columns_of
from spear_xp.geometry.robust_regression import regressed_duals
from spear_xp.recovery.samples import recover
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.solver.outcome import missing_samples
from spear_xp.strategies.splitting import Splitting
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
from tests.helpers.geometry import columns_found, known_samples
from tests.helpers.networks import Floats
from tests.helpers.sets import quiet_layer
from tests.helpers.truth import true_recovery

BATCH = 12


def problem_with_truth(layer: LayerGradient) -> tuple[Problem, Floats, Floats]:
    """A problem, its true unit directions and its true duals."""
    problem = reduce(validate(*layer.observed))
    truth = true_recovery(problem, layer.inputs)
    return problem, truth.directions / np.linalg.norm(truth.directions, axis=0), truth.duals


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_duals_follow_from_rows_without_the_missing_samples(missing: int, seed: int) -> None:
    pattern = np.random.default_rng(seed).random((200, BATCH)) < 0.75
    layer = planted_problem(pattern, gaussian_inputs(BATCH, 60, rng=seed), rng=seed)
    problem, directions, duals = problem_with_truth(layer)
    known = directions[:, missing:]
    found = regressed_duals(problem, known, columns_of(problem, known, problem.zeros_of(known)))
    assert found is not None
    np.testing.assert_allclose(np.sum(found * known, axis=0), 1.0, rtol=1e-6)
    found = found / (problem.last @ found)
    np.testing.assert_allclose(found, duals[:, missing:], atol=1e-5 * np.abs(duals).max())


def test_no_duals_where_hardly_a_row_is_without_the_missing_samples() -> None:
    layer = mlp_gradient(gaussian_inputs(BATCH, 60, rng=0), width=200, rng=0)
    problem, directions, _ = problem_with_truth(layer)
    known = directions[:, 6:]
    assert regressed_duals(problem, known, columns_of(problem, known, problem.zeros_of(known))) is None


def test_dependent_directions_have_no_duals() -> None:
    layer = mlp_gradient(gaussian_inputs(BATCH, 60, rng=0), width=200, rng=0)
    problem, directions, _ = problem_with_truth(layer)
    twice = directions[:, [0, 1, 1]]
    assert regressed_duals(problem, twice, columns_of(problem, twice, problem.zeros_of(twice))) is None


def test_a_bit_of_a_quiet_sample_goes_out_of_the_others() -> None:
    """It hides in their zero rows, but for two on which it is not quiet."""
    problem, directions, _ = problem_with_truth(quiet_layer(1e-4))
    share = 3e-5
    mixed = directions[:, 0] + share * directions[:, 7]
    mixed = mixed / np.linalg.norm(mixed)
    pattern = problem.zeros_of(mixed)
    assert not pattern[:2].any()
    found = refit(problem, mixed, pattern)
    assert found is not None
    assert found.zero[:2].all()
    np.testing.assert_array_equal(found.zero, problem.zeros_of(directions[:, 0]))


@pytest.mark.parametrize(("size", "quiet"), [(1e-7, True), (1.0, False)])
def test_what_is_missing_is_named_with_its_snr(size: float, quiet: bool) -> None:
    problem, directions, _ = problem_with_truth(quiet_layer(size, loud_rows=0))
    recovery = recover(problem, directions, nuisance=1)
    assert recovery is not None
    (reason,) = missing_samples(recovery)
    assert ("too quiet" in reason) == quiet
    decibels = float(reason.split("SNR ")[1].split(" dB")[0])
    assert decibels < 20 if quiet else decibels > 80


@pytest.mark.parametrize("seed", range(4))
def test_groups_of_near_twins_are_split_next_to_the_boundary_of_their_mask(seed: int) -> None:
    """Seven samples whose masks differ on some per cent of the rows: too many for any rows to do."""
    rng = np.random.default_rng(seed)
    inputs = gaussian_inputs(16, 80, rng=seed)
    inputs[:7] = inputs[0] + 0.15 * rng.standard_normal((7, 80))
    layer = mlp_gradient(inputs, width=600, rng=seed)
    problem, _, _ = problem_with_truth(layer)
    found: set[int] = set()
    for chunk in range(4):
        known = known_samples(problem, inputs, sorted(found), kernels=(range(7),))
        found |= columns_found(problem, inputs, Splitting().propose(problem, known, 0, chunk).directions)
    assert len(found & set(range(7))) >= 6  # the last one follows from the others (last_direction)


@pytest.mark.parametrize("last", [1e-9, 1e-12])
def test_a_singular_value_next_to_nothing_does_not_raise(last: float) -> None:
    layer = mlp_gradient(gaussian_inputs(BATCH, 60, rng=0), width=200, rng=0)
    problem, directions, _ = problem_with_truth(layer)
    problem = replace(problem, singular_values=np.r_[np.ones(BATCH - 1), last])
    known = directions[:, 6:]
    found = regressed_duals(problem, known, columns_of(problem, known, problem.zeros_of(known)))
    assert found is None or np.isfinite(found).all()

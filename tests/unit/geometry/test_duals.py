"""Duals that rows alone determine, from all directions of a batch or from some."""

import numpy as np
import pytest
from hypothesis import given

from spear_xp.geometry.duals import PartialDuals, solve_duals
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.networks import Floats, network
from tests.helpers.truth import true_recovery

BATCH = 10
QUIET, BUSY = (
    0.4,
    -1.0,
)  # taken off the biases: a neuron is active on a quarter of the samples, or on nearly all


def layer_of(seed: int, shift: float) -> tuple[tuple[Floats, ...], Floats]:
    """What a server sees of 300 neurons, and the batch."""
    rng = np.random.default_rng(seed)
    net = network((40, 300, 10), rng)
    net.biases[0] -= np.float32(shift)
    inputs = rng.standard_normal((BATCH, 40)).astype("float32")
    return net.observed(inputs, np.arange(BATCH)), inputs


def batch_of(seed: int = 0, shift: float = QUIET) -> tuple[Problem, Floats, Floats]:
    """A problem, its true unit directions, and duals with p · q = 1."""
    observed, inputs = layer_of(seed, shift)
    problem = reduce(validate(*observed))
    truth = true_recovery(problem, inputs)
    norms = np.linalg.norm(truth.directions, axis=0)
    return problem, truth.directions / norms, truth.duals * norms


def solved_duals(problem: Problem, directions: Floats, start: PartialDuals | None = None) -> PartialDuals:
    return solve_duals(problem, directions, problem.zeros_of(directions), start)


@given(strategies.seeds)
def test_rows_with_one_active_sample_determine_every_dual(seed: int) -> None:
    problem, directions, duals = batch_of(seed)
    found = solved_duals(problem, directions)
    assert found.solved.all()
    np.testing.assert_allclose(found.duals, duals, atol=1e-6 * np.abs(duals).max())


@pytest.mark.parametrize("missing", [1, 3, 6])
def test_duals_of_some_are_right_whatever_the_others_are(missing: int) -> None:
    problem, directions, duals = batch_of()
    found = solved_duals(problem, directions[:, missing:])
    assert found.solved.sum() >= BATCH - missing - 1
    right = duals[:, missing:] * found.solved
    np.testing.assert_allclose(found.duals, right, atol=1e-6 * np.abs(duals).max())


@pytest.mark.parametrize("seed", range(3))
def test_a_false_direction_gets_no_dual_and_spoils_none(seed: int) -> None:
    problem, directions, duals = batch_of(seed)
    mixed = directions[:, :1] + 0.5 * directions[:, 1:2]
    mixed /= np.linalg.norm(mixed)
    found = solved_duals(problem, np.c_[directions[:, 1:], mixed])
    assert not found.solved[-1]
    assert found.solved.sum() >= 5
    right = np.c_[duals[:, 1:], mixed] * found.solved
    np.testing.assert_allclose(found.duals, right, atol=1e-6 * np.abs(duals).max())


def test_duals_that_are_known_stay_known() -> None:
    problem, directions, duals = batch_of()
    solved = np.arange(BATCH) < 4
    start = PartialDuals(duals * solved, solved)
    found = solved_duals(problem, directions, start)
    assert found.solved.all()
    np.testing.assert_allclose(found.duals, duals, atol=1e-6 * np.abs(duals).max())
    np.testing.assert_array_equal(start.solved, solved)


def test_no_row_with_one_active_sample_determines_no_dual() -> None:
    problem, directions, _ = batch_of(shift=BUSY)
    assert ((~problem.zeros_of(directions)).sum(axis=1) > 3).all()
    found = solved_duals(problem, directions)
    assert not found.solved.any()
    assert not found.duals.any()


def test_duals_on_every_backend(space: Backend) -> None:
    observed, inputs = layer_of(0, QUIET)
    problem = reduce(validate(*space.arrays(*observed)))
    right, values = (space.to_numpy(a).astype(float) for a in (problem.right, problem.singular_values))
    duals = (right @ np.c_[inputs, np.ones(BATCH)].T.astype(float)) / values[:, None]
    directions = np.linalg.inv(duals).T
    norms = np.linalg.norm(directions, axis=0)
    here = problem.space.asarray(directions / norms)
    found = solve_duals(problem, here, problem.zeros_of(here))
    assert found.solved.all()
    np.testing.assert_allclose(space.to_numpy(found.duals), duals * norms, atol=1e-4 * np.abs(duals).max())

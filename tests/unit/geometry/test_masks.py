import numpy as np
import pytest

from spear_xp.geometry.masks import AMBIGUOUS_WIDTH, doubtful_zeros, predicted_activity
from spear_xp.reduction.problem import Problem
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


def sources(problem: Problem, layer: LayerGradient) -> tuple[Floats, Floats, Floats]:
    """Residuals of the true directions, pre-activations of their duals, and a basis of these."""
    truth = true_recovery(problem, layer.inputs)
    residual = problem.rows @ truth.directions
    return residual, problem.layer @ truth.duals, np.linalg.qr(problem.layer).Q


def test_predicted_activity_ranks_inactive_rows_first(problem: Problem, layer: LayerGradient) -> None:
    truth = true_recovery(problem, layer.inputs)
    residual, zeros = problem.rows @ truth.directions, problem.zeros_of(truth.directions)
    residual += 0.1 * residual.std() * np.random.default_rng(0).standard_normal(residual.shape)
    for sign in (1, -1):
        basis = np.linalg.qr(problem.layer).Q
        order = predicted_activity(np, residual, sign * problem.layer @ truth.duals, basis).argsort(axis=0)
        lowest = np.take_along_axis(zeros, order, axis=0)[:20]
        assert lowest.mean() > 0.95


def test_predicted_activity_needs_no_sign_and_no_scale(problem: Problem, layer: LayerGradient) -> None:
    residual, z, basis = sources(problem, layer)
    predicted = predicted_activity(np, residual, z, basis)
    assert (np.abs(predicted).mean(axis=0) <= 1).all()  # two parts of mean size one, of weight a half each
    other = predicted_activity(
        np, residual * [-1, 1e3, 1e-3, 1, -5, 2], z * [1, -1, 1e5, -1e-5, 2, -3], basis
    )
    np.testing.assert_allclose(other, predicted, atol=1e-9)


def test_each_source_alone_tells_the_mask(problem: Problem, layer: LayerGradient) -> None:
    """Where duals say nothing residuals do, and the other way round."""
    residual, z, basis = sources(problem, layer)
    fitted = predicted_activity(np, residual, np.zeros_like(z), basis)
    implied = predicted_activity(np, residual, z, basis) - fitted
    for predicted in (fitted, implied):
        assert ((predicted > 0) == (z > 0)).mean() > 0.9


def test_predicted_activity_is_the_same_on_every_backend(
    space: Backend, problem: Problem, layer: LayerGradient
) -> None:
    case = sources(problem, layer)
    found = space.to_numpy(predicted_activity(space.xp, *space.arrays(*case)))
    tolerance = 1e-12 if space.dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, predicted_activity(np, *case), atol=tolerance)


@pytest.mark.parametrize("rate", [0.5, 2.0, 20.0])
def test_zeros_in_doubt_are_no_fewer_than_active_rows_that_vanish_by_chance(
    problem: Problem, rate: float
) -> None:
    """Entries of even density next to zero: those within the tolerance, and those just beyond it."""
    rng = np.random.default_rng(0)
    within, beyond = rng.poisson(rate, 2000), rng.poisson((AMBIGUOUS_WIDTH - 1) * rate, 2000)
    unsure = np.arange(problem.width)[:, None] < beyond
    allowed = doubtful_zeros(problem, unsure)
    assert (allowed[beyond == 0] == 0).all()
    assert (allowed[beyond > 0] >= within[beyond > 0]).mean() > 0.97
    assert allowed.mean() < 3 * rate + 4  # and not many more

from dataclasses import replace

import numpy as np
from scipy.stats import norm

from spear_xp.forecasting.activity import preactivation_law, row_zero_probability
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.conftest import Backend


def test_row_activities_of_raw_pixels_are_predicted() -> None:
    """Inputs with a large mean: most neurons are active for all samples or for none."""
    inputs = gaussian_inputs(20, 60, rng=0) + 2
    truth = mlp_gradient(inputs, width=400, rng=0)
    checked = validate(*truth.observed)
    predicted = row_zero_probability(reduce(checked))
    measured = truth.zero_pattern[checked.live].mean(axis=1)
    assert np.corrcoef(predicted, measured)[0, 1] > 0.9


def test_mean_and_spread_are_those_that_the_gradient_shows_of_the_batch(space: Backend) -> None:
    """Second moments of [x | 1] are proportional to EᵀE, E the gradient with rows of norm one."""
    truth = space.mlp(6, 100, 40)
    checked = validate(*truth.observed)
    live = space.to_numpy(checked.live)
    grad_w, grad_b, weight, bias = (space.to_numpy(array).astype(float) for array in truth.observed)
    rows = np.c_[grad_w, grad_b][live]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    moments = rows.T @ rows / (rows[:, -1] @ rows[:, -1])
    layer = np.c_[weight, bias][live]
    mean = layer @ moments[:, -1]
    spread = np.sqrt(np.einsum("ij,jk,ik->i", layer, moments, layer) - mean**2)
    found = space.to_numpy(row_zero_probability(reduce(checked)))
    np.testing.assert_allclose(found, norm.cdf(-mean / spread), atol=1e-4)


def test_neurons_with_and_without_activity_have_complementary_probabilities() -> None:
    """A layer of the other sign is active where this one is not."""
    truth = mlp_gradient(gaussian_inputs(8, 40, rng=0), width=100, rng=0)
    problem = reduce(validate(*truth.observed))
    found = row_zero_probability(problem)
    assert ((found > 0) & (found < 1)).all()
    np.testing.assert_allclose(row_zero_probability(replace(problem, layer=-problem.layer)), 1 - found)


def test_one_sample_leaves_no_doubt() -> None:
    truth = mlp_gradient(gaussian_inputs(1, 30, rng=0), width=60, rng=0)
    problem = reduce(validate(*truth.observed))
    assert (row_zero_probability(problem) < 1e-9).all()  # the live rows are those that it activates
    assert (row_zero_probability(replace(problem, layer=-problem.layer)) > 1 - 1e-9).all()


def test_mean_and_covariance_are_those_of_the_row_probabilities() -> None:
    truth = mlp_gradient(gaussian_inputs(20, 60, rng=0) + 1, width=200, rng=0)
    problem = reduce(validate(*truth.observed))
    mean, factor = preactivation_law(problem)
    zero = norm.cdf(-mean / np.sqrt((factor**2).sum(axis=1)))
    np.testing.assert_allclose(zero, row_zero_probability(problem), atol=1e-6)
    assert np.abs(factor @ problem.last).max() < 1e-6 * np.abs(factor).max() * np.abs(problem.last).max()

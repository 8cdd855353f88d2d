from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


@pytest.fixture(scope="module")
def precise(precise_layer: LayerGradient) -> Problem:
    return reduce(validate(*precise_layer.observed))


def with_dead_rows(layer: LayerGradient, rows: list[int]) -> LayerGradient:
    grad_w, grad_b = layer.grad_w.copy(), layer.grad_b.copy()
    grad_w[rows], grad_b[rows] = 0, 0
    return replace(layer, grad_w=grad_w, grad_b=grad_b)


def live_of(layer: LayerGradient) -> Floats:
    return np.asarray(validate(*layer.observed).live)


def test_a_dual_gives_its_sample_and_its_pre_activations(
    precise: Problem, precise_layer: LayerGradient
) -> None:
    """[x | 1] = V S p, and `layer` is the forward pass of the client in these coordinates."""
    duals = true_recovery(precise, precise_layer.inputs).duals
    samples = (precise.right.T * precise.singular_values) @ duals
    np.testing.assert_allclose(samples[:-1].T, precise_layer.inputs, atol=1e-12)
    np.testing.assert_allclose(precise.last @ duals, 1, atol=1e-12)
    z = precise_layer.inputs @ precise_layer.weight.T + precise_layer.bias
    np.testing.assert_allclose(precise.layer @ duals, z[:, live_of(precise_layer)].T, atol=1e-12)


def test_a_direction_gives_its_column_of_d(precise: Problem, precise_layer: LayerGradient) -> None:
    """D from the gradient by least squares, with rows scaled like those of the gradient."""
    truth = true_recovery(precise, precise_layer.inputs)
    extended = np.c_[precise_layer.inputs, np.ones(6)]
    gradient = np.c_[precise_layer.grad_w, precise_layer.grad_b][live_of(precise_layer)]
    d = np.linalg.lstsq(extended.T, gradient.T)[0].T / np.linalg.norm(gradient, axis=1, keepdims=True)
    np.testing.assert_allclose(precise.rows @ truth.directions, d, atol=1e-12)


def test_zeros_of_true_directions_are_the_masks_of_the_batch(space: Backend) -> None:
    truth = space.mlp(6, 120, 50)
    problem = reduce(validate(*truth.observed))
    host = {name: space.to_numpy(getattr(problem, name)) for name in ("right", "singular_values")}
    extended = np.c_[space.to_numpy(truth.inputs), np.ones(6)].astype(float)
    directions = np.linalg.inv((host["right"] @ extended.T) / host["singular_values"][:, None]).T
    here = problem.space.asarray(directions)
    found = space.to_numpy(problem.zeros_of(here))
    live = space.to_numpy(validate(*truth.observed).live)
    np.testing.assert_array_equal(found, space.to_numpy(truth.zero_pattern)[live])
    for k in range(6):
        np.testing.assert_array_equal(space.to_numpy(problem.zeros_of(here[:, k])), found[:, k])


@given(st.integers(-40, 40))
def test_the_zero_test_does_not_depend_on_the_length_of_a_direction(problem: Problem, power: int) -> None:
    directions = np.random.default_rng(0).standard_normal((6, 20))
    directions[:, :10] = np.linalg.svd(problem.rows[np.arange(50).reshape(10, 5)])[2][:, -1, :].T
    zero = problem.zeros_of(directions)
    assert zero[:, :10].sum(axis=0).min() >= 5
    np.testing.assert_array_equal(problem.zeros_of(2.0**power * directions), zero)


@pytest.mark.parametrize("model", ["relative", "additive"])
def test_the_zero_test_is_as_wide_as_the_noise_of_the_direction_and_the_row(
    problem: Problem, model: str
) -> None:
    direction = np.random.default_rng(0).standard_normal(6)
    loud = replace(problem, noise_model=model, row_noise=1 + np.arange(problem.width) % 3)
    spread = np.linalg.norm(direction / problem.singular_values) * problem.noise_level * loud.row_noise
    size = np.abs(problem.rows @ direction) / spread
    tolerance = {"relative": 15.0, "additive": 6.0}[model]
    for widen in (1.0, np.median(size) / tolerance):
        np.testing.assert_array_equal(loud.zeros_of(direction, widen=widen), size < widen * tolerance)


def test_noise_of_a_direction_is_what_noise_in_the_gradient_does_to_its_entries(problem: Problem) -> None:
    """Rows of U are those of E V S⁻¹."""
    rng = np.random.default_rng(0)
    noise = problem.noise_level * rng.standard_normal((20_000, problem.right.shape[1]))
    directions = rng.standard_normal((6, 4)) * 10.0 ** np.arange(-2, 2)
    seen = ((noise @ problem.right.T) / problem.singular_values @ directions).std(axis=0)
    np.testing.assert_allclose(problem.noise_of(directions), seen, rtol=0.03)
    np.testing.assert_allclose(problem.noise_of(directions[:, 2]), problem.noise_of(directions)[2])


def test_activity_is_the_pre_activation_of_the_mean_input(
    precise: Problem, precise_layer: LayerGradient
) -> None:
    """Weighted with the square of what each row says of it: Gᵀg / (g·g)."""
    g = precise_layer.grad_b
    mean = precise_layer.grad_w.T @ g / (g @ g)
    z = precise_layer.weight @ mean + precise_layer.bias
    np.testing.assert_allclose(precise.activity, z[live_of(precise_layer)], atol=1e-12)


def test_dead_rows_leave_the_search_and_keep_their_weights(precise_layer: LayerGradient) -> None:
    layer = with_dead_rows(precise_layer, [3, 40, 41])
    problem = reduce(validate(*layer.observed))
    dead = ~layer.grad_w.any(axis=1)
    assert problem.width == 90 - dead.sum() < 88
    z = layer.inputs @ layer.weight.T + layer.bias
    duals = true_recovery(problem, layer.inputs).duals
    np.testing.assert_allclose(problem.dead_layer @ duals, z[:, dead].T, atol=1e-12)
    norms = np.linalg.norm(np.c_[layer.weight, layer.bias], axis=1)
    np.testing.assert_allclose(problem.dead_norms, norms[dead])
    np.testing.assert_allclose(problem.layer_norms, norms[~dead])


def test_balanced_rows_are_rows_of_unit_norm_in_other_coordinates(space: Backend) -> None:
    problem = reduce(validate(*space.mlp(7, 120, 50).observed))
    rows, change, balanced = (
        space.to_numpy(array).astype(float) for array in (problem.rows, problem.unbalance, problem.balanced)
    )
    moved = rows @ change
    tolerance = 1e-12 if problem.space.eps < 1e-10 else 1e-5
    np.testing.assert_allclose(balanced, moved / np.linalg.norm(moved, axis=1, keepdims=True), atol=tolerance)


@pytest.mark.parametrize("level", [1e-6, 1e-4])
def test_relative_noise_is_the_share_that_was_added(level: float) -> None:
    truth = mlp_gradient(gaussian_inputs(6, 60, rng=0).astype("float64"), width=150, rng=0)
    both = np.c_[truth.grad_w, truth.grad_b]
    size = level * np.sqrt((both**2).mean(axis=1, keepdims=True))
    both = both + size * np.random.default_rng(0).standard_normal(both.shape)
    problem = reduce(validate(both[:, :-1], both[:, -1], truth.weight, truth.bias))
    assert problem.relative_noise == pytest.approx(level, rel=0.05)


def test_what_the_layer_moved_by_is_that_of_weights_and_bias(precise_layer: LayerGradient) -> None:
    gradient, rng = validate(*precise_layer.observed), np.random.default_rng(0)
    steps = [rng.standard_normal(x.shape) for x in (precise_layer.weight, precise_layer.bias)]
    after = replace(gradient, weight_after=gradient.weight + steps[0], bias_after=gradient.bias + steps[1])
    problem = reduce(after)
    assert problem.moved is not None
    assert problem.bias_moved is not None
    duals, live = true_recovery(problem, precise_layer.inputs).duals, np.asarray(after.live)
    change = precise_layer.inputs @ steps[0][live].T + steps[1][live]
    np.testing.assert_allclose(problem.moved @ duals, change.T, atol=1e-9)
    np.testing.assert_allclose(problem.bias_moved, steps[1][live], atol=1e-12)
    assert reduce(gradient).bias_moved is None

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp import errors
from spear_xp.numerics.random import Stream, generator, seed_of
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.networks import Network, network


def test_the_tests_own_network_agrees_with_finite_differences() -> None:
    rng = np.random.default_rng(0)
    net = network((6, 9, 7, 4), rng, "float64")
    inputs, labels = rng.standard_normal((5, 6)), rng.integers(0, 4, 5)
    grad_w, grad_b = net.gradients(inputs, labels)[0]
    step = 1e-6
    for i in range(9):
        for j in range(7):
            target = net.biases[0][i : i + 1] if j == 6 else net.weights[0][i, j : j + 1]
            kept = target.copy()
            target[:] = kept + step
            above = net.loss(inputs, labels)
            target[:] = kept - step
            below = net.loss(inputs, labels)
            target[:] = kept
            exact = grad_b[i] if j == 6 else grad_w[i, j]
            assert (above - below) / (2 * step) == pytest.approx(exact, abs=1e-8)


def network_behind(sizes: tuple[int, ...], seed: int) -> tuple[Network, np.random.Generator]:
    """The network that `mlp_gradient` draws from a seed; the generator goes on with the labels."""
    host = generator(seed_of(seed), Stream.NETWORK, 0)
    weights, biases = [], []
    for fan_in, fan_out in pairwise(sizes):
        bound = fan_in**-0.5
        weights.append(host.uniform(-bound, bound, (fan_out, fan_in)).astype("float32").astype("float64"))
        biases.append(host.uniform(-bound, bound, fan_out).astype("float32").astype("float64"))
    return Network(weights, biases), host


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_gradient_is_that_of_the_tests_own_network(depth: int, classes: int) -> None:
    inputs = gaussian_inputs(5, 8, rng=1).astype("float64")
    net, host = network_behind((8, *[12] * (depth - 1), classes), 5)
    labels = host.integers(0, classes, 5)
    for given_labels in (None, labels):
        truth = mlp_gradient(inputs, width=12, depth=depth, classes=classes, labels=given_labels, rng=5)
        for found, expected in zip(truth.observed, net.observed(inputs, labels), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-14)


@given(strategies.synthetic_layers(largest_batch=6, dtype="float64"))
def test_the_gradient_is_a_masked_matrix_times_the_inputs(truth: LayerGradient) -> None:
    z = truth.inputs @ truth.weight.T + truth.bias
    np.testing.assert_array_equal(truth.zero_pattern, (z <= 0).T)
    extended = np.c_[truth.inputs, np.ones(len(truth.inputs))]
    observed = np.c_[truth.grad_w, truth.grad_b]
    d = observed @ np.linalg.pinv(extended)
    scale = np.abs(d).max()
    np.testing.assert_allclose(d @ extended, observed, atol=1e-10 * scale)
    assert np.abs(d[truth.zero_pattern]).max(initial=0) < 1e-9 * scale


def test_the_gradient_of_a_batch_is_the_mean_over_its_samples() -> None:
    inputs, labels = gaussian_inputs(3, 8, rng=1).astype("float64"), np.array([0, 1, 1])
    whole = mlp_gradient(inputs, width=12, labels=labels, rng=5)
    parts = [mlp_gradient(inputs[i : i + 1], width=12, labels=labels[i : i + 1], rng=5) for i in range(3)]
    np.testing.assert_allclose(sum(p.grad_w for p in parts) / 3, whole.grad_w, atol=1e-14)
    np.testing.assert_allclose(sum(p.grad_b for p in parts) / 3, whole.grad_b, atol=1e-14)
    for part in parts:
        np.testing.assert_allclose(part.grad_w, np.outer(part.grad_b, part.inputs[0]), atol=1e-14)


@given(strategies.planted_layers())
def test_a_planted_pattern_is_the_mask_of_its_layer(truth: LayerGradient) -> None:
    z = truth.inputs @ truth.weight.T + truth.bias
    np.testing.assert_array_equal(truth.zero_pattern, (z < 0).T)
    extended = np.c_[truth.inputs, np.ones(len(truth.inputs))]
    d = np.c_[truth.grad_w, truth.grad_b] @ np.linalg.pinv(extended)
    assert np.abs(d[truth.zero_pattern]).max(initial=0) < 1e-10 * np.abs(d).max()


def test_arrays_stay_in_their_library(space: Backend) -> None:
    truth = space.mlp(3, 20, 10)
    for array in truth.observed:
        assert type(array) is type(truth.inputs)
        assert array.dtype == truth.inputs.dtype
        assert array.device == truth.inputs.device
    pattern = space.asarray(np.eye(12, 3, dtype=bool))
    planted = planted_problem(pattern, space.asarray(gaussian_inputs(3, 10, rng=0)), rng=0)
    assert type(planted.grad_w) is type(truth.inputs)
    np.testing.assert_array_equal(space.to_numpy(planted.zero_pattern), np.eye(12, 3, dtype=bool))


@given(st.integers(0, 2**32 - 1))
def test_seeds_fix_everything(seed: int) -> None:
    one, other = (mlp_gradient(gaussian_inputs(3, 8, rng=seed), width=10, rng=seed) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one.observed, other.observed, strict=True))


def test_float64_is_the_same_network_as_float32() -> None:
    inputs = gaussian_inputs(4, 20, rng=0)
    single = mlp_gradient(inputs, width=30, rng=0)
    double = mlp_gradient(inputs.astype("float64"), width=30, rng=0)
    np.testing.assert_array_equal(single.weight, double.weight)
    np.testing.assert_allclose(single.grad_w, double.grad_w, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 1}, "width=1: need at least 2"),
        ({"depth": 1}, "depth=1: need at least 2"),
        ({"classes": 1}, "classes=1: need at least 2"),
    ],
)
def test_sizes_out_of_range(options: dict[str, int], message: str) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=message):
        mlp_gradient(gaussian_inputs(2, 5, rng=0), **options)


def test_bad_arguments() -> None:
    with pytest.raises(errors.ArgumentRangeError, match="batch_size=0, features=5"):
        gaussian_inputs(0, 5)
    with pytest.raises(errors.ShapeError, match=r"inputs has shape \(5,\): need \(b, n\)"):
        mlp_gradient(np.ones(5))
    with pytest.raises(errors.ShapeError, match=r"inputs has shape \(4, 5\): need \(3, n\)"):
        planted_problem(np.eye(3, dtype=bool), np.ones((4, 5)))
    with pytest.raises(errors.ArgumentRangeError, match="bias_scale=0"):
        planted_problem(np.eye(3, dtype=bool), np.ones((3, 5)), bias_scale=0)
    with pytest.raises(errors.DtypeError, match="inputs has dtype int64"):
        mlp_gradient(np.ones((2, 5), dtype=np.int64))

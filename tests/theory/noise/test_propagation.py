"""Noise of a gradient, of DP-SGD and of number formats, carried to directions and inputs."""

import math

import numpy as np
import pytest

from tests.theory.helpers import random_layer
from theory.exact.formulas import formula
from theory.noise.propagation import (
    ROUNDING_LEVEL,
    distance_to_others,
    dp_sgd_snr,
    polish_mse,
    psnr,
    rounding_snr,
    snr,
)
from theory.numerics.checks import ParameterError


def test_direction_length_is_one_over_the_distance():
    rng = np.random.default_rng(0)
    D, inputs = random_layer(6, 30, 40, rng)
    basis = np.linalg.svd(inputs)[2][:6].T
    directions = np.linalg.inv(inputs @ basis)  # with left factor D X basis, column i gives column i of D
    assert (D @ inputs @ basis) @ directions == pytest.approx(D)
    assert np.linalg.norm(directions, axis=0) == pytest.approx(1 / distance_to_others(inputs))
    rest = inputs[1:]
    residual = inputs[0] - np.linalg.lstsq(rest.T, inputs[0])[0] @ rest
    assert distance_to_others(inputs)[0] == pytest.approx(np.linalg.norm(residual))


def test_spanned_input_has_no_distance():
    distance = distance_to_others([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    assert distance == pytest.approx([0, 0, 3], abs=1e-12)


@pytest.mark.parametrize("features", [20, 400])
def test_row_noise_is_white_whatever_the_input_dimension(features):
    rng = np.random.default_rng(1)
    b, m, sigma = 5, 4000, 1e-5
    D, inputs = random_layer(b, m, features, rng)
    clean = D @ inputs
    seen = clean + sigma * rng.standard_normal(clean.shape)
    basis = np.linalg.svd(seen, full_matrices=False)[2][:b].T
    covariance = np.cov(((seen - clean) @ basis).T) / sigma**2
    assert np.abs(covariance - np.eye(b)).max() < 4 * math.sqrt(2 / m)


def polish_by_refit(b, m, features, sigma, rng, correlation=0.0):
    """Squared errors per input, and their expectation, of the refit on all zero rows."""
    D, inputs = random_layer(b, m, features, rng)
    inputs = math.sqrt(1 - correlation) * inputs + math.sqrt(correlation) * rng.standard_normal(features)
    grad_w = D @ inputs + sigma * rng.standard_normal((m, features))
    grad_b = D.sum(axis=1) + sigma * rng.standard_normal(m)
    right = np.linalg.svd(grad_w, full_matrices=False)[2][:b]
    left = grad_w @ right.T
    zero_rows = (left[D[:, i] == 0] for i in range(b))
    directions = np.stack([np.linalg.eigh(rows.T @ rows)[1][:, 0] for rows in zero_rows], axis=1)
    scale = np.linalg.lstsq(left @ directions, grad_b)[0]
    recovered = np.linalg.solve(directions, right) / scale[:, None]
    return ((recovered - inputs) ** 2).mean(axis=1), polish_mse(inputs, 1.0, sigma, m)


@pytest.mark.parametrize(
    ("b", "m", "features", "correlation"),
    [(10, 200, 300, 0.0), (10, 400, 30, 0.0), (20, 1000, 40, 0.0), (20, 200, 300, 0.0), (20, 200, 300, 0.9)],
)
def test_polish_error(b, m, features, correlation):
    """The ratio of measured to predicted error lies in [.78, 1.16], up to the error of the simulation."""
    ratio, error = polish_ratio(b, m, features, correlation)
    assert 0.78 - 4 * error < ratio < 1.16 + 4 * error


def test_polish_error_of_few_correlated_features_is_overestimated():
    """Errors that different directions mix in cancel in part: the formula is a limit, twice too high."""
    ratio, error = polish_ratio(20, 200, 100, 0.9)
    assert abs(ratio - 0.436) < 4 * error
    assert ratio < 0.78


def polish_ratio(b, m, features, correlation):
    rng = np.random.default_rng(3)
    runs = [polish_by_refit(b, m, features, 1e-4, rng, correlation) for _ in range(12)]
    ratio = np.array([(error / expected).mean() for error, expected in runs])
    return ratio.mean(), ratio.std() / math.sqrt(len(ratio))


def test_polish_formula():
    rng = np.random.default_rng(4)
    inputs = rng.standard_normal((3, 7))
    expected = formula("polish", b=3, i=1, m=50, p=0.3, sigma=0.1, v=2.0).doit()
    power, distance = (inputs**2).mean(axis=1), distance_to_others(inputs)
    values = {}
    for item in expected.free_symbols:
        if item.is_Indexed and item.indices[0].is_Integer:
            k = int(item.indices[0]) - 1
            values[item] = distance[k] if str(item.base) == "d" else power[k]
    assert polish_mse(inputs, 2.0, 0.1, 50, 0.3)[0] == pytest.approx(float(expected.subs(values)))


def test_decibels_per_halving_and_doubling():
    inputs = np.random.default_rng(5).standard_normal((10, 50))
    base = psnr(polish_mse(inputs, 1.0, 1e-3, 200))
    assert psnr(polish_mse(inputs, 1.0, 5e-4, 200)) - base == pytest.approx(np.full(10, 6.02), abs=0.005)
    assert psnr(polish_mse(inputs, 1.0, 1e-3, 400)) - base == pytest.approx(np.full(10, 3.01), abs=0.005)


def gaussian_inputs(features=784):
    return np.random.default_rng(6).standard_normal((20, features))


@pytest.mark.parametrize(("multiplier", "rho"), [(0.01, "9.9"), (0.1, "0.99")])
def test_dp_sgd(multiplier, rho):
    median = float(np.median(dp_sgd_snr(gaussian_inputs(), multiplier, 200)))
    assert f"{median:.{len(rho) - 2}f}" == rho
    ratio = formula("dp_snr", zeta=multiplier, m=200, p=0.5)
    (share,) = ratio.free_symbols
    inputs = gaussian_inputs()
    shares = distance_to_others(inputs) / np.linalg.norm(inputs, axis=1)
    assert dp_sgd_snr(inputs, multiplier, 200)[0] == pytest.approx(float(ratio.subs(share, shares[0])))


@pytest.mark.parametrize(
    ("dtype", "rho"), [("float32", "1e+08"), ("bfloat16", "4e+03"), ("float16", "4e+04")]
)
def test_rounding_snr(dtype, rho):
    assert f"{np.median(rounding_snr(gaussian_inputs(), dtype)):.0e}" == rho


def test_bfloat16_snr():
    assert np.median(rounding_snr(gaussian_inputs(), "bfloat16")) == pytest.approx(4.5e3, abs=50)


def rounded(values, dtype):
    if dtype != "bfloat16":
        return values.astype(dtype).astype(float)
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2.0**8), exponent - 8)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rounding_level_of_stored_gradients(dtype):
    rng = np.random.default_rng(7)
    D, inputs = random_layer(20, 200, 300, rng)
    grad = D @ inputs
    level = (rounded(grad, dtype) - grad).std() / math.sqrt((grad**2).mean())
    assert level / ROUNDING_LEVEL[dtype] == pytest.approx(0.85, abs=0.01)


def test_rounding_level_of_float32_products():
    """The order of the sums is the linear algebra library's: the level is known to a factor of two."""
    rng = np.random.default_rng(8)
    D, inputs = (factor.astype(np.float32) for factor in random_layer(20, 200, 300, rng))
    exact = D.astype(float) @ inputs.astype(float)
    level = (D @ inputs - exact).std() / math.sqrt((exact**2).mean())
    assert 0.5 < level / ROUNDING_LEVEL["float32"] < 2


def test_rounding_snr_is_the_snr_of_that_noise():
    inputs = gaussian_inputs(100)
    rms = math.sqrt(0.5 * (inputs**2).sum(axis=0).mean())
    assert rounding_snr(inputs, "float16") == pytest.approx(snr(inputs, 1.0, 2.0**-12 * rms))


@pytest.mark.parametrize(
    "call",
    [
        lambda: distance_to_others(np.ones((3, 2))),
        lambda: distance_to_others([[math.nan, 1.0]]),
        lambda: snr(np.eye(2), 0.0, 1.0),
        lambda: snr(np.eye(2), 1.0, math.inf),
        lambda: polish_mse(np.eye(3), 1.0, 1.0, 1),
        lambda: psnr(0.0),
        lambda: dp_sgd_snr(np.eye(3), 0.0, 10),
        lambda: rounding_snr(np.eye(3), "float8"),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

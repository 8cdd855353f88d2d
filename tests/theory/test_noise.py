import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from theory.breakdown import breakdown_snr
from theory.draws.one_draw import log_direction_probability
from theory.formulas import formula
from theory.noise import ROUNDING_LEVEL, distance_to_others, dp_sgd_snr, polish_mse, psnr, rounding_snr, snr
from theory.numerics.checks import ParameterError
from theory.tolerance import (
    fixed_tolerance_keep,
    kappa_cdf,
    kappa_quantile,
    residual_scale,
    tolerance_coverage,
)


def random_layer(b, m, features, rng, p=0.5):
    return rng.standard_normal((m, b)) * (rng.random((m, b)) > p), rng.standard_normal((b, features))


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


def simulate_residuals(b, noise, trials, rng):
    """Amplification of one zero row for each sample, and its residual in units of sigma |q|."""
    n = b - 1
    rows, basis = random_layer(b, (n + 1) * trials, b, rng)
    rows = rows.reshape(trials, b, b)
    rows[:, :, 0] = 0
    rows = rows[np.linalg.matrix_rank(rows[:, :n]) == n]
    sigma = noise * distance_to_others(basis)[0]
    seen = rows @ basis + sigma * rng.standard_normal(rows.shape)
    direction = np.linalg.svd(seen[:, :n])[2][:, -1]
    kappa = np.array([residual_scale(block[:n], block[n:])[0] for block in seen])
    return kappa, np.abs((seen[:, n] * direction).sum(axis=1)) / sigma


def test_kappa_law_and_adaptive_tolerance():
    """In units of sigma, |q| = 1. An independent simulation had coverages .679, .953 and .994."""
    rng = np.random.default_rng(2)
    parts = [simulate_residuals(20, 1e-6, 500, rng) for _ in range(12)]  # a basis each
    kappa, residual = (np.concatenate(values) for values in zip(*parts, strict=True))
    trials = len(kappa)
    for multiple, shown in ((1, 0.679), (2, 0.953), (3, 0.994)):
        covered = (residual <= multiple * kappa).mean()
        predicted = tolerance_coverage(multiple)
        assert abs(covered - predicted) < 4 * math.sqrt(predicted * (1 - predicted) / trials)
        assert abs(covered - shown) < 4 * math.sqrt(2 * shown * (1 - shown) / trials)
    for x in (5.0, 10.0, 30.0, 100.0):  # the law is that of Gaussian rows: zeros thin them, a few percent
        assert (kappa <= x).mean() == pytest.approx(kappa_cdf(x, 20), abs=0.035)
    assert 30 < np.quantile(residual, 0.95) < 100  # what a fixed tolerance has to be


def test_fixed_tolerance_needs_30_to_100():
    assert fixed_tolerance_keep([30, 100], 20) == pytest.approx([0.66, 0.90], abs=0.005)
    assert fixed_tolerance_keep(3, 20) == 0


@settings(deadline=None)
@given(st.floats(1.0001, 1e6), st.integers(2, 500))
def test_kappa_quantile_inverts(x, b):
    u = kappa_cdf(x, b)
    if 1e-300 < u < 1 - 1e-9:
        assert kappa_quantile(u, b) == pytest.approx(x, rel=1e-6)


def test_kappa_formula():
    for x, b in ((1.5, 3), (10.0, 20), (200.0, 40)):
        assert kappa_cdf(x, b) == pytest.approx(float(formula("kappa_law", n=b - 1, x=x)), rel=1e-12)
    assert kappa_cdf([0.0, 1.0, math.inf], 5).tolist() == [0, 0, 1]


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


@pytest.mark.parametrize(("b", "m", "rho"), [(16, 200, 6.2), (20, 200, 7.3), (20, 1000, 3.6)])
def test_breakdown(b, m, rho):
    assert breakdown_snr(b, m) == pytest.approx(rho, abs=0.05)


@settings(deadline=None, max_examples=20)
@given(st.integers(3, 60), st.floats(0.2, 0.8))
def test_breakdown_needs_less_with_more_rows(b, p):
    values = [breakdown_snr(b, m, p) for m in (10 * b, 20 * b, 40 * b)]
    assert values == sorted(values, reverse=True)


def test_breakdown_of_large_layers():
    assert math.isfinite(breakdown_snr(2000, 10**6))


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


def descent_success(b, m, rho, starts, rng, steps=300):
    """Share of random starts from which projected l1 descent ends within a cosine of .9 of a direction."""
    D = rng.standard_normal((m, b)) * (rng.random((m, b)) < 0.5)
    white, factor = np.linalg.qr(D + rng.standard_normal((m, b)) / rho)
    q = rng.standard_normal((b, starts))
    for size in np.geomspace(1, 1e-3, steps):
        q /= np.linalg.norm(q, axis=0)
        slope = white.T @ np.sign(white @ q)
        slope -= q * (q * slope).sum(axis=0)
        q = q - size * slope / np.linalg.norm(slope, axis=0)
    q = np.linalg.solve(factor, q)
    return (np.abs(q / np.linalg.norm(q, axis=0)).max(axis=0) > 0.9).mean()


def test_descent_survives_more_noise():
    rng = np.random.default_rng(9)
    success = {
        rho: np.mean([descent_success(20, 1000, rho, 40, rng) for _ in range(3)]) for rho in (5, 3, 2, 1)
    }
    assert success[5] == 1
    assert success[3] > 0.9
    assert 0.1 < success[2] < 0.9
    assert success[1] < 0.1
    assert breakdown_snr(20, 1000) > 3


def test_residual_divergence_is_the_exponent_of_the_likelihood_ratio():
    """The breakdown of a huge search solves m D = log of its size: checked against plain integration."""
    r = minimize_scalar(lambda r: abs(_divergence(r) * 200 - _needed()), bounds=(0.05, 2), method="bounded").x
    assert kappa_quantile(0.01, 20) / r == pytest.approx(breakdown_snr(20, 200), rel=1e-4)


def _needed():
    return math.log(100) - log_direction_probability(20) + 5


def _divergence(r):
    x = np.linspace(-20, 20, 400_001)
    gauss = [np.exp(-((x / s) ** 2) / 2) / s / math.sqrt(2 * math.pi) for s in (r, math.hypot(1, r))]
    density = (gauss[0] + gauss[1]) / 2
    spread = math.sqrt(0.5 + r * r)
    reference = np.exp(-((x / spread) ** 2) / 2) / spread / math.sqrt(2 * math.pi)
    return np.trapezoid(density * np.log(np.maximum(density, 1e-300) / np.maximum(reference, 1e-300)), x)


@pytest.mark.parametrize(
    "call",
    [
        lambda: distance_to_others(np.ones((3, 2))),
        lambda: distance_to_others([[math.nan, 1.0]]),
        lambda: snr(np.eye(2), 0.0, 1.0),
        lambda: snr(np.eye(2), 1.0, math.inf),
        lambda: kappa_cdf(-1.0, 5),
        lambda: kappa_cdf(1.0, 1),
        lambda: kappa_quantile(1.0, 5),
        lambda: residual_scale(np.ones((2, 3)), np.ones((2, 4))),
        lambda: tolerance_coverage(-1),
        lambda: fixed_tolerance_keep(1, 5, multiple=0),
        lambda: polish_mse(np.eye(3), 1.0, 1.0, 1),
        lambda: psnr(0.0),
        lambda: breakdown_snr(20, 18),
        lambda: breakdown_snr(20, 19, hits=1.0),
        lambda: dp_sgd_snr(np.eye(3), 0.0, 10),
        lambda: rounding_snr(np.eye(3), "float8"),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

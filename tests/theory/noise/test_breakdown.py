"""Where sampling ends under noise, and that descent goes on."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from theory.draws.one_draw import log_direction_probability
from theory.noise.breakdown import breakdown_snr
from theory.noise.tolerance import kappa_quantile
from theory.numerics.checks import ParameterError


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
        lambda: breakdown_snr(20, 18),
        lambda: breakdown_snr(20, 19, hits=1.0),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

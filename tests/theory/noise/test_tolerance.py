"""Tolerances: the law of the noise amplification, and how many zero rows fit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.helpers import random_layer
from theory.exact.formulas import formula
from theory.noise.propagation import distance_to_others
from theory.noise.tolerance import (
    fixed_tolerance_keep,
    kappa_cdf,
    kappa_quantile,
    residual_scale,
    tolerance_coverage,
)
from theory.numerics.checks import ParameterError


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


@pytest.mark.parametrize(
    "call",
    [
        lambda: kappa_cdf(-1.0, 5),
        lambda: kappa_cdf(1.0, 1),
        lambda: kappa_quantile(1.0, 5),
        lambda: residual_scale(np.ones((2, 3)), np.ones((2, 4))),
        lambda: tolerance_coverage(-1),
        lambda: fixed_tolerance_keep(1, 5, multiple=0),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

"""Uneven rows: symmetric functions, dead rows, rows that are always active."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.patterns.matching import found_direction
from theory.patterns.sampling import draw_zeros


def recursion(pi, n):
    """Reference for e_n(π) / C(m, n): one row at a time, a convex combination."""
    a = [1.0] + [0.0] * n
    for j, x in enumerate(pi, 1):
        for k in range(min(n, j), 0, -1):
            a[k] = (1 - k / j) * a[k] + (k / j) * x * a[k - 1]
    return a[n]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_unequal_rows(pi, data):
    n = data.draw(st.integers(0, len(pi)))
    value, reference = theory.log_zero_given_rows(pi, n), recursion(pi, n)
    if reference > 1e-250:
        assert math.exp(value) == pytest.approx(reference, rel=1e-9)
    else:
        assert value < math.log(1e-249)


@given(st.floats(0.01, 1), st.integers(1, 500), st.data())
@settings(deadline=None)
def test_equal_rows_are_a_special_case(p, m, data):
    n = data.draw(st.integers(0, m))
    assert theory.log_zero_given_rows(np.full(m, p), n) == pytest.approx(n * math.log(p), rel=1e-9, abs=1e-9)


def test_small_spread_expansion():
    pi = np.random.default_rng(0).uniform(0.45, 0.55, 1000)
    n, m, cv = 30, pi.size, pi.std() / pi.mean()
    expansion = n * math.log(pi.mean()) - n * (n - 1) * cv**2 / (2 * (m - 1))
    assert theory.log_zero_given_rows(pi, n) == pytest.approx(expansion, abs=1e-4)


def test_unequal_rows_against_sampling():
    rng = np.random.default_rng(3)
    pi, n, runs = rng.beta(2, 2, 40), 4, 40_000
    rows = rng.permuted(np.tile(np.arange(40), (runs, 1)), axis=1)[:, :n]
    rate = (rng.random((runs, n)) < pi[rows]).all(axis=1).mean()
    exact = math.exp(theory.log_zero_given_rows(pi, n))
    assert abs(rate - exact) < 4 * math.sqrt(exact / runs)


def test_dead_rows():
    """b = 6: dropping rows of zeros raises q1 to .02337."""
    formula = math.exp(theory.log_direction_probability(6) + theory.log_dead_row_gain(6))
    assert round(formula, 5) == 0.02337
    runs = 60_000
    rows = draw_zeros(6, 5 * runs + 40_000, rng=5)
    live = rows[~rows.all(axis=1)][: 5 * runs].reshape(runs, 5, 6)
    rate = float((found_direction(live) == 0).mean())
    assert abs(rate - formula) < 4 * math.sqrt(formula / runs)


def test_always_active_rows():
    assert theory.log_active_row_loss(21, 0.1) == pytest.approx(20 * math.log(0.9))
    assert theory.log_active_row_loss([2, 3], 0.0).tolist() == [0.0, 0.0]

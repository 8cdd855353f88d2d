"""Number of samples: equal and unequal rates, some of all, quantiles, quadrature."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory

log_rates = st.lists(st.floats(-12, -3.5), min_size=2, max_size=12)


def inclusion_exclusion(q):
    return math.fsum((-1) ** (r + 1) / math.fsum(s) for r in range(1, len(q) + 1) for s in combinations(q, r))


@given(log_rates)
@settings(deadline=None, max_examples=40)
def test_unequal_expectation_is_inclusion_exclusion(rates):
    exact = inclusion_exclusion(np.exp(rates))
    assert math.exp(theory.log_expected_draws(rates)) == pytest.approx(exact, rel=1e-9)


@given(st.floats(-5000, -4), st.integers(2, 60), st.data())
@settings(deadline=None, max_examples=40)
def test_equal_rates_are_a_special_case(rate, b, data):
    k = data.draw(st.integers(1, b))
    u = data.draw(st.floats(0.01, 0.99))
    same = np.full(b, rate)
    assert theory.log_expected_draws(same, k) == pytest.approx(
        theory.log_expected_draws_equal(rate, b, k), rel=1e-12, abs=1e-9
    )
    assert theory.log_draws_quantile(same, u, k) == pytest.approx(
        theory.log_draws_quantile_equal(rate, b, u, k), abs=1e-7
    )
    assert theory.log_draws_quantile_equal(rate, b, u, b) == pytest.approx(
        theory.log_draws_quantile_equal(rate, b, u), abs=1e-9
    )


@pytest.mark.parametrize("k", [1, 67, 265, 266])
def test_some_of_many(k):
    same = np.full(266, -4.0)
    assert theory.log_expected_draws(same, k) == pytest.approx(
        theory.log_expected_draws_equal(-4.0, 266, k), abs=1e-10
    )


@given(log_rates, st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=40)
def test_quantile_inverts_coverage(rates, u):
    t = theory.log_draws_quantile(rates, u)
    assert math.exp(theory.log_coverage(rates, t)) == pytest.approx(u, rel=1e-9)


@given(log_rates)
@settings(deadline=None, max_examples=25)
def test_more_directions_take_longer(rates):
    steps = [theory.log_expected_draws(rates, k) for k in range(1, len(rates) + 1)]
    assert (np.diff(steps) > -1e-12).all()
    assert steps[0] == pytest.approx(-float(np.logaddexp.reduce(rates)), abs=1e-10)
    assert (
        np.diff([theory.log_draws_quantile(rates, 0.5, k) for k in range(1, len(rates) + 1)]) > -1e-9
    ).all()


def test_simulated_unequal_collector():
    """Discrete collector with a blank: mean and distribution."""
    q = np.array([0.004, 0.006, 0.01, 0.02, 0.03, 0.05])
    runs, rng = 4000, np.random.default_rng(7)
    waits = rng.exponential(1 / q, (runs, q.size))  # Poissonised first hits
    clock = waits.max(axis=1)
    mean = math.exp(theory.log_expected_draws(np.log(q)))
    assert abs(clock.mean() - mean) < 4 * clock.std() / math.sqrt(runs)
    draws = np.array([_collect(q, rng) for _ in range(1500)])
    assert abs(draws.mean() - mean) < 4 * draws.std() / math.sqrt(draws.size)
    for u in (0.1, 0.5, 0.9):
        t = theory.log_draws_quantile(np.log(q), u)
        rate = float((draws <= math.exp(t)).mean())
        slack = 4 * math.sqrt(u * (1 - u) / draws.size) + theory.coverage_error(np.log(q), t)
        assert abs(rate - u) < slack


def _collect(q, rng):
    total, missing = 0, q
    while missing.size:
        total += int(rng.geometric(missing.sum()))
        missing = np.delete(missing, rng.choice(missing.size, p=missing / missing.sum()))
    return total


def test_exact_discrete_law_stays_within_the_bound():
    q, b = 0.01, 4
    for t in (50, 200, 800):  # inclusion-exclusion over missed directions
        exact = sum((-1) ** r * math.comb(b, r) * (1 - r * q) ** t for r in range(b + 1))
        poisson = math.exp(theory.log_coverage([math.log(q)] * b, math.log(t)))
        assert abs(exact - poisson) <= theory.coverage_error([math.log(q)] * b, math.log(t))


def test_ten_thousand_directions():
    rates = -6900 + np.random.default_rng(0).normal(0, 2, 10**4)
    expected, median = theory.log_expected_draws(rates), theory.log_draws_quantile(rates, 0.5)
    assert 6900 < median < expected + 1 < 6930


def test_directions_that_cannot_be_found():
    rates = [-math.inf, -3.0, -4.0]
    assert theory.log_expected_draws(rates) == math.inf
    assert theory.log_draws_quantile(rates, 0.5) == math.inf
    assert theory.log_expected_draws(rates, 2) == pytest.approx(
        theory.log_expected_draws(rates[1:]), abs=1e-10
    )
    assert theory.log_coverage(rates, 100.0) == -math.inf

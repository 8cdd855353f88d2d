"""Binomial laws against exact integers and rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.numerics.binomial import (
    binom_cdf,
    binom_sf,
    log_binom_cdf,
    log_binom_pmf,
    log_binom_sf,
    log_binomial_coefficient,
    log_zero_subset,
)


def exact_log(ratio: Fraction) -> float:
    """Log of a rational of any size, through its bit lengths."""

    def log_int(k):
        shift = max(0, k.bit_length() - 900)
        return math.log(k >> shift) + shift * math.log(2)

    if 0.5 < ratio < 2:
        return math.log1p(float(ratio - 1))
    return log_int(ratio.numerator) - log_int(ratio.denominator)


@given(st.integers(1, 400), st.data())
def test_zero_subset_is_exact(m, data):
    n, z = data.draw(st.integers(0, m)), data.draw(st.integers(0, m))
    value = float(log_zero_subset(z, n, m))
    if z < n:
        assert value == -math.inf
    else:
        exact = exact_log(Fraction(math.comb(z, n), math.comb(m, n)))
        assert value == pytest.approx(exact, rel=1e-13, abs=1e-12)


def test_zero_subset_keeps_its_digits_at_a_million_rows():
    z, n, m = 500_000, 9_999, 1_000_000
    t = np.arange(n)
    exact = math.fsum(np.log1p(-(m - z) / (m - t)))
    assert float(log_zero_subset(z, n, m)) == pytest.approx(exact, abs=2e-11)


@given(st.integers(1, 300), st.data(), st.fractions(Fraction(1, 20), Fraction(19, 20), max_denominator=40))
def test_binomial_law(n, data, p):
    k = data.draw(st.integers(0, n))
    pmf = [math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(n + 1)]
    assert float(log_binom_pmf(k, n, float(p))) == pytest.approx(exact_log(pmf[k]), rel=1e-12, abs=1e-12)
    below = sum(pmf[: k + 1], Fraction(0))
    assert float(log_binom_cdf(k, n, float(p))) == pytest.approx(exact_log(below), rel=1e-10, abs=1e-12)
    assert float(binom_cdf(k, n, float(p))) == pytest.approx(float(below), rel=1e-10)
    assert float(binom_sf(k, n, float(p))) == pytest.approx(float(1 - below), rel=1e-10, abs=1e-300)


def test_binomial_outside_its_range():
    assert float(binom_cdf(-1, 5, 0.5)) == 0.0
    assert float(binom_cdf(5, 5, 0.5)) == 1.0
    assert float(binom_sf(-1, 5, 0.5)) == 1.0
    assert float(binom_sf(5, 5, 0.5)) == 0.0
    assert float(log_binom_pmf(6, 5, 0.5)) == -math.inf
    assert float(log_binomial_coefficient(5, 6)) == -math.inf
    assert float(log_binom_sf(5, 5, 0.5)) == -math.inf


def test_deep_tail_beyond_the_float_range():
    n, k = 4_000, 400
    exact = exact_log(Fraction(sum(math.comb(n, j) for j in range(k + 1)), 2**n))
    assert exact < -1000
    assert float(log_binom_cdf(k, n, 0.5)) == pytest.approx(exact, rel=1e-13)
    assert float(log_binom_sf(n - k - 1, n, 0.5)) == pytest.approx(exact, rel=1e-13)


def test_law_sums_to_one_at_a_million():
    k = np.arange(490_000, 510_001)
    assert math.fsum(np.exp(log_binom_pmf(k, 10**6, 0.5))) == pytest.approx(1.0, abs=1e-12)

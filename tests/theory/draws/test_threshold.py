"""Thresholds, and what they lose."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory


def test_minimum_zero_count_figures():
    assert theory.minimum_zero_count([200, 400, 1000], 1e-9).tolist() == [58, 140, 405]
    assert theory.minimum_zero_count(200, 1e-9) == 58


@given(st.integers(1, 300), st.sampled_from([1e-9, 1e-3, 0.05, 0.4]), st.integers(1, 19))
@settings(deadline=None, max_examples=60)
def test_minimum_zero_count_by_exact_sums(m, rejection, twentieths):
    p = Fraction(twentieths, 20)
    c = theory.minimum_zero_count(m, rejection, float(p))
    below = [math.comb(m, j) * p**j * (1 - p) ** (m - j) for j in range(c + 1)]
    assert float(sum(below[:-1], Fraction(0))) <= rejection * (1 + 1e-9)
    assert float(sum(below, Fraction(0))) > rejection * (1 - 1e-9)


def test_uneven_columns_need_a_lower_threshold():
    spread = [theory.minimum_zero_count_uneven(200, s, s, 1e-9) for s in (10.0, 100.0, 1e4, 1e7)]
    assert spread == sorted(spread)
    assert spread[-1] == 58
    rng = np.random.default_rng(0)
    z = rng.binomial(200, rng.beta(10, 10, 100_000))
    c = theory.minimum_zero_count_uneven(200, 10.0, 10.0, 0.01)
    deviation = 4 * math.sqrt(0.01 / z.size)
    assert (z < c).mean() <= 0.01 + deviation
    assert (z < c + 1).mean() > 0.01 - deviation


def test_noise_changes_the_zero_probability():
    assert theory.observed_zero_probability(0.5, 0.95, 0.01) == pytest.approx(0.48)
    with_noise = theory.minimum_zero_count(1000, 1e-9, theory.observed_zero_probability(0.5, 0.95, 0.0))
    assert with_noise < theory.minimum_zero_count(1000, 1e-9)

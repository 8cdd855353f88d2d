"""Mixtures: how often they pass a threshold, and the width that tells them apart."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory


@given(st.integers(2, 40), st.integers(0, 300), st.integers(1, 5), st.data())
@settings(deadline=None, max_examples=60)
def test_mixture_acceptance_by_exact_sums(b, extra, k, data):
    m = b - 1 + extra
    c = data.draw(st.integers(0, m))
    n, q = b - 1, Fraction(1, 2**k)
    exact = sum(
        (math.comb(m - n, j) * q**j * (1 - q) ** (m - n - j) for j in range(max(0, c - n), m - n + 1)),
        Fraction(0),
    )
    assert math.exp(theory.log_mixture_acceptance(c, b, m, k)) == pytest.approx(float(exact), rel=1e-9)


def test_threshold_alone_lets_mixtures_pass():
    """m = 200, b = 24: a tenth of two-column mixtures passes 75 zeros, almost all of them pass z_min = 58."""
    assert round(math.exp(theory.log_mixture_acceptance(75, 24, 200)), 2) == 0.11
    assert math.exp(theory.log_mixture_acceptance(58, 24, 200)) > 0.95


def test_chernoff_information_and_widths():
    information = theory.chernoff_information(0.5, 0.25)
    assert round(information, 5) == 0.03469
    assert theory.chernoff_information(0.25, 0.5) == pytest.approx(information, rel=1e-12)
    assert theory.chernoff_information(0.3, 0.3) == 0.0
    tilts = np.linspace(0, 1, 2001)
    direct = -np.log(0.5**tilts * 0.25 ** (1 - tilts) + 0.5**tilts * 0.75 ** (1 - tilts)).min()
    assert information == pytest.approx(direct, rel=1e-5)
    assert [theory.width_to_separate(24, error) for error in (1e-3, 1e-9)] == [252, 643]


def test_width_to_separate_at_one_in_a_million():
    """445 is the smallest; 448 (a bisection's answer) also suffices, 446, 447 and 449 do not."""

    def suffices(m):
        c = theory.minimum_zero_count(m, 1e-6)
        return theory.log_mixture_acceptance(c, 24, m) <= math.log(1e-6)

    assert theory.width_to_separate(24, 1e-6) == 445
    assert [m for m in range(400, 451) if suffices(m)] == [445, 448, 450]


@given(st.integers(2, 30), st.integers(20, 300))
@settings(deadline=None, max_examples=30)
def test_false_acceptance_falls_with_the_threshold(b, extra):
    m = b - 1 + extra
    rates = [theory.false_acceptance(c, b, m) for c in (0, m // 4, m // 2, m)]
    assert rates == sorted(rates, reverse=True)
    wrong = 1 - math.exp(theory.log_sample_probability(b)) - theory.kernel_support(b).higher
    assert rates[0] == pytest.approx(wrong, abs=1e-10)
    ever = [theory.false_acceptance_ever(c, b, m) for c in (m // 4, m // 2, m)]
    assert ever == sorted(ever, reverse=True)

"""What signs leave open, against linear programs."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

import theory
from tests.theory.limits.sign_polytope import reach
from theory.limits.signs import largest_safe_width, log_expected_freedom, sign_extent, visual_limit


@given(st.integers(2, 80), st.integers(1, 120), st.floats(0.1, 0.9))
@settings(deadline=None, max_examples=60)
def test_the_expected_freedom_is_a_sum_over_counts(b, m, p):
    z = np.arange(m + 1)
    exact = b * float((np.maximum(b - 1 - z, 0) * stats.binom.pmf(z, m, p)).sum())
    assert math.exp(log_expected_freedom(b, m, p)) == pytest.approx(exact, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("b", "m"), [(480, 1000), (4900, 10**4), (500_000, 10**6)])
def test_the_normal_law_of_zero_counts(b, m):
    spread = math.sqrt(m) / 2
    d = (b - 1 - m / 2) / spread
    closed = b * spread * (math.exp(-d * d / 2) / math.sqrt(2 * math.pi) + d * float(special.ndtr(d)))
    assert math.exp(log_expected_freedom(b, m)) == pytest.approx(closed, rel=0.03)


def test_tails_that_no_float_holds():
    assert log_expected_freedom(5, 10**6) == pytest.approx(-693105.916, abs=0.01)


@pytest.mark.parametrize(("b", "m", "problems"), [(28, 60, 6), (32, 60, 3), (45, 100, 3)])
def test_linear_programs_reach_as_far(b, m, problems):
    ratios = []
    for seed in range(problems):
        count, extent = reach(b, m, np.random.default_rng(seed))
        if count >= 5:
            ratios.append(extent / (math.pi * count / (m * b)))
    assert len(ratios) >= 2
    assert 0.8 < np.median(ratios) < 1.4


def test_one_free_parameter_ends_at_an_exponential_time():
    """The largest of N Cauchy ratios: its reciprocal has the mean π / N."""
    rng = np.random.default_rng(0)
    ratios = rng.standard_normal((2000, 500)) / rng.standard_normal((2000, 500))
    ends = 1 / ratios.max(axis=1)
    assert ends.mean() == pytest.approx(math.pi / 500, rel=0.1)
    assert stats.kstest(ends * 500 / math.pi, "expon").pvalue > 1e-3


@given(st.integers(1, 2000), st.integers(1, 50), st.floats(0.2, 0.7), st.floats(0, 0.2), st.floats(0.01, 1))
@settings(deadline=None, max_examples=60)
def test_order(m, rows, p, share, extent):
    b = visual_limit(m, p, extent=extent)
    assert sign_extent(b + 1, m, p) > extent
    assert b == 1 or sign_extent(b, m, p) <= extent
    assert b <= visual_limit(m + rows, p, extent=extent)
    assert b <= visual_limit(m, p + share, extent=extent)


@given(st.integers(40, 10**5), st.floats(0.35, 0.65))
@settings(deadline=None, max_examples=40)
def test_samples_are_seen_beyond_exact_recovery(m, p):
    assert theory.exact_limit(m, p) <= theory.safe_batch(m, p) <= visual_limit(m, p)


@given(st.integers(2, 3000))
@settings(deadline=None, max_examples=20)
def test_the_inverse(b):
    m = largest_safe_width(b)
    assert visual_limit(m + 1) >= b
    assert m == 0 or visual_limit(m) < b


def test_the_largest_sizes_take_no_time():
    start = time.process_time()
    assert visual_limit(10**6) == 659155
    assert largest_safe_width(10**4) == 15169
    assert time.process_time() - start < 2


def test_arguments_out_of_range():
    for call in (lambda: sign_extent(1, 10), lambda: visual_limit(0), lambda: visual_limit(9, extent=0)):
        with pytest.raises(theory.ParameterError):
            call()

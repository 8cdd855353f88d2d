"""Failure whatever the budget."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.numerics.binomial import log_binom_cdf
from theory.patterns.matching import structural_rank
from theory.patterns.sampling import draw_zeros


@pytest.mark.parametrize(("m", "figure"), [(12, 0.2893), (16, 0.0864), (24, 0.0063)])
def test_column_never_found(m, figure):
    value = math.exp(theory.log_column_never_found(6, m))
    assert round(value, 4) == figure
    runs = 8000
    zeros = draw_zeros(6, m, count=runs, rng=m)
    rest = zeros[:, :, 1:] | ~zeros[:, :, :1]  # only rows that are zero in column 0 may take part
    rate = float((structural_rank(rest) < 5).mean())
    assert abs(rate - value) < 4 * math.sqrt(value / runs)


def test_leading_order():
    b, m, p = 30, 200, 0.5
    leading = math.exp(log_binom_cdf(b - 2, m, p)) + (b - 1) * (1 - p * (1 - p)) ** m
    assert math.exp(theory.log_column_never_found(b, m)) == pytest.approx(leading, rel=1e-6)


@given(
    st.integers(2, 80), st.integers(0, 400), st.sampled_from([0.3, 0.5, 0.7]), st.sampled_from([None, 0.3])
)
@settings(deadline=None, max_examples=100)
def test_limits_and_monotonicity(b, extra, p, threshold):
    m = b - 1 + extra
    options = {"p": p, "threshold": threshold}
    value = theory.unlimited_success(b, m, **options)
    lower, upper = theory.unlimited_success_bounds(b, m, **options)
    assert 0 <= lower <= value * (1 + 1e-12) + 1e-15
    assert value <= upper * (1 + 1e-12) <= 1 + 1e-12
    budgeted = theory.success_probability(b, m, log_samples=1e5, **options)
    assert budgeted == pytest.approx(value, abs=1e-7)  # the budget's own ceiling
    if threshold is None:
        assert theory.unlimited_success(b, m + 5, **options) >= value - 1e-12
    assert theory.unlimited_success(b + 1, m + 1, **options) <= theory.unlimited_success(
        b, m + 1, **options
    ) * (1 + 1e-12)


def test_no_underflow_at_a_million_rows():
    value = theory.log_column_never_found(10**4, 10**6)
    assert value == pytest.approx(math.log(9999) + 10**6 * math.log(0.75), rel=1e-9)
    assert theory.log_column_never_found([[5], [50]], [60, 100, 400]).shape == (2, 3)

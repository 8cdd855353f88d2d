"""Forecasts from the activity of each row: against patterns, the iid law and their own inverse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory


def test_row_activity_matches_the_pattern_it_comes_from():
    rng = np.random.default_rng(9)
    activity = rng.beta(2, 2, 800)[:, None]
    zeros = rng.random((800, 14)) > activity
    pattern = theory.forecast_from_zeros(zeros)
    rows = theory.forecast_from_row_activity((~zeros).sum(axis=1), 14)
    assert rows.tier == "measured"
    assert rows.log_samples[1] == pytest.approx(pattern.log_samples[1], abs=0.7)
    assert rows.log_samples_low[1] <= rows.log_samples[1] <= rows.log_samples_high[1]


@given(st.integers(2, 10), st.integers(20, 120), st.integers(1, 11))
@settings(deadline=None, max_examples=12)
def test_even_row_activity_is_the_iid_law(b, extra, k):
    """All rows alike: the zero count is binomial again, and ranks as for that zero probability."""
    active = min(k, b - 1)
    p, m = 1 - active / b, b - 1 + extra
    answer = theory.forecast_from_row_activity(np.full(m, active), b)
    iid = theory.log_sample_quantile(b, m, [0.1, 0.5, 0.9], p=p)
    finite = np.isfinite(iid) & (np.asarray(iid) > math.log(b) + 0.1)
    assert np.asarray(answer.log_samples)[finite] == pytest.approx(np.asarray(iid)[finite], abs=1e-5)
    assert answer.ceiling == pytest.approx(theory.unlimited_success(b, m, p=p), abs=1e-8)


def test_success_from_row_activity_inverts_the_forecast():
    activity = np.linspace(3.5, 9.5, 300)  # expected activities need not be whole
    answer = theory.forecast_from_row_activity(activity, 12, threshold=0.3)
    chances = theory.success_from_row_activity(activity, 12, log_samples=answer.log_samples, threshold=0.3)
    assert chances == pytest.approx([0.1, 0.5, 0.9], rel=1e-9)
    assert theory.success_from_row_activity(activity, 12, 11) == 0.0  # fewer samples than directions
    late = theory.success_from_row_activity(activity, 12, log_samples=300.0, threshold=0.3)
    assert late == pytest.approx(answer.ceiling)


def test_row_activity_says_when_rows_are_too_few():
    answer = theory.forecast_from_row_activity(np.full(60, 9.0), 12, threshold=0.3)
    assert answer.ceiling < 0.9
    assert any("more rows are needed" in remark for remark in answer.remarks)

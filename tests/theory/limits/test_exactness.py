"""Where zero patterns stop determining a batch."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.limits.exactness import exact_limit, exact_limit_closed_form, safe_batch

WIDTHS = st.integers(1, 3000)
SHARES = st.floats(0.2, 0.8)


def test_tables():
    widths = (60, 100, 150, 200, 300, 400, 600, 1000)
    assert [exact_limit(m) for m in widths] == [24, 40, 62, 84, 129, 174, 267, 454]
    assert [safe_batch(m) for m in widths] == [28, 46, 68, 91, 137, 183, 277, 467]


@given(WIDTHS, SHARES, st.floats(1e-6, 0.999))
@settings(deadline=None, max_examples=60)
def test_the_limit_is_where_the_probability_crosses(m, p, u):
    b = exact_limit(m, p, probability=u)
    assert 1 <= b <= m + 1
    if b > 1:
        assert theory.unlimited_success(b, m, p=p) >= u
    if b < m:
        assert theory.unlimited_success(b + 1, m, p=p) < u


@given(WIDTHS, SHARES, st.integers(1, 50), st.floats(0, 0.15))
@settings(deadline=None, max_examples=60)
def test_more_rows_and_more_zeros_determine_more(m, p, rows, share):
    assert exact_limit(m, p) <= exact_limit(m + rows, p)
    if p + share <= 0.5:  # towards halves only: a row tells by its zeros and by what is active
        assert exact_limit(m, p) <= exact_limit(m, p + share)
    assert exact_limit(m, p) <= safe_batch(m, p)


@given(st.integers(40, 10**6))
@settings(deadline=None, max_examples=40)
def test_the_closed_form_is_right_to_a_sample(m):
    assert exact_limit_closed_form(m) == pytest.approx(exact_limit(m), abs=1)


def test_the_largest_sizes_take_no_time():
    start = time.process_time()
    assert exact_limit(10**6) == 497658
    assert time.process_time() - start < 1


@pytest.mark.parametrize("limit", [exact_limit, safe_batch, exact_limit_closed_form])
def test_arguments_out_of_range(limit):
    for arguments in ((0,), (100, 0.0), (100, 1.0), (2.5,)):
        with pytest.raises(theory.ParameterError):
            limit(*arguments)


def test_patterns_agree():
    rng = np.random.default_rng(0)
    whole = [theory.determined(theory.draw_zeros(24, 60, rng=rng), rng=rng).whole for _ in range(200)]
    assert np.mean(whole) == pytest.approx(theory.unlimited_success(24, 60), abs=4 * 0.5 / 200**0.5)

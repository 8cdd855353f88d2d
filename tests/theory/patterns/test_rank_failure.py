"""Rank failure: published figures, bounds on either side, simulation, kernel supports."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.patterns.dulmage_mendelsohn import exact_tables, rank_tables
from theory.patterns.hall_bounds import matching_failure_bounds
from theory.patterns.matching import structural_rank
from theory.patterns.rank_failure import (
    column_failure,
    kernel_support,
    log_column_failure,
    log_matching,
    matching_failure,
)
from theory.patterns.sampling import draw_zeros

SINGULAR = {5: (0.30885, 0.255, 0.508), 9: (0.03729, 0.0343, 0.0392), 11: (0.01097, 0.01066, 0.01108)}


@pytest.mark.parametrize(("n", "figures"), SINGULAR.items())
def test_singular_blocks_published_figures(n, figures):
    exact, low, high = figures
    lower, upper = matching_failure_bounds(n)
    assert matching_failure(n) == pytest.approx(exact, abs=0.5e-5)
    assert (lower, upper) == pytest.approx((low, high), abs=1e-3 if n == 5 else 0.5e-4)
    assert 0.939**n > 10 * exact or n == 5
    draws = 20_000
    rate = float((structural_rank(draw_zeros(n, n, count=draws, rng=n)) < n).mean())
    assert abs(rate - exact) < 4 * math.sqrt(exact * (1 - exact) / draws)


def test_singular_blocks_at_19_and_39():
    assert f"{matching_failure(19):.5e}" == "7.24990e-05"
    lower, upper = matching_failure_bounds(19)
    assert f"{lower:.4e} {upper:.4e}" == "7.2475e-05 7.2503e-05"
    assert f"{matching_failure(39):.6e}" == "1.418812e-10"
    lower, upper = matching_failure_bounds(39)
    assert upper / lower == pytest.approx(1, abs=1e-7)
    assert [round(0.939**n, 3) for n in (5, 9, 11, 19, 39)] == [0.730, 0.568, 0.500, 0.302, 0.086]


def test_estimate_continues_the_tables():
    """Just past the tables the estimate must not step away from them: ratios of neighbours go on smoothly."""
    for p in (0.3, 0.5, 0.6):
        logs = np.asarray(log_column_failure(np.arange(44, 54), np.arange(44, 54), p))
        assert np.abs(np.diff(logs, 3)).max() < 1e-4
    assert matching_failure(41, 0.9) == pytest.approx(
        float(rank_tables(0.9).failure[40, 40]) - 0.026, abs=0.02
    )


def test_log_forms_beyond_the_float_range():
    assert log_column_failure(10**6, 9999) == pytest.approx(math.log(9999) - 10**6 * math.log(2), rel=1e-12)
    assert log_column_failure(5, 6) == 0.0
    assert log_column_failure(5, 0) == -math.inf
    assert log_matching(0) == 0.0
    assert log_matching(10**4) == pytest.approx(0.0, abs=1e-15)
    assert log_matching(3, 0.99) == pytest.approx(
        math.log(float(exact_tables(3, 0.99).saturation[3, 3])), rel=1e-12
    )


def test_kernel_support_by_enumeration():
    law = kernel_support(4)
    assert np.rint(4096 * law.support).tolist() == [988, 504, 624, 1009]
    assert round(4096 * law.higher) == 971


@given(st.integers(2, 120), st.sampled_from([0.2, 0.5, 0.7, 0.8, 0.9]))
@settings(max_examples=60, deadline=None)
def test_kernel_support_sums_to_one(b, p):
    law = kernel_support(b, p)
    assert law.support.sum() + law.higher == pytest.approx(1.0, abs=1e-9)
    n = b - 1  # a support of one is a hit: b p^n M_n
    hit = math.log(b) + n * math.log(p) + float(np.asarray(log_matching(n, p)))
    assert law.support[0] == pytest.approx(math.exp(hit), rel=1e-9)


def test_scalars_in_scalars_out():
    assert isinstance(matching_failure(5), float)
    assert matching_failure([5, 6]).shape == (2,)
    assert column_failure(np.ones((2, 1), int) * 9, [3, 4, 5]).shape == (2, 3)

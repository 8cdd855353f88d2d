"""Structural rank: exact counts, enumeration, bounds, simulation."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import rank
from theory.dulmage_mendelsohn import rank_tables, table_size
from theory.patterns import draw_zeros, structural_rank

SINGULAR = {5: (0.30885, 0.255, 0.508), 9: (0.03729, 0.0343, 0.0392), 11: (0.01097, 0.01066, 0.01108)}


def all_patterns(rows, columns):
    bits = np.array(list(product([False, True], repeat=rows * columns)))
    return bits.reshape(-1, rows, columns)


def test_exact_counts_of_nonsingular_patterns():
    tables = rank.exact_tables(6)
    counts = [2 ** (n * n) * tables.saturation[n, n] for n in range(1, 7)]
    assert counts == [1, 7, 247, 37823, 23191071, 54812742655]


@pytest.mark.parametrize("p", [Fraction(1, 2), Fraction(1, 3), Fraction(9, 10)])
def test_identity_sums_to_one_exactly(p):
    """The decomposition is a partition: all its terms add up to one, for every shape."""
    size = 5
    tables = rank.exact_tables(size, p)
    for r, c in product(range(size + 1), repeat=2):
        total = sum(
            math.comb(r, i)
            * math.comb(c, j)
            * p ** ((r - i) * j)
            * tables.surplus[i, j]
            * tables.saturation[r - i, c - j]
            for i, j in product(range(r + 1), range(c + 1))
        )
        assert total == 1


@pytest.mark.parametrize("p", [0.2, 0.5, 0.7, 0.75, 0.9, 0.99])
def test_float_tables_match_fractions(p):
    size = 7
    exact, floats = rank.exact_tables(size, p), rank_tables(p)
    for r, c in product(range(size + 1), repeat=2):
        for name in ("failure", "surplus", "saturation"):
            reference = float(getattr(exact, name)[r, c])
            assert getattr(floats, name)[r, c] == pytest.approx(reference, rel=1e-11, abs=1e-15), (name, r, c)


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (3, 3), (4, 2), (3, 4)])
def test_rank_distribution_by_enumeration(rows, columns):
    counts = np.bincount(structural_rank(all_patterns(rows, columns)), minlength=min(rows, columns) + 1)
    assert rank.rank_distribution(rows, columns) == pytest.approx(counts / counts.sum(), rel=1e-13)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.05, 0.95))
@settings(max_examples=40, deadline=None)
def test_rank_distribution_sums_to_one(rows, columns, p):
    p = round(p, 1)  # few tables
    law = rank.rank_distribution(rows, columns, p)
    assert law.sum() == pytest.approx(1.0, abs=1e-9)
    assert (law >= 0).all()
    assert law[-1] == pytest.approx(
        1 - rank.column_failure(max(rows, columns), min(rows, columns), p), abs=1e-9
    )


@pytest.mark.parametrize(("n", "figures"), SINGULAR.items())
def test_singular_blocks_published_figures(n, figures):
    exact, low, high = figures
    lower, upper = rank.matching_failure_bounds(n)
    assert rank.matching_failure(n) == pytest.approx(exact, abs=0.5e-5)
    assert (lower, upper) == pytest.approx((low, high), abs=1e-3 if n == 5 else 0.5e-4)
    assert 0.939**n > 10 * exact or n == 5
    draws = 20_000
    rate = float((structural_rank(draw_zeros(n, n, count=draws, rng=n)) < n).mean())
    assert abs(rate - exact) < 4 * math.sqrt(exact * (1 - exact) / draws)


def test_singular_blocks_at_19_and_39():
    assert f"{rank.matching_failure(19):.5e}" == "7.24990e-05"
    lower, upper = rank.matching_failure_bounds(19)
    assert f"{lower:.4e} {upper:.4e}" == "7.2475e-05 7.2503e-05"
    assert f"{rank.matching_failure(39):.6e}" == "1.418812e-10"
    lower, upper = rank.matching_failure_bounds(39)
    assert upper / lower == pytest.approx(1, abs=1e-7)
    assert [round(0.939**n, 3) for n in (5, 9, 11, 19, 39)] == [0.730, 0.568, 0.500, 0.302, 0.086]


@given(st.integers(1, 60), st.integers(0, 20), st.sampled_from([0.1, 0.3, 0.5, 0.65, 0.7, 0.8, 0.9, 0.97]))
@settings(max_examples=150, deadline=None)
def test_bounds_bracket_and_failure_is_monotone(n, extra, p):
    z = n + extra
    value = rank.column_failure(z, n, p)
    lower, upper = rank.matching_failure_bounds(n, p, z=z)
    slack = 1 + 1e-9
    assert 0 <= value <= 1
    assert lower <= value * slack
    assert value <= upper * slack
    if z + 1 <= table_size(p):  # outside, values are asymptotic for large p
        assert rank.column_failure(z + 1, n, p) <= value * slack
        assert rank.column_failure(z + 1, n + 1, p) >= rank.column_failure(z + 1, n, p) / slack
    if p < 0.6:
        assert rank.column_failure(z, n, p + 0.05) >= value


def test_estimate_continues_the_tables():
    """Just past the tables the estimate must not step away from them: ratios of neighbours go on smoothly."""
    for p in (0.3, 0.5, 0.6):
        logs = np.asarray(rank.log_column_failure(np.arange(44, 54), np.arange(44, 54), p))
        assert np.abs(np.diff(logs, 3)).max() < 1e-4
    assert rank.matching_failure(41, 0.9) == pytest.approx(
        float(rank_tables(0.9).failure[40, 40]) - 0.026, abs=0.02
    )


def test_log_forms_beyond_the_float_range():
    assert rank.log_column_failure(10**6, 9999) == pytest.approx(
        math.log(9999) - 10**6 * math.log(2), rel=1e-12
    )
    assert rank.log_column_failure(5, 6) == 0.0
    assert rank.log_column_failure(5, 0) == -math.inf
    assert rank.log_matching(0) == 0.0
    assert rank.log_matching(10**4) == pytest.approx(0.0, abs=1e-15)
    assert rank.log_matching(3, 0.99) == pytest.approx(
        math.log(float(rank.exact_tables(3, 0.99).saturation[3, 3])), rel=1e-12
    )


def test_kernel_support_by_enumeration():
    law = rank.kernel_support(4)
    assert np.rint(4096 * law.support).tolist() == [988, 504, 624, 1009]
    assert round(4096 * law.higher) == 971


@given(st.integers(2, 120), st.sampled_from([0.2, 0.5, 0.7, 0.8, 0.9]))
@settings(max_examples=60, deadline=None)
def test_kernel_support_sums_to_one(b, p):
    law = rank.kernel_support(b, p)
    assert law.support.sum() + law.higher == pytest.approx(1.0, abs=1e-9)
    n = b - 1  # a support of one is a hit: b p^n M_n
    hit = math.log(b) + n * math.log(p) + float(np.asarray(rank.log_matching(n, p)))
    assert law.support[0] == pytest.approx(math.exp(hit), rel=1e-9)


def test_scalars_in_scalars_out():
    assert isinstance(rank.matching_failure(5), float)
    assert rank.matching_failure([5, 6]).shape == (2,)
    assert rank.column_failure(np.ones((2, 1), int) * 9, [3, 4, 5]).shape == (2, 3)

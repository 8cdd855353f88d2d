"""Tables of structural rank: exact counts, enumeration, fractions against floats."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.patterns.dulmage_mendelsohn import exact_tables, rank_distribution, rank_tables
from theory.patterns.matching import structural_rank
from theory.patterns.rank_failure import column_failure


def all_patterns(rows, columns):
    bits = np.array(list(product([False, True], repeat=rows * columns)))
    return bits.reshape(-1, rows, columns)


def test_exact_counts_of_nonsingular_patterns():
    tables = exact_tables(6)
    counts = [2 ** (n * n) * tables.saturation[n, n] for n in range(1, 7)]
    assert counts == [1, 7, 247, 37823, 23191071, 54812742655]


@pytest.mark.parametrize("p", [Fraction(1, 2), Fraction(1, 3), Fraction(9, 10)])
def test_identity_sums_to_one_exactly(p):
    """The decomposition is a partition: all its terms add up to one, for every shape."""
    size = 5
    tables = exact_tables(size, p)
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
    exact, floats = exact_tables(size, p), rank_tables(p)
    for r, c in product(range(size + 1), repeat=2):
        for name in ("failure", "surplus", "saturation"):
            reference = float(getattr(exact, name)[r, c])
            assert getattr(floats, name)[r, c] == pytest.approx(reference, rel=1e-11, abs=1e-15), (name, r, c)


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (3, 3), (4, 2), (3, 4)])
def test_rank_distribution_by_enumeration(rows, columns):
    counts = np.bincount(structural_rank(all_patterns(rows, columns)), minlength=min(rows, columns) + 1)
    assert rank_distribution(rows, columns) == pytest.approx(counts / counts.sum(), rel=1e-13)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.05, 0.95))
@settings(max_examples=40, deadline=None)
def test_rank_distribution_sums_to_one(rows, columns, p):
    p = round(p, 1)  # few tables
    law = rank_distribution(rows, columns, p)
    assert law.sum() == pytest.approx(1.0, abs=1e-9)
    assert (law >= 0).all()
    assert law[-1] == pytest.approx(1 - column_failure(max(rows, columns), min(rows, columns), p), abs=1e-9)

"""One sample: brute force with rationals, averages over zero counts, a scalar head."""

import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.numerics.binomial import log_binom_pmf
from theory.patterns.matching import found_direction


def brute_force(p, width=5, batch=3):
    """Exact P(column 0 zero), P(exactly one zero column), q1, q over all patterns and all row subsets."""
    bits = np.array(list(product([False, True], repeat=width * batch)))
    patterns = bits.reshape(-1, width, batch)
    subsets = list(combinations(range(width), batch - 1))
    totals = np.zeros((4, width * batch + 1), np.int64)  # by number of zeros in the pattern
    zeros = bits.sum(axis=1)
    for rows in subsets:
        sampled = patterns[:, rows, :]
        zero = sampled.all(axis=1)
        found = found_direction(sampled)
        events = (zero[:, 0], zero.sum(axis=1) == 1, found == 0, found >= 0)
        totals += [np.bincount(zeros[event], minlength=totals.shape[1]) for event in events]
    cells = width * batch
    weights = [p**k * (1 - p) ** (cells - k) for k in range(cells + 1)]
    return [sum(int(c) * w for c, w in zip(t, weights, strict=True)) / len(subsets) for t in totals]


@pytest.mark.parametrize(
    ("p", "figures"),
    [
        (Fraction(1, 2), ("1/4", "27/64", "7/64", "21/64")),
        (Fraction(1, 3), ("1/9", "64/243", "56/729", "56/243")),
    ],
)
def test_brute_force_all_patterns(p, figures):
    exact = [Fraction(figure) for figure in figures]
    assert brute_force(p) == exact
    assert float(p) ** 2 == pytest.approx(float(exact[0]))
    assert theory.exactly_one_zero_column(3, float(p)) == pytest.approx(float(exact[1]), rel=1e-13)
    assert math.exp(theory.log_direction_probability(3, float(p))) == pytest.approx(
        float(exact[2]), rel=1e-13
    )
    assert math.exp(theory.log_sample_probability(3, float(p))) == pytest.approx(float(exact[3]), rel=1e-13)


@given(st.integers(2, 40), st.integers(1, 300), st.sampled_from([0.2, 0.5, 0.7]))
@settings(deadline=None, max_examples=60)
def test_averaging_over_zero_counts_gives_the_unconditional_rate(b, extra, p):
    m = b - 1 + extra
    z = np.arange(m + 1)
    log_pmf = log_binom_pmf(z, m, p)
    given_z = theory.log_direction_probability_given(z, m, b, p)
    assert np.exp(log_pmf + given_z).sum() == pytest.approx(
        math.exp(theory.log_direction_probability(b, p)), rel=1e-10
    )


def test_scalar_head_has_spurious_directions_with_half_the_rows():
    """With one output all columns of D are multiples of each other where both are active."""
    rng = np.random.default_rng(0)
    active = rng.random((4000, 4)) < 0.5
    D = active * np.array([1.0, -2.0, 0.5, 4.0]) * rng.standard_normal((4000, 1))
    shares = [
        float((D[:, i] / s - D[:, j] / t == 0).mean())
        for (i, s), (j, t) in combinations(enumerate((1.0, -2.0, 0.5, 4.0)), 2)
    ]
    assert len(shares) == math.comb(4, 2)
    assert shares == pytest.approx([0.5] * 6, abs=4 * 0.5 / math.sqrt(4000))

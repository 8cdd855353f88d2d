"""One sample: brute force with rationals, symmetric functions, dead rows."""

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
from theory.patterns.sampling import draw_zeros


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


def recursion(pi, n):
    """Reference for e_n(π) / C(m, n): one row at a time, a convex combination."""
    a = [1.0] + [0.0] * n
    for j, x in enumerate(pi, 1):
        for k in range(min(n, j), 0, -1):
            a[k] = (1 - k / j) * a[k] + (k / j) * x * a[k - 1]
    return a[n]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_unequal_rows(pi, data):
    n = data.draw(st.integers(0, len(pi)))
    value, reference = theory.log_zero_given_rows(pi, n), recursion(pi, n)
    if reference > 1e-250:
        assert math.exp(value) == pytest.approx(reference, rel=1e-9)
    else:
        assert value < math.log(1e-249)


@given(st.floats(0.01, 1), st.integers(1, 500), st.data())
@settings(deadline=None)
def test_equal_rows_are_a_special_case(p, m, data):
    n = data.draw(st.integers(0, m))
    assert theory.log_zero_given_rows(np.full(m, p), n) == pytest.approx(n * math.log(p), rel=1e-9, abs=1e-9)


def test_small_spread_expansion():
    pi = np.random.default_rng(0).uniform(0.45, 0.55, 1000)
    n, m, cv = 30, pi.size, pi.std() / pi.mean()
    expansion = n * math.log(pi.mean()) - n * (n - 1) * cv**2 / (2 * (m - 1))
    assert theory.log_zero_given_rows(pi, n) == pytest.approx(expansion, abs=1e-4)


def test_unequal_rows_against_sampling():
    rng = np.random.default_rng(3)
    pi, n, runs = rng.beta(2, 2, 40), 4, 40_000
    rows = rng.permuted(np.tile(np.arange(40), (runs, 1)), axis=1)[:, :n]
    rate = (rng.random((runs, n)) < pi[rows]).all(axis=1).mean()
    exact = math.exp(theory.log_zero_given_rows(pi, n))
    assert abs(rate - exact) < 4 * math.sqrt(exact / runs)


def test_dead_rows():
    """b = 6: dropping rows of zeros raises q1 to .02337."""
    formula = math.exp(theory.log_direction_probability(6) + theory.log_dead_row_gain(6))
    assert round(formula, 5) == 0.02337
    runs = 60_000
    rows = draw_zeros(6, 5 * runs + 40_000, rng=5)
    live = rows[~rows.all(axis=1)][: 5 * runs].reshape(runs, 5, 6)
    rate = float((found_direction(live) == 0).mean())
    assert abs(rate - formula) < 4 * math.sqrt(formula / runs)


def test_always_active_rows():
    assert theory.log_active_row_loss(21, 0.1) == pytest.approx(20 * math.log(0.9))
    assert theory.log_active_row_loss([2, 3], 0.0).tolist() == [0.0, 0.0]


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

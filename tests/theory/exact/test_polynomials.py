"""Polynomials in p: recursion against enumeration, and against the numerical code."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.special import logsumexp

from theory.draws.one_draw import exactly_one_zero_column, log_direction_probability, log_sample_probability
from theory.exact.polynomials import enumerated_sample_law, evaluate, matching_count, sample_law
from theory.numerics.checks import ParameterError
from theory.patterns.matching import found_direction
from theory.patterns.rank_failure import kernel_support, matching_failure

HALF = Fraction(1, 2)


@pytest.mark.parametrize("batch_size", [2, 3, 4])
def test_recursion_equals_enumeration(batch_size):
    assert sample_law(batch_size) == enumerated_sample_law(batch_size)


@pytest.mark.parametrize(
    ("p", "zero", "exactly_one", "direction", "useful"),
    [
        ("1/2", Fraction(1, 4), Fraction(27, 64), Fraction(7, 64), Fraction(21, 64)),
        ("1/3", Fraction(1, 9), Fraction(64, 243), Fraction(56, 729), Fraction(56, 243)),
    ],
)
def test_exact_values_at_three(p, zero, exactly_one, direction, useful):
    law = sample_law(3)
    values = [evaluate(field, p) for field in (law.zero, law.exactly_one, law.direction, law.useful)]
    assert values == [zero, exactly_one, direction, useful]


def test_all_patterns_of_width_five():
    """Every 5x3 pattern and every pair of its rows, with no appeal to exchangeability."""
    zeros = (np.arange(1 << 15)[:, None] >> np.arange(15) & 1).astype(bool).reshape(-1, 5, 3)
    count = zeros.sum(axis=(1, 2))
    tally = np.zeros((4, 16), dtype=int)
    for rows in itertools.combinations(range(5), 2):
        sampled = zeros[:, rows]
        empty, found = sampled.all(axis=1), found_direction(sampled)
        events = (empty[:, 0], empty.sum(axis=1) == 1, found == 0, found >= 0)
        tally += [np.bincount(count, weights=event, minlength=16).astype(int) for event in events]
    law = sample_law(3)
    for p in (HALF, Fraction(1, 3)):
        weight = [p**z * (1 - p) ** (15 - z) for z in range(16)]
        seen = [sum(int(c) * w for c, w in zip(row, weight, strict=True)) / 10 for row in tally]
        fields = (law.zero, law.exactly_one, law.direction, law.useful)
        assert seen == [evaluate(field, p) for field in fields]


def test_kernel_support_counts_at_four():
    law = sample_law(4)
    counts = [evaluate(field, HALF) * 4096 for field in (*law.kernel_support, law.degenerate)]
    assert counts == [988, 504, 624, 1009, 971]


def test_matching_counts():
    assert [matching_count(n) for n in range(1, 7)] == [1, 7, 247, 37823, 23191071, 54812742655]


@pytest.mark.parametrize("p", ["1/10", "1/3", "1/2", "7/10"])
@pytest.mark.parametrize("batch_size", [2, 3, 5, 7])
def test_symbolic_equals_numeric(batch_size, p):
    law, value = sample_law(batch_size), float(Fraction(p))
    exact = {name: float(evaluate(getattr(law, name), p)) for name in ("exactly_one", "direction", "useful")}
    assert exactly_one_zero_column(batch_size, value) == pytest.approx(exact["exactly_one"], rel=1e-12)
    assert math.exp(log_direction_probability(batch_size, value)) == pytest.approx(
        exact["direction"], rel=1e-12
    )
    assert math.exp(log_sample_probability(batch_size, value)) == pytest.approx(exact["useful"], rel=1e-12)
    numeric = kernel_support(batch_size, value)
    assert numeric.support == pytest.approx([float(evaluate(f, p)) for f in law.kernel_support], rel=1e-11)
    assert numeric.higher == pytest.approx(float(evaluate(law.degenerate, p)), rel=1e-10)


def test_matching_failure_from_counts():
    for n in range(1, 8):
        exact = 1 - Fraction(matching_count(n), 2 ** (n * n))
        assert matching_failure(n) == pytest.approx(float(exact), rel=1e-13)


def test_kernel_support_law_adds_up():
    for b in (2, 5, 9):
        numeric = kernel_support(b, 0.3)
        assert float(logsumexp(np.log([*numeric.support, numeric.higher]))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: sample_law(1),
        lambda: sample_law(17),
        lambda: enumerated_sample_law(5),
        lambda: evaluate(sample_law(2).zero, 0.5),
        lambda: evaluate(sample_law(2).zero, "1"),
        lambda: matching_count(0),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match=r"out of range|no symbol"):
        call()

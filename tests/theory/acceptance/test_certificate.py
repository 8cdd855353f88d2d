"""Masks, kernel and halves: formulas against exact sums and simulations."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from tests.theory.helpers import not_above


def test_signs_agree_with_probability_one_minus_angle_over_pi():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((100_000, 5))
    first = np.eye(5)[0]
    for angle in (0.1, math.pi / 4, math.pi / 2, 3.0):
        second = math.cos(angle) * first + math.sin(angle) * np.eye(5)[1]
        equal = ((rows @ first > 0) == (rows @ second > 0)).mean()
        assert equal == pytest.approx(theory.mask_agreement(angle), abs=0.008)


@given(st.integers(0, 60), st.integers(1, 19), st.integers(0, 3), st.integers(0, 10))
@settings(deadline=None, max_examples=60)
def test_mask_acceptance_by_exact_sums(rows, twentieths, flips, freedom):
    rho = Fraction(twentieths, 20)
    free = max(rows - 2 * freedom, 0)
    tail = sum(math.comb(free, j) * (1 - rho) ** j * rho ** (free - j) for j in range(min(flips, free) + 1))
    choices = math.comb(rows, freedom) * math.comb(max(rows - freedom, 0), freedom)
    exact = min(1.0, float(max(choices, 1) * tail))
    found = theory.log_mask_acceptance(rows, float(rho), flips, freedom=freedom)
    assert math.exp(found) == pytest.approx(exact, rel=1e-9)


def test_no_search_finds_a_wrong_sample_more_often_than_the_bound():
    """Two orthogonal samples: every direction and every mask of a wrong sample, on each draw."""
    rng = np.random.default_rng(0)
    rows, runs, hits, angle = 30, 400, 0, math.pi / 4
    for _ in range(runs):
        w = rng.standard_normal((200, 2))
        w = w[(w > 0).any(axis=1)][:rows]  # the others are dead
        d = rng.standard_normal(w.shape) * (w > 0)
        edges = np.arctan2(w[:, 0], -w[:, 1]) % math.pi
        edges = np.sort(np.concatenate([edges, edges + math.pi]))
        at = np.concatenate([(edges + np.roll(edges, -1) + 2 * math.pi * (edges == edges[-1])) / 2, [angle]])
        off = np.minimum(
            *(np.abs((at - true + math.pi) % (2 * math.pi) - math.pi) for true in (0, math.pi / 2))
        )
        at = at[off >= angle - 1e-9]
        masks = w @ np.stack([np.cos(at), np.sin(at)]) > 0
        kernels = np.stack([-d[:, 1], d[:, 0]])
        patterns = np.abs(d @ kernels) > 1e-9 * np.abs(d).max(axis=1)[:, None]
        patterns = np.concatenate([patterns, np.ones((rows, 1), bool)], axis=1)
        hits += (masks[:, :, None] == patterns[:, None, :]).all(axis=0).any()
    bound = math.exp(theory.log_mask_acceptance(rows, theory.mask_agreement(angle), freedom=1))
    assert bound < 0.3
    assert not_above(hits, runs, bound)


@pytest.mark.parametrize(("zeros", "spare"), [(4, 0), (6, 0), (4, 1), (6, 1), (4, 2)])
def test_mixtures_of_two_columns_pass_no_more_often_than_the_bound(zeros, spare):
    """A mixture vanishes on a row of choice, on common zeros, and where its entry is small by chance."""
    rng = np.random.default_rng(1)
    rows, runs, hits, width = 12, 3000, 0, 0.01
    for _ in range(runs):
        d = rng.standard_normal((rows, 2)) * (rng.random((rows, 2)) < 0.5)
        share = [-d[i, 0] / d[i, 1] for i in np.flatnonzero(d.all(axis=1))]
        for t in share:
            common = ~d.any(axis=1)
            small = (np.abs(d[:, 0] + t * d[:, 1]) < width * min(1, abs(t))) & ~common
            hits_here = small.sum() - 1 >= spare and (small | common).sum() >= zeros
            if hits_here:
                hits += 1
                break
    bound = math.exp(theory.log_kernel_acceptance(2, rows, zeros, width, spare=spare))
    assert not_above(hits, runs, bound)
    assert hits or bound < 0.05


@given(st.integers(2, 40), st.integers(1, 200), st.integers(0, 100), st.floats(-12, -1), st.data())
@settings(deadline=None, max_examples=60)
def test_kernel_acceptance_is_monotone(b, zeros, extra, digits, data):
    m = b + zeros + extra

    def bound(b=b, m=m, zeros=zeros, width=10.0**digits, p=0.5, joint=0.3, spare=1):
        return theory.log_kernel_acceptance(b, m, zeros, width, p, joint, spare=spare)

    value = bound()
    assert value <= 0
    assert bound(zeros=zeros + 1) <= value + 1e-9
    assert bound(spare=2) <= value + 1e-9
    assert bound(b=b + 1) >= value - 1e-9
    assert bound(width=2 * 10.0**digits) >= value - 1e-9
    assert bound(joint=data.draw(st.floats(0.3, 0.5))) >= value - 1e-9


def test_halves_agree_as_often_as_a_gaussian_vector_is_short():
    rng = np.random.default_rng(2)
    for dimension, ratio in ((1, 0.1), (3, 0.4), (8, 0.8)):
        short = (np.linalg.norm(rng.standard_normal((200_000, dimension)), axis=1) / dimension**0.5) <= ratio
        found = math.exp(theory.log_halves_acceptance(dimension, ratio))
        assert short.mean() == pytest.approx(found, rel=0.03)
        assert theory.log_halves_acceptance(dimension, 0.5 * ratio, 0.5) == pytest.approx(math.log(found))


def test_logarithms_reach_where_probabilities_underflow():
    assert theory.log_mask_acceptance(10**6) == pytest.approx(-(10**6) * math.log(2))
    assert theory.log_kernel_acceptance(128, 2000, 1000, 1e-14, spare=3) < -80 * math.log(10)
    assert theory.log_halves_acceptance(2, 0.0) == -math.inf


@given(*(st.floats(-2000, 0) for _ in range(3)), st.floats(0, 5))
def test_the_bounds_together_are_no_product(masks, kernel, span, less):
    value = theory.log_certificate_acceptance(masks, kernel, span)
    assert value >= max(min(masks, kernel), min(masks, span))
    assert value <= min(masks, max(kernel, span) + math.log(2))
    assert theory.log_certificate_acceptance(masks - less, kernel - less, span - less) <= value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.mask_agreement(0), r"angle=0 is out of range: need a number in \(0, pi\)"),
        (lambda: theory.mask_agreement(math.nan), "angle=nan is out of range"),
        (lambda: theory.log_mask_acceptance(-1), "rows=-1 is out of range: need an integer >= 0"),
        (lambda: theory.log_mask_acceptance(9, 1.0), r"agreement=1 is out of range: need .* \(0, 1\)"),
        (lambda: theory.log_mask_acceptance(9, 0.5, 0.5), "flips=0.5 is out of range"),
        (lambda: theory.log_mask_acceptance(9, freedom=-1), "freedom=-1 is out of range"),
        (lambda: theory.log_kernel_acceptance(0, 9, 3, 0.1), "batch_size=0 is out of range"),
        (lambda: theory.log_kernel_acceptance(3, 9, 10, 0.1), r"zeros=10 is out of range: .* \[0, 9\]"),
        (lambda: theory.log_kernel_acceptance(3, 9, 3, -0.1), "tolerance=-0.1 is out of range"),
        (lambda: theory.log_kernel_acceptance(3, 9, 3, 0.1, 1.5), "p=1.5 is out of range"),
        (lambda: theory.log_kernel_acceptance(3, 9, 3, 0.1, joint=2), "joint=2 is out of range"),
        (lambda: theory.log_halves_acceptance(0, 0.1), "dimension=0 is out of range"),
        (lambda: theory.log_halves_acceptance(3, 0.1, 0), "deviation=0 is out of range"),
    ],
)
def test_message_names_argument_value_and_range(call, message):
    with pytest.raises(theory.ParameterError, match=message):
        call()

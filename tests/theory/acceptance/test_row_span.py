"""Rows near a span: formulas against simulations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from tests.theory.helpers import not_above


@given(st.integers(1, 12), st.integers(0, 12), st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_a_span_grows_with_its_dimension_and_its_limit(ambient, dimension, limit):
    dimension = min(dimension, ambient)
    value = theory.log_within_span(limit, dimension, ambient)
    assert value <= 0
    assert theory.log_within_span(min(1.0, 1.1 * limit), dimension, ambient) >= value
    assert theory.log_within_span(limit, min(dimension + 1, ambient), ambient) >= value - 1e-9
    assert theory.log_within_span(limit, ambient, ambient) == 0.0
    assert theory.log_within_span(1.0, dimension, ambient) == 0.0


def test_generic_rows_are_near_a_span_as_often_as_the_beta_law_says():
    rng = np.random.default_rng(3)
    for ambient, dimension, limit in ((4, 3, 0.1), (5, 3, 0.3), (6, 2, 0.7)):
        vectors = rng.standard_normal((200_000, ambient))
        outside = np.linalg.norm(vectors[:, dimension:], axis=1) / np.linalg.norm(vectors, axis=1)
        found = math.exp(theory.log_within_span(limit, dimension, ambient))
        assert (outside <= limit).mean() == pytest.approx(found, rel=0.03)


def test_nearness_to_a_span_reaches_where_probabilities_underflow():
    assert theory.log_within_span(1e-5, 4, 400) == pytest.approx(198 * math.log(1e-10), rel=0.01)


def exposed_rows(rng, rows, b):
    """Random masks, and coefficients of samples without preferred direction."""
    active = rng.random((rows, b)) < 0.5
    d = rng.standard_normal((rows, b)) * active
    norm = np.maximum(np.linalg.norm(d, axis=1), 1e-300)
    return active, np.abs(d) / norm[:, None]


@pytest.mark.parametrize("flips", [0, 1, 2])
def test_rows_let_a_wrong_sample_pass_no_more_often_than_the_bound(flips):
    """Sample 0 has a part of sample 1 in it, relative to its norm; orthogonal samples of equal norm."""
    rng = np.random.default_rng(4)
    runs, limit, deviation, hits, bound = 4000, 0.02, 0.1, 0, 0.0
    for _ in range(runs):
        active, share = exposed_rows(rng, 12, 3)
        exposing = active[:, 0] & ~active[:, 1]
        hits += (share[exposing, 0] * deviation > limit).sum() <= flips
        bound += math.exp(theory.log_span_acceptance(active, active, [limit] * 12, deviation, flips)[0])
    assert hits > 0
    assert not_above(hits, runs, bound / runs)


def test_more_rows_and_larger_deviations_are_harder_to_pass():
    rng = np.random.default_rng(5)
    active, _ = exposed_rows(rng, 60, 5)
    limits = np.full(60, 1e-3)
    whole = theory.log_span_acceptance(active, active, limits, 0.1)
    assert (whole <= theory.log_span_acceptance(active[:40], active[:40], limits[:40], 0.1) + 1e-9).all()
    assert (whole <= theory.log_span_acceptance(active, active, limits, 0.05) + 1e-9).all()
    assert (whole <= theory.log_span_acceptance(active, active, limits, 0.1, flips=2) + 1e-9).all()
    assert (theory.log_span_acceptance(active, active, limits, 1e-4) == 0).all()
    twins = active[:, [0, 0, 1]]  # no row tells two equal masks apart
    assert theory.log_span_acceptance(twins, twins, limits)[:2].tolist() == [0.0, 0.0]
    assert theory.log_span_acceptance(active[:, :1], active[:, :1], limits).tolist() == [-math.inf]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.log_within_span(-0.1, 1, 3), "limit=-0.1 is out of range"),
        (lambda: theory.log_within_span(0.1, 4, 3), r"dimension=4 is out of range: .* \[0, ambient\]"),
        (lambda: theory.log_span_acceptance(np.ones((3, 2)), np.ones((3, 2)), [1] * 3), "active has float64"),
        (lambda: theory.log_span_acceptance(np.eye(3) > 0, np.eye(2) > 0, [1] * 3), "possible has shape"),
        (lambda: theory.log_span_acceptance(np.eye(3) > 0, np.eye(3) > 0, [1] * 2), "limits has shape"),
        (lambda: theory.log_span_acceptance(np.eye(3) > 0, np.eye(3) > 0, [1] * 3, 0), "deviation=0 is out"),
    ],
)
def test_message_names_argument_value_and_range(call, message):
    with pytest.raises(theory.ParameterError, match=message):
        call()

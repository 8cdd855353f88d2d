"""Largest batch, smallest width and wall time of a budget."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory


def test_largest_batch_table():
    table = theory.largest_batch(
        np.array([[200], [400], [1000], [4000]]), 2.0 ** np.array([20, 25, 30, 35, 40])
    )
    assert table.tolist() == [
        [16, 20, 23, 26, 30],
        [17, 21, 25, 29, 33],
        [18, 23, 27, 31, 36],
        [19, 23, 28, 33, 38],
    ]


def test_smallest_width_table():
    widths = theory.smallest_width([20, 24, 30], 2.0 ** np.array([25, 28, 35]))
    assert widths.tolist() == [183, 363, 447]
    assert theory.smallest_width(20, 2**20) == math.inf


@given(st.integers(1, 2000), st.floats(0.1, 200), st.floats(0.01, 0.99), st.sampled_from([None, 1e-6]))
@settings(deadline=None, max_examples=40)
def test_largest_batch_is_where_success_crosses(m, log_samples, u, rejection):
    b = theory.largest_batch(m, probability=u, log_samples=log_samples, false_rejection=rejection)
    assert 1 <= b <= m + 1
    if b > 1:
        assert (
            theory.success_probability(b, m, log_samples=log_samples, false_rejection=rejection) >= u - 1e-12
        )
    if b < m + 1:
        assert (
            theory.success_probability(b + 1, m, log_samples=log_samples, false_rejection=rejection)
            < u + 1e-12
        )


@given(st.integers(2, 60), st.floats(0.1, 60), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=40)
def test_smallest_width_is_where_success_crosses(b, log_samples, u):
    m = theory.smallest_width(b, probability=u, log_samples=log_samples)
    if m == math.inf:
        assert theory.success_probability(b, 10**6, log_samples=log_samples) < u + 1e-3
        return
    assert theory.success_probability(b, m, log_samples=log_samples) >= u - 1e-12
    if m > b - 1:
        assert theory.success_probability(b, m - 1, log_samples=log_samples) < u + 1e-12


def test_wall_time():
    assert theory.log_seconds([math.log(5e6), 800.0], 1e6) == pytest.approx(
        [math.log(5), 800 - math.log(1e6)]
    )

"""Random subsets of rows are distinct, in range and uniform."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.numerics.checks import ParameterError
from theory.patterns.sampling import draw_rows, draw_zeros


@settings(deadline=None)
@given(st.integers(1, 12), st.data())
def test_rows_are_distinct_and_in_range(width, data):
    size = data.draw(st.integers(1, width))
    rows = draw_rows(width, size, 20, rng=data.draw(st.integers(0, 1000)))
    assert rows.shape == (20, size)
    assert ((rows >= 0) & (rows < width)).all()
    assert all(len(set(subset)) == size for subset in rows.tolist())


def test_row_subsets_are_uniform():
    trials = 20_000
    rows = np.sort(draw_rows(6, 3, trials, rng=10), axis=1)
    _, count = np.unique(rows, axis=0, return_counts=True)
    assert len(count) == 20
    assert ((count - trials / 20) ** 2 / (trials / 20)).sum() < 50  # chi-square, 19 degrees of freedom


@pytest.mark.parametrize(
    "call",
    [
        lambda: draw_rows(3, 4, 1),
        lambda: draw_zeros(3, 4, p=math.nan),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

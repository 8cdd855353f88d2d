"""Matching against the rank of random values, and its laws against simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import structural_rank as scipy_structural_rank

from tests.theory.helpers import within
from theory.numerics.checks import ParameterError
from theory.patterns.dulmage_mendelsohn import rank_distribution
from theory.patterns.matching import found_direction, kernel_support_size, structural_rank
from theory.patterns.rank_failure import kernel_support
from theory.patterns.sampling import draw_zeros


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6), st.floats(0.2, 0.8))
def test_structural_rank_is_that_of_random_values(seed, rows, columns, p):
    rng = np.random.default_rng(seed)
    zeros = rng.random((5, rows, columns)) < p
    values = np.where(zeros, 0.0, rng.uniform(0.5, 1.5, zeros.shape))
    assert structural_rank(zeros).tolist() == np.linalg.matrix_rank(values).tolist()
    assert structural_rank(zeros)[0] == scipy_structural_rank(csr_array(~zeros[0]))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_kernel_support_is_that_of_random_values(seed, b):
    rng = np.random.default_rng(seed)
    zeros = rng.random((1, b - 1, b)) < 0.5
    values = np.where(zeros[0], 0.0, rng.standard_normal((b - 1, b)))
    _, size, basis = np.linalg.svd(values)
    nonzero = int((np.abs(basis[-1]) > 1e-9).sum()) if (size > 1e-9).all() else 0
    assert kernel_support_size(zeros)[0] == nonzero
    assert (found_direction(zeros)[0] >= 0) == (nonzero == 1)


def test_kernel_support_law():
    trials = 20_000
    size = kernel_support_size(draw_zeros(5, 4, count=trials, p=0.4, rng=1))
    law = kernel_support(5, 0.4)
    for k, expected in enumerate([law.higher, *law.support]):
        assert within((size == k).sum(), trials, expected)


def test_structural_rank_distribution():
    trials = 20_000
    rank = structural_rank(draw_zeros(4, 6, count=trials, p=0.7, rng=2))
    for value, expected in enumerate(rank_distribution(6, 4, 0.7)):
        assert within((rank == value).sum(), trials, expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda: found_direction(np.ones((2, 3, 3), bool)),
        lambda: structural_rank(np.ones((2, 3), bool)),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

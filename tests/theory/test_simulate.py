import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import structural_rank as scipy_structural_rank

from theory.numerics.checks import ParameterError
from theory.patterns import draw_rows, draw_zeros, found_direction, kernel_support_size, structural_rank
from theory.rank import kernel_support, rank_distribution
from theory.sample import log_direction_probability, log_direction_probability_given
from theory.simulate import simulate_search


def within(count, trials, expected, sigmas=4):
    """Whether a binomial count agrees with its expectation within a number of standard errors."""
    return abs(count / trials - expected) <= sigmas * math.sqrt(expected * (1 - expected) / trials)


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


@pytest.mark.parametrize(("b", "p"), [(4, 0.5), (7, 0.6)])
def test_useful_samples_have_probability_q(b, p):
    trials = 40_000
    found = found_direction(draw_zeros(b, b - 1, count=trials, p=p, rng=3))
    q = b * math.exp(log_direction_probability(b, p))
    assert within((found >= 0).sum(), trials, q)
    direction_0 = (found == 0).sum()
    assert within(direction_0, trials, q / b)


def test_hits_given_the_zero_counts():
    """Averaged over patterns with its zero counts, a column is hit with probability h(z) M."""
    search = simulate_search(5, 20, samples=400, runs=300, stop_at_success=False, rng=4)
    expected = np.exp(log_direction_probability_given(search.zero_counts, 20, 5)) * search.samples
    excess = (search.hits - expected).sum(axis=1)
    assert abs(excess.mean()) <= 4 * excess.std() / math.sqrt(len(excess))


def test_samples_to_success():
    """The z-averaged law at b=8, m=48; an independent simulation had .100, .496 and .892."""
    runs = 1000
    search = simulate_search(8, 48, samples=7076, runs=runs, rng=5)
    for samples, earlier, predicted in ((476, 0.100, 0.101), (1480, 0.496, 0.484), (7076, 0.892, 0.902)):
        rate = search.success_rate(samples)
        assert within(rate * runs, runs, earlier)
        assert within(rate * runs, runs, predicted)


def test_given_pattern_and_reproducibility():
    zeros = draw_zeros(4, 16, rng=6)
    first, second = (simulate_search(4, 16, samples=200, runs=3, zeros=zeros, rng=7) for _ in range(2))
    assert (first.first_hit == second.first_hit).all()
    assert (first.zero_counts == zeros.sum(axis=0)).all()


def test_search_stops_at_success():
    stopped = simulate_search(3, 12, samples=9000, runs=5, rng=8)
    counted = simulate_search(3, 12, samples=9000, runs=5, rng=8, stop_at_success=False)
    assert stopped.hits.sum() < counted.hits.sum()
    assert (stopped.first_hit[0] == counted.first_hit[0]).all()
    last = stopped.first_hit.argmax(axis=1)
    assert (stopped.hits[np.arange(5), last] == 1).all()
    assert stopped.samples_to_success.max() <= 9000


def test_column_without_enough_zeros_is_never_found():
    zeros = np.ones((10, 4), bool)
    zeros[:, :3] = draw_zeros(3, 10, rng=9)
    zeros[2:, 3] = False
    search = simulate_search(4, 10, samples=2000, zeros=zeros, rng=0)
    assert search.hits[0, 3] == 0
    assert np.isinf(search.samples_to_success[0])


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
        lambda: simulate_search(1, 10, samples=5),
        lambda: simulate_search(6, 4, samples=5),
        lambda: simulate_search(3, 10, samples=0),
        lambda: simulate_search(3, 10, samples=5, p=1.0),
        lambda: simulate_search(3, 10, samples=5, zeros=np.ones((10, 4), bool)),
        lambda: simulate_search(3, 10, samples=5, zeros=np.ones((10, 3))),
        lambda: simulate_search(3, 10, samples=5, rng=0).success_rate(6),
        lambda: draw_rows(3, 4, 1),
        lambda: draw_zeros(3, 4, p=math.nan),
        lambda: found_direction(np.ones((2, 3, 3), bool)),
        lambda: structural_rank(np.ones((2, 3), bool)),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

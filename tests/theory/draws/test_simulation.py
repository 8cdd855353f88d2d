"""A simulated search against the probabilities of one sample and of the whole."""

import math

import numpy as np
import pytest

from tests.theory.helpers import within
from theory.draws.one_draw import log_direction_probability, log_direction_probability_given
from theory.draws.simulation import simulate_search
from theory.numerics.checks import ParameterError
from theory.patterns.matching import found_direction
from theory.patterns.sampling import draw_zeros


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
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

import numpy as np
import pytest

from spear_xp.numerics.work import calls
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.reduction.protocol import Known
from spear_xp.strategies.peeling import CALLS, Peeling
from spear_xp.updates.synthetic import gaussian_inputs, planted_problem
from tests.conftest import Backend
from tests.helpers.geometry import columns_found, known_samples
from tests.helpers.networks import Floats

BATCH = 6


def planted(pattern: Floats) -> tuple[Problem, Floats]:
    inputs = gaussian_inputs(BATCH, 40, rng=0)
    layer = planted_problem(pattern, inputs, rng=0)
    return reduce(validate(*layer.observed)), inputs


def sparse_pattern() -> Floats:
    return np.random.default_rng(0).random((150, BATCH)) < 0.6


def alone() -> Floats:
    """Samples 0 to 2 are alone on ten rows each; the others are always with one more at least."""
    pattern = np.random.default_rng(0).random((150, BATCH)) < 0.4
    lonely = (~pattern).sum(axis=1) < 2
    pattern[lonely, 3:5] = False
    for k in range(3):
        pattern[10 * k : 10 * (k + 1)] = True
        pattern[10 * k : 10 * (k + 1), k] = False
    return pattern


def test_every_sample_that_is_alone_on_a_row_is_found() -> None:
    problem, inputs = planted(alone())
    proposals = Peeling().propose(problem, known_samples(problem, inputs), 0, 0)
    np.testing.assert_allclose(np.linalg.norm(proposals.directions, axis=0), 1)
    assert columns_found(problem, inputs, proposals.directions) >= {0, 1, 2}
    assert proposals.drawn > 0


def test_samples_beside_solved_ones_are_found_next() -> None:
    """Rows on which they are alone once the solved ones are taken out."""
    problem, inputs = planted(alone())
    known = known_samples(problem, inputs, range(4), solved=range(4))
    proposals = Peeling().propose(problem, known, 0, 0)
    assert columns_found(problem, inputs, proposals.directions) == {4, 5}


def test_nothing_is_left_to_peel_once_every_sample_is_solved() -> None:
    problem, inputs = planted(sparse_pattern())
    known = known_samples(problem, inputs, range(BATCH), solved=range(BATCH))
    proposals = Peeling().propose(problem, known, 0, 0)
    assert proposals.directions.shape == (BATCH, 0)
    assert proposals.drawn == 0


@pytest.mark.parametrize("seed", [0, 1, 99])
def test_nothing_is_drawn_at_random(seed: int) -> None:
    problem, inputs = planted(sparse_pattern())
    known = known_samples(problem, inputs)
    one, other = (Peeling().propose(problem, known, s, 0).directions for s in (0, seed))
    np.testing.assert_array_equal(one, other)


def test_peeling_on_every_backend(space: Backend) -> None:
    inputs = gaussian_inputs(BATCH, 40, rng=0)
    layer = planted_problem(sparse_pattern(), inputs, rng=0)
    problem = reduce(validate(*space.arrays(*layer.observed)))
    host, _ = planted(sparse_pattern())
    nothing = known_samples(host, inputs)
    known = Known(*map(problem.space.asarray, (nothing.directions, nothing.coefficients, nothing.duals)), ())
    found = Peeling().propose(problem, known, 0, 0).directions
    zeros = space.to_numpy(problem.zeros_of(found, widen=30.0)).sum(axis=0)
    assert (zeros > 60).sum() >= BATCH  # columns have about ninety zeros, mixtures of two at most sixty


def test_a_chunk_counts_its_calls_where_arrays_are_small() -> None:
    """Turns that nearly count as nothing would run thousands of times before they have had their share."""
    problem, inputs = planted(sparse_pattern())
    proposals = Peeling().propose(problem, known_samples(problem, inputs), 0, 0)
    assert proposals.work > calls(CALLS)

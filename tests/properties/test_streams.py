"""Random numbers of data and search: one seed for both, and nothing in common."""

import numpy as np

from spear_xp.numerics.random import Stream, generator
from spear_xp.reduction import reduce, validate
from spear_xp.strategies.descent import Descent
from spear_xp.updates.synthetic import gaussian_inputs, planted_problem
from tests.helpers.truth import true_recovery

DATA = (Stream.GAUSSIAN_INPUTS, Stream.NETWORK, Stream.PLANTED, Stream.IMAGES, Stream.DEFENCES)


def test_streams_differ() -> None:
    drawn = {stream: generator(0, stream, 0).standard_normal(4).tobytes() for stream in Stream}
    assert len(set(drawn.values())) == len(Stream)


def test_seeds_name_the_same_data_in_every_version() -> None:
    assert [int(stream) for stream in DATA] == [0, 1, 2, 4, 9]
    assert min(set(Stream) - set(DATA)) >= 16


def test_arms_of_one_kind_draw_their_own_numbers() -> None:
    one, other = (generator(0, Stream.DESCENT, 1, arm).random(4) for arm in (0, 1))
    assert not np.allclose(one, other)


def test_first_starts_of_a_search_are_not_the_entries_of_the_planted_gradient() -> None:
    """The same seed plants a batch and searches for it, as in most examples."""
    inputs = gaussian_inputs(6, 40, rng=0).astype("float64")
    pattern = np.random.default_rng(1).random((60, 6)) < 0.5
    planted = planted_problem(pattern, inputs, rng=0)
    problem = reduce(validate(*planted.observed))
    columns = problem.rows @ true_recovery(problem, inputs).directions
    starts = generator(0, Stream.DESCENT, 0, Descent().arm).standard_normal((60, 6))
    assert np.abs(np.corrcoef(columns[~pattern].ravel(), starts[~pattern].ravel())[0, 1]) < 0.3

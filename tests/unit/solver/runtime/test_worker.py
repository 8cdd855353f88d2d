"""What travels to a worker arrives as it was, and a worker says when it lacks the problem."""

import numpy as np
import pytest

from spear_xp.candidates import Pool
from spear_xp.reduction import Problem
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.solver.runtime.worker import dumps, loads, propose, token_of
from spear_xp.strategies import Descent
from tests.conftest import Backend


@pytest.mark.parametrize(
    "array",
    [np.arange(12.0).reshape(3, 4)[:, 1:3], np.asfortranarray(np.ones((3, 4))), np.arange(3.0)],
    ids=str,
)
def test_arrays_arrive_as_they_lie_in_memory(array: np.ndarray) -> None:
    back = loads(dumps(array))
    np.testing.assert_array_equal(back, array)
    assert back.strides == array.strides
    assert back.dtype == array.dtype


def test_a_problem_of_every_library_arrives(space: Backend) -> None:
    problem = reduce(validate(*space.mlp(4, 60, 20).observed))
    again = loads(dumps(problem))
    assert again.space.xp is problem.space.xp
    assert again.space.device == problem.space.device
    np.testing.assert_array_equal(space.to_numpy(again.rows), space.to_numpy(problem.rows))
    assert again.rank == problem.rank


def test_a_worker_asks_for_the_problem_and_then_keeps_it(problem: Problem) -> None:
    packed, known = dumps(problem), Pool(problem).known
    token, knowledge = token_of(packed), dumps(known)
    turn = dumps((Descent(), 5, 2))
    assert isinstance(propose("another" + token, None, knowledge, turn, 9.0), str)
    expected = Descent().propose(problem, known, 5, 2)
    for sent in (packed, None):
        found = propose(token, sent, knowledge, turn, 9.0)
        assert isinstance(found, bytes)
        np.testing.assert_array_equal(loads(found).directions, expected.directions)


def test_an_error_of_a_strategy_is_handed_back(problem: Problem) -> None:
    packed = dumps(problem)
    found = propose(token_of(packed), packed, dumps(None), dumps((Descent(), 5, 2)), 9.0)
    assert isinstance(found, bytes)
    assert isinstance(loads(found), AttributeError)


def test_equal_problems_have_equal_names(problem: Problem) -> None:
    assert token_of(dumps(problem)) == token_of(dumps(loads(dumps(problem))))

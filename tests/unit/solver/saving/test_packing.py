"""Packed objects come back equal, laid out in memory as they were, and known classes alone are made."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.pool import Entry, Pool
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.solver.assessment import FullSet
from spear_xp.solver.incumbent import Incumbent
from spear_xp.solver.saving.packing import pack, unpack
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend
from tests.helpers.sets import candidates, solved


def there_and_back(value: Any, problem: Problem) -> Any:
    return unpack(*pack(value, problem), problem)


@pytest.mark.parametrize(
    "value", [None, True, 3, 0.1, float("inf"), "text", (1, [2.0, None]), {1.0: "a", 0.125: (True,)}, []]
)
def test_plain_values_come_back(problem: Problem, value: Any) -> None:
    back = there_and_back(value, problem)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(12.0).reshape(3, 4)[:, 1],
        np.arange(24.0, dtype="float32").reshape(4, 6)[::2, ::3],
        np.arange(6.0)[::-1],
        np.zeros((0, 3), dtype=bool),
        np.broadcast_to(np.arange(3), (2, 3)),
        np.float32(0.1),
    ],
    ids=lambda array: f"{np.shape(array)} {np.asarray(array).strides}",
)
def test_arrays_keep_values_and_layout(problem: Problem, array: Any) -> None:
    back = there_and_back({"a": array}, problem)["a"]
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype
    assert min(np.asarray(array).strides, default=0) < 0 or back.strides == array.strides
    assert np.ndim(back) == np.ndim(array)


def test_arrays_of_every_library_come_back_in_it(space: Backend) -> None:
    problem = reduce(validate(*space.mlp(4, 60, 20).observed))
    entry = Entry(Candidate.of(problem, problem.rows[0, :], "peeling"), problem.rows[1, :])
    back = there_and_back(entry, problem)
    assert type(back.dual) is type(entry.dual)
    assert back.dual.device == entry.dual.device
    np.testing.assert_array_equal(space.to_numpy(back.candidate.zero), space.to_numpy(entry.candidate.zero))


def test_what_is_there_twice_is_there_once(problem: Problem) -> None:
    array = np.ones(3)
    one, other = there_and_back((array, array), problem)
    assert one is other


def test_an_assessment_comes_back_with_everything_that_follows(layer: LayerGradient) -> None:
    problem, true = solved(layer)
    best = Incumbent(problem)
    found = best.consider(FullSet(problem, tuple(candidates(problem, true))))
    assert found is not None
    again = there_and_back((found, best.ledger), problem)[0]
    assert again.merit == found.merit
    assert again.certificate.reason(0) == found.certificate.reason(0)
    np.testing.assert_array_equal(again.samples.columns, found.samples.columns)
    np.testing.assert_array_equal(again.masks.z, found.masks.z)
    assert again.ledger is not None
    assert again.samples.problem.noise_level == found.samples.problem.noise_level


def test_a_problem_is_packed_by_what_is_different(problem: Problem) -> None:
    arrays, about = pack(replace(problem, noise_level=0.5), problem)
    assert not arrays
    assert unpack(arrays, about, problem).noise_level == 0.5
    assert there_and_back(problem, problem) is problem


@pytest.mark.parametrize(
    "about",
    [
        {"value": {"object": 0}, "objects": []},
        {"value": {"object": 0}, "objects": [{"class": "Popen", "fields": {"args": "true"}}]},
        {"value": {"object": 0}, "objects": [{"class": "Candidate", "fields": {"direction": 1}}]},
        {"value": {"object": 0}, "objects": [{"class": "Problem", "fields": {"rank": 1}}]},
        {"value": {"set": []}, "objects": []},
        {"value": {"list": [], "tuple": []}, "objects": []},
        {
            "value": 0,
            "objects": [{"array": "a", "host": True, "scalar": False, "strides": [2**60]}],
        },
        {"value": 0, "objects": [{"array": "b", "host": True, "scalar": False, "strides": None}]},
        {"objects": []},
    ],
)
def test_what_was_not_packed_is_not_made(problem: Problem, about: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, IndexError)):
        unpack({"a": np.ones(3)}, about, problem)


def test_entries_of_a_pool_come_back_in_their_order(layer: LayerGradient) -> None:
    problem, true = solved(layer)
    pool = Pool(problem, tuple(candidates(problem, true)))
    pool.solve_duals()
    again = Pool(problem)
    again.renew(list(there_and_back(pool.entries, problem)), [], set())
    np.testing.assert_array_equal(again.directions, pool.directions)
    np.testing.assert_array_equal(again.columns, pool.columns)
    assert again.known.solved == pool.known.solved

import numpy as np
import pytest

from spear_xp.candidates.candidate import Candidate
from spear_xp.candidates.pool import Pool
from spear_xp.candidates.refit import filter_directions
from spear_xp.reduction.problem import Problem
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.truth import true_recovery


@pytest.fixture
def candidates(problem: Problem, layer: LayerGradient) -> list[Candidate]:
    return filter_directions(problem, true_recovery(problem, layer.inputs).directions, threshold=10)


def test_an_empty_pool(problem: Problem, candidates: list[Candidate]) -> None:
    pool = Pool(problem)
    assert len(pool) == 0
    assert pool.directions.shape == (6, 0)
    assert pool.find(candidates[0]) is None
    assert pool.new(np.eye(6)).shape == (6, 6)


def test_distinct_candidates_stay_in_the_order_of_arrival(
    problem: Problem, candidates: list[Candidate]
) -> None:
    pool = Pool(problem)
    assert [pool.add(c) for c in reversed(candidates)] == [True] * 6
    assert pool.candidates == candidates[::-1]
    np.testing.assert_array_equal(pool.directions, np.stack([c.direction for c in pool.candidates], axis=1))


def test_the_same_direction_is_added_once_whatever_its_sign(
    problem: Problem, candidates: list[Candidate]
) -> None:
    pool = Pool(problem, tuple(candidates))
    mirrored = Candidate(-candidates[3].direction, candidates[3].zero, candidates[3].zeros, "again")
    found = pool.find(mirrored)
    assert found is not None
    assert found.candidate is candidates[3]
    assert not pool.add(mirrored)
    assert len(pool) == 6


def test_the_same_zero_pattern_is_the_same_column(problem: Problem, candidates: list[Candidate]) -> None:
    pool = Pool(problem, tuple(candidates))
    moved = candidates[2].direction + 0.01 * candidates[0].direction
    found = pool.find(Candidate(moved / np.linalg.norm(moved), candidates[2].zero, 1, ""))
    assert found is not None
    assert found.candidate is candidates[2]


def test_many_candidates_at_once_are_those_that_come_one_by_one(
    problem: Problem, candidates: list[Candidate]
) -> None:
    first, second = candidates[:2]
    mirrored = Candidate(-second.direction, ~second.zero, 1, "again")
    asked = [second, mirrored, Candidate(first.direction, first.zero, 1, "known"), *candidates[2:]]
    one, other = Pool(problem, (first,)), Pool(problem, (first,))
    assert one.extend(asked) == [other.add(c) for c in asked] == [True, False, False, True, True, True, True]
    assert one.candidates == other.candidates
    assert one.extend([]) == []


def test_only_new_directions_are_kept(problem: Problem, candidates: list[Candidate]) -> None:
    pool = Pool(problem, tuple(candidates[:3]))
    asked = np.stack([c.direction for c in candidates], axis=1)
    np.testing.assert_array_equal(pool.new(asked), asked[:, 3:])
    np.testing.assert_array_equal(pool.new(-asked), -asked[:, 3:])


def test_what_strategies_may_build_on(problem: Problem, candidates: list[Candidate]) -> None:
    pool = Pool(problem, tuple(candidates))
    known = pool.known
    np.testing.assert_array_equal(known.directions, pool.directions)
    zero = np.stack([c.zero for c in candidates], axis=1)
    assert (known.coefficients[zero] == 0).all()
    assert (known.coefficients[~zero] != 0).all()
    assert known.solved == (False,) * 6


def test_solved_duals_are_true(problem: Problem, candidates: list[Candidate], layer: LayerGradient) -> None:
    pool = Pool(problem, tuple(candidates))
    pool.solve_duals()
    truth = true_recovery(problem, layer.inputs).duals
    duals = np.asarray(pool.known.duals)
    assert any(pool.known.solved)
    for k, solved in enumerate(pool.known.solved):
        if solved:
            cosine = (
                np.abs(truth.T @ duals[:, k]) / np.linalg.norm(truth, axis=0) / np.linalg.norm(duals[:, k])
            )
            assert cosine.max() > 1 - 1e-8
            assert abs(duals[:, k] @ candidates[k].direction - 1) < 1e-6


def test_a_shared_kernel_within_another_is_kept_too(problem: Problem, layer: LayerGradient) -> None:
    """Samples with almost the same mask come in groups of groups."""
    directions = true_recovery(problem, layer.inputs).directions
    large, small = (np.linalg.qr(directions[:, :size]).Q for size in (4, 2))
    pool = Pool(problem)
    pool.shared.add([large])
    pool.shared.add([small, large[:, ::-1]])
    assert [kernel.shape[1] for kernel in pool.shared.kernels] == [4, 2]
    assert [kernel.shape[1] for kernel in pool.known.shared.values()] == [2, 4]  # what is easiest comes first


def test_doubtful_candidates_go_unless_spared(problem: Problem, candidates: list[Candidate]) -> None:
    pool = Pool(problem, tuple(candidates))
    sparse = sorted(candidates, key=lambda c: c.zeros)
    pool.drop_doubtful(spare=sparse[:1])
    assert sparse[0] in pool.candidates
    assert sparse[1] not in pool.candidates

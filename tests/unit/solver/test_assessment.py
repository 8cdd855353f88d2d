"""What is known of one full set, and which of two is better."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.certification.ledger import Ledger
from spear_xp.numerics.work import OutOfTime
from spear_xp.recovery.nuisance import stood_in
from spear_xp.reduction import Problem
from spear_xp.solver.assessment import Assessment, FullSet, assess, assessment_work, priced
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.sets import candidates, solved


@pytest.fixture(scope="module")
def batch() -> tuple[Problem, Floats]:
    return solved(mlp_gradient(gaussian_inputs(8, 60, rng=0), width=160, rng=0))


def assessed(problem: Problem, directions: Floats) -> Assessment:
    found = assess(FullSet(problem, tuple(candidates(problem, directions))), Ledger.none(problem))
    assert found is not None
    return found


def test_the_truth_is_certified_and_contradicts_no_mask(batch: tuple[Problem, Floats]) -> None:
    found = assessed(*batch)
    assert found.certified == 8
    assert found.masks is not None
    assert found.masks.total_contradictions == 0
    assert found.score > 0.99
    assert found.credible


def test_a_set_is_assessed_the_same_again_and_changes_nothing(batch: tuple[Problem, Floats]) -> None:
    problem, true = batch
    full, ledger = FullSet(problem, tuple(candidates(problem, true))), Ledger.none(problem)
    one, other = assess(full, ledger), assess(full, ledger)
    assert one is not None
    assert other is not None
    assert one.merit == other.merit
    np.testing.assert_array_equal(one.samples.duals, other.samples.duals)
    assert ledger.evidence == ()
    assert len(one.ledger.evidence) == 8


def test_a_dependent_set_has_no_assessment(batch: tuple[Problem, Floats]) -> None:
    problem, true = batch
    twice = candidates(problem, np.concatenate([true[:, :7], true[:, :1]], axis=1))
    assert assess(FullSet(problem, tuple(twice)), Ledger.none(problem)) is None


def test_one_false_direction_is_made_right_by_its_own_mask(
    batch: tuple[Problem, Floats],
) -> None:
    problem, true = batch
    false = true.copy()
    false[:, 3] = true @ np.random.default_rng(0).standard_normal(8)
    false[:, 3] /= np.linalg.norm(false[:, 3])
    assert assessed(problem, false).certified == 8


def test_the_truth_is_better_than_a_set_with_false_directions(batch: tuple[Problem, Floats]) -> None:
    problem, true = batch
    false = true.copy()
    false[:, :4] = true @ np.random.default_rng(0).standard_normal((8, 4))
    false /= np.linalg.norm(false, axis=0)
    right, wrong = assessed(problem, true), assessed(problem, false)
    assert right.merit > wrong.merit
    likely, unlikely = priced(right), priced(wrong)
    assert likely.negative_log_likelihood is not None
    assert unlikely.negative_log_likelihood is not None
    assert likely.negative_log_likelihood < unlikely.negative_log_likelihood


def test_beside_nuisance_directions_nothing_is_said_of_masks(batch: tuple[Problem, Floats]) -> None:
    problem, true = batch
    nuisance = stood_in(problem, true, np.arange(8) < 6)
    full = FullSet(problem, tuple(candidates(problem, true[:, :6])), nuisance._replace(tentative=None))
    found = assess(full, Ledger.none(problem))
    assert found is not None
    assert found.masks is None
    assert found.samples.count == 6
    tried = assess(replace(full, nuisance=nuisance), Ledger.none(problem))
    assert tried is not None
    np.testing.assert_allclose(tried.whole[:, 6:], true[:, 6:])


def test_out_of_time_there_is_no_assessment(batch: tuple[Problem, Floats]) -> None:
    problem, true = batch
    with pytest.raises(OutOfTime):
        assess(FullSet(problem, tuple(candidates(problem, true))), Ledger.none(problem), lambda: False)


def test_larger_batches_are_more_work(batch: tuple[Problem, Floats]) -> None:
    larger, _ = solved(mlp_gradient(gaussian_inputs(12, 60, rng=0), width=160, rng=0))
    assert assessment_work(larger) > assessment_work(batch[0]) > 0

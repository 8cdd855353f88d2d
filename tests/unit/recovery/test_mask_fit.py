"""How well masks of samples fit zeros of directions, against a count by hand."""

import math

import numpy as np
import pytest

from spear_xp.geometry.masks import AMBIGUOUS_WIDTH
from spear_xp.recovery.mask_fit import MaskFit, cost_of
from spear_xp.reduction.problem import Problem
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.sets import solved


def polluted(share: float = 0.1) -> tuple[Problem, Floats]:
    """A problem, and its true directions with something of another one in each of the first four."""
    problem, true = solved(mlp_gradient(gaussian_inputs(12, 60, rng=0), width=200, rng=0))
    wrong = true.copy()
    wrong[:, :4] += share * true[:, 4:8]
    return problem, wrong / np.linalg.norm(wrong, axis=0)


def fit_of(problem: Problem, directions: Floats, faint: float = 1.0) -> MaskFit:
    found = MaskFit.of(problem, directions, None, faint)
    assert found is not None
    return found


def pre_activations(problem: Problem, directions: Floats) -> Floats:
    """Those of the samples, whose last coordinate is one."""
    duals = np.linalg.inv(directions).T
    return np.asarray(problem.layer @ (duals / (problem.last @ duals)))


@pytest.mark.parametrize("seed", range(3))
def test_the_truth_contradicts_no_mask(seed: int) -> None:
    problem, true = solved(mlp_gradient(gaussian_inputs(12, 60, rng=seed), width=200, rng=seed))
    judged = MaskFit.of(problem, true)
    assert judged is not None
    assert judged.total_contradictions == 0


@pytest.mark.parametrize("faint", [1.0, 0.125])
def test_contradictions_are_rows_on_which_mask_and_zero_pattern_differ(faint: float) -> None:
    problem, wrong = polluted()
    found = fit_of(problem, wrong, faint)
    z, zero = pre_activations(problem, wrong), problem.zeros_of(wrong)
    near = problem.zeros_of(wrong, widen=AMBIGUOUS_WIDTH)
    assert (near == zero).all()  # nothing is in doubt here
    shown, vanished = ((z < 0) & ~zero).sum(axis=0), ((z > 0) & zero).sum(axis=0)
    np.testing.assert_allclose(found.contradictions, shown + faint * vanished)
    assert (found.contradictions[:4] > 20).all()
    np.testing.assert_array_equal(found.active, ((z > 0) | ~zero).sum(axis=0))
    assert found.total_contradictions == pytest.approx(found.contradictions.sum())
    assert found.share == pytest.approx(found.contradictions.sum() / zero.size)
    assert found.cost == pytest.approx(found.contradictions.sum() + found.active.sum())


def test_signs_of_directions_do_not_matter() -> None:
    problem, wrong = polluted()
    one, other = fit_of(problem, wrong), fit_of(problem, wrong * np.where(np.arange(12) % 2, 1.0, -1.0))
    np.testing.assert_array_equal(one.contradictions, other.contradictions)
    np.testing.assert_array_equal(one.active, other.active)


@pytest.mark.parametrize("sure", [0.0, 0.1, 1.0])
def test_inactive_rows_are_those_of_clearly_negative_pre_activation(sure: float) -> None:
    problem, wrong = polluted()
    found, z = fit_of(problem, wrong), pre_activations(problem, wrong)
    for j in range(12):
        middle = np.sort(np.abs(z[:, j]))[len(z) // 2]
        np.testing.assert_array_equal(
            found.inactive(problem, j, sure), np.nonzero(z[:, j] < -sure * middle)[0]
        )


def test_a_set_is_better_by_its_contradictions_and_without_any_by_its_entries() -> None:
    problem, wrong = polluted()
    _, more = polluted(0.3)
    true = fit_of(problem, solved(mlp_gradient(gaussian_inputs(12, 60, rng=0), width=200, rng=0))[1])
    assert true.order == (0.0, float(true.active.sum()))
    assert true.order < fit_of(problem, wrong).order
    assert cost_of(true) < cost_of(fit_of(problem, more)) < cost_of(None) == math.inf


def test_a_direction_that_depends_on_the_others_replaces_none() -> None:
    problem, true = solved(mlp_gradient(gaussian_inputs(8, 60, rng=0), width=200, rng=0))
    found = MaskFit.of(problem, true)
    assert found is not None
    assert found.replaced(problem, 3, true[:, 4]) is None
    assert MaskFit.of(problem, true[:, [0, 1, 2, 3, 4, 5, 6, 6]]) is None


@pytest.mark.parametrize("beside", [0, 8])
def test_one_replaced_is_as_good_as_a_new_set(beside: int) -> None:
    problem, true = solved(mlp_gradient(gaussian_inputs(12, 60, rng=1), width=200, rng=1))
    stay = true[:, :beside] if beside else None
    start = MaskFit.of(problem, np.linalg.qr(true[:, beside:]).Q, stay)
    assert start is not None
    updated = start.replaced(problem, 1, true[:, beside + 1])
    assert updated is not None
    again = MaskFit.of(problem, updated.directions, stay)
    assert again is not None
    np.testing.assert_array_equal(updated.contradictions, again.contradictions)
    np.testing.assert_allclose(updated.duals, again.duals, atol=1e-8 * np.abs(again.duals).max())

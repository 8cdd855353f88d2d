from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given

from spear_xp.candidates.refit import filter_directions, refit, refit_many
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.truth import true_directions, true_recovery


def on(space: Backend, batch: int = 5, width: int = 90, **options: Any) -> tuple[LayerGradient, Problem]:
    truth = space.mlp(batch, width, 40, **options)
    return truth, reduce(validate(*truth.observed))


def test_zero_test_finds_the_zero_pattern(space: Backend) -> None:
    truth, problem = on(space)
    live = space.to_numpy(validate(*truth.observed).live)
    zeros = space.to_numpy(
        problem.zeros_of(problem.space.asarray(true_directions(problem, truth.inputs, space)), widen=2.0)
    )
    assert (zeros == space.to_numpy(truth.zero_pattern)[live]).mean() > 0.998


def test_true_directions_pass_and_keep_their_zeros(space: Backend) -> None:
    truth, problem = on(space)
    live = space.to_numpy(validate(*truth.observed).live)
    found = filter_directions(
        problem,
        problem.space.asarray(true_directions(problem, truth.inputs, space)),
        threshold=10,
        source="truth",
    )
    assert len(found) == 5
    assert [c.zeros for c in found] == sorted((c.zeros for c in found), reverse=True)
    patterns = space.to_numpy(truth.zero_pattern)[live].T
    for candidate in found:
        assert candidate.source == "truth"
        assert isinstance(candidate.zeros, int)
        assert abs(float(problem.space.xp.sum(candidate.direction**2)) - 1) < 1e-5
        same = (patterns == space.to_numpy(candidate.zero)).mean(axis=1)
        assert same.max() > 0.99


def test_random_directions_do_not_pass(space: Backend) -> None:
    _, problem = on(space)
    random = problem.space.normal(np.random.default_rng(0), (5, 200))
    assert filter_directions(problem, random, threshold=7) == []


def test_mixtures_of_two_columns_do_not_pass(problem: Problem, layer: LayerGradient) -> None:
    directions = true_recovery(problem, layer.inputs).directions
    unit = directions / np.linalg.norm(directions, axis=0)
    mixtures = np.stack([unit[:, i] + unit[:, j] for i in range(6) for j in range(i)], axis=1)
    assert filter_directions(problem, mixtures, threshold=40) == []


def test_directions_that_are_not_finite_are_passed_over(problem: Problem, layer: LayerGradient) -> None:
    directions = true_recovery(problem, layer.inputs).directions.copy()
    directions[:, 0], directions[0, 1], directions[:, 2] = np.nan, np.inf, 0
    assert len(filter_directions(problem, directions, threshold=10)) == 3


def test_proposals_of_the_same_column_give_one_candidate(problem: Problem, layer: LayerGradient) -> None:
    direction = true_recovery(problem, layer.inputs).directions[:, :1]
    direction = direction / np.linalg.norm(direction)
    assert len(filter_directions(problem, np.repeat(direction, 9, axis=1), threshold=10)) == 1
    assert len(filter_directions(problem, np.c_[direction, -direction], threshold=10)) == 1


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_length_of_a_proposal_does_not_matter(
    problem: Problem, layer: LayerGradient, factor: float
) -> None:
    directions = true_recovery(problem, layer.inputs).directions
    unit = factor * directions / np.linalg.norm(directions, axis=0)
    assert len(filter_directions(problem, np.c_[unit, unit], threshold=10)) == 6


def test_the_threshold_counts_zero_rows(problem: Problem, layer: LayerGradient) -> None:
    directions = true_recovery(problem, layer.inputs).directions
    zeros = [c.zeros for c in filter_directions(problem, directions, threshold=10)]
    assert len(filter_directions(problem, directions, threshold=zeros[2])) == sum(
        z >= zeros[2] for z in zeros
    )
    assert filter_directions(problem, directions, threshold=zeros[0] + 1) == []


@pytest.mark.parametrize("error", [1e-7, 1e-6])
def test_refit_repairs_a_direction_that_is_slightly_off(
    problem: Problem, layer: LayerGradient, error: float
) -> None:
    exact = true_recovery(problem, layer.inputs).directions[:, 2]
    exact /= np.linalg.norm(exact)
    zero = np.asarray(problem.zeros_of(exact))
    off = exact + error * np.random.default_rng(0).standard_normal(6)
    candidate = refit(problem, off, zero)
    assert candidate is not None
    assert 1 - abs(candidate.direction @ exact) < 1e-12
    assert (candidate.zero == zero).all()


def test_refit_needs_rows_to_spare(problem: Problem, layer: LayerGradient) -> None:
    direction = true_recovery(problem, layer.inputs).directions[:, 2]
    zero = np.asarray(problem.zeros_of(direction)).copy()
    zero[np.nonzero(zero)[0][5:]] = False
    assert refit(problem, direction, zero) is None
    assert refit(problem, direction, zero, spare=-1) is not None


def test_a_kernel_of_two_columns_is_not_unique() -> None:
    """Sample 1 is active wherever sample 0 is: the zero rows of 1 do not tell the two apart."""
    rng = np.random.default_rng(0)
    pattern = rng.random((120, 5)) < 0.5
    pattern[:, 0] |= pattern[:, 1]
    truth = planted_problem(pattern, gaussian_inputs(5, 30, rng=0), rng=0)
    problem = reduce(validate(*truth.observed))
    directions = true_recovery(problem, truth.inputs).directions
    assert refit(problem, directions[:, 1], np.asarray(problem.zeros_of(directions[:, 1]))) is None
    assert refit(problem, directions[:, 0], np.asarray(problem.zeros_of(directions[:, 0]))) is not None


def test_a_batch_of_one_has_one_direction() -> None:
    truth = mlp_gradient(gaussian_inputs(1, 20, rng=0), width=30, rng=0)
    problem = reduce(validate(*truth.observed))
    found = refit(problem, np.ones(1), np.zeros(problem.width, dtype=bool))
    assert found is not None
    assert found.zeros == 0


def test_a_wider_test_lets_rougher_proposals_in(problem: Problem, layer: LayerGradient) -> None:
    directions = true_recovery(problem, layer.inputs).directions
    unit = directions / np.linalg.norm(directions, axis=0)
    rough = unit + 1e-6 * np.random.default_rng(0).standard_normal(unit.shape)
    narrow = filter_directions(replace(problem), rough, threshold=20, widen=0.1)
    assert len(narrow) < len(filter_directions(problem, rough, threshold=20, widen=300.0)) == 6


@given(strategies.seeds)
@example(8093922)
def test_many_at_once_become_what_each_becomes_alone(seed: int) -> None:
    """Rough directions, mixtures of near-twins among them, whose kernels are shared.

    Where the kernel of the first rows is shared, each alone goes on with any vector of it, and many at once
    with the nearest to where they began: that may end well where the other does not, and holds by itself.
    """
    rng = np.random.default_rng(seed)
    pattern = rng.random((160, 6)) < 0.5
    pattern[:, 0] = pattern[:, 1]
    few = np.nonzero(pattern[:, 0])[0][: int(rng.integers(0, 12))]
    pattern[few, 1] = False
    truth = planted_problem(pattern, gaussian_inputs(6, 40, rng=seed), rng=seed)
    problem = reduce(validate(*truth.observed))
    directions = true_recovery(problem, truth.inputs).directions
    rough = np.concatenate([directions, directions @ rng.standard_normal((6, 6))], axis=1)
    rough = rough / np.linalg.norm(rough, axis=0)
    rough[:, :6] += 10.0 ** rng.uniform(-8, -4) * rng.standard_normal((6, 6))
    zero = problem.zeros_of(rough / np.linalg.norm(rough, axis=0), widen=30.0)
    clear = 0
    for k, outcome in enumerate(refit_many(problem, rough, zero, "many")):
        alone = refit(problem, rough[:, k], zero[:, k])
        if alone is None and outcome.candidate is not None:
            alone = refit(problem, outcome.candidate.direction, outcome.candidate.zero)
        clear += outcome.clear
        if outcome.clear:
            assert (outcome.candidate is None) == (alone is None)
        if outcome.candidate is not None and alone is not None:
            assert 1 - abs(outcome.candidate.direction @ alone.direction) < 1e-9
            np.testing.assert_array_equal(outcome.candidate.zero, alone.zero)
    assert clear >= 8

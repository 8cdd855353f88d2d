"""What the rows behind a set of samples are worth, against one direction after the other."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.geometry.nullspaces import is_unique
from spear_xp.numerics.linalg import smallest_singular
from spear_xp.numerics.work import OutOfTime
from spear_xp.recovery.samples import recover
from spear_xp.recovery.support import supported
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend
from tests.helpers.truth import true_directions, true_recovery


def test_uniqueness_is_that_of_each_direction(problem: Problem, layer: LayerGradient) -> None:
    recovery = true_recovery(problem, layer.inputs)
    support = recovery.support.copy()
    support[:, 1] &= np.cumsum(support[:, 1]) <= problem.rank + 1  # too few to be sure
    support[:, 2] = False
    found = supported(replace(recovery, support=support))
    for k in range(problem.rank):
        rows = problem.rows[support[:, k]]
        unique = len(rows) >= problem.rank
        if unique:
            kernel = smallest_singular(np, rows).vectors
            unique = is_unique(problem, rows, kernel[:, 0], kernel[:, 1])
        assert found.unique[k] == unique
    assert found.unique[0]
    assert not found.unique[1:3].any()


def test_spread_is_what_the_rows_of_a_direction_say_of_a_dual(problem: Problem, layer: LayerGradient) -> None:
    recovery = true_recovery(problem, layer.inputs)
    spread = supported(recovery).spread
    for k in range(problem.rank):
        rows = problem.rows[recovery.support[:, k]]
        own = recovery.directions[:, k] / np.linalg.norm(recovery.directions[:, k])
        off = recovery.duals - np.outer(own, own @ recovery.duals)
        expected = np.sum(off * (np.linalg.pinv(rows.T @ rows, rcond=1e-9) @ off), axis=0)
        others = np.arange(problem.rank) != k
        np.testing.assert_allclose(spread[k, others], expected[others], rtol=1e-5)


def test_rows_that_leave_a_dual_open_say_so(problem: Problem, layer: LayerGradient) -> None:
    recovery = true_recovery(problem, layer.inputs)
    support = recovery.support.copy()
    support[:, 0] &= np.cumsum(support[:, 0]) <= problem.rank - 3
    found = supported(replace(recovery, support=support))
    assert np.isinf(found.spread[0, 1:]).any()
    assert np.isfinite(found.spread[1:]).all()


def test_on_every_backend_and_within_its_time(space: Backend) -> None:
    truth = space.mlp(5, 90, 40)
    problem = reduce(validate(*truth.observed))
    directions = problem.space.asarray(true_directions(problem, truth.inputs, space))
    here = recover(problem, directions)
    assert here is not None
    found = supported(here)
    assert found.unique.all()
    assert found.spread.shape == (5, 5)
    with pytest.raises(OutOfTime):
        supported(here, lambda: False)

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spear_xp.recovery.samples import recover, refine, to_inputs
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend
from tests.helpers.truth import relative_errors, true_recovery


def test_true_directions_give_the_inputs_whatever_their_scale(problem: Problem, layer: LayerGradient) -> None:
    directions = true_recovery(problem, layer.inputs).directions * np.array([1, -2, 1e-5, 1e5, -1, 3])
    found = recover(problem, directions)
    assert found is not None
    np.testing.assert_allclose(to_inputs(problem, found.duals), layer.inputs, atol=2e-6)
    np.testing.assert_allclose(problem.last @ found.duals, 1, atol=1e-12)
    np.testing.assert_allclose(found.duals.T @ found.directions, np.eye(6), atol=1e-9)


def test_recovered_directions_are_the_columns_of_d(problem: Problem, precise_layer: LayerGradient) -> None:
    exact = reduce(validate(*precise_layer.observed))
    truth = true_recovery(exact, precise_layer.inputs)
    found = recover(exact, truth.directions)
    assert found is not None
    live = validate(*precise_layer.observed).live
    columns = np.asarray(exact.rows @ found.directions)
    zero = np.abs(columns) < 1e-12 * np.abs(columns).max()
    assert (zero == precise_layer.zero_pattern[live]).all()


def test_dependent_directions_have_no_recovery(problem: Problem, layer: LayerGradient) -> None:
    directions = true_recovery(problem, layer.inputs).directions.copy()
    directions[:, 0] = directions[:, 1]
    assert recover(problem, directions) is None
    directions[:, 0] = 0
    assert recover(problem, directions) is None
    directions[:, 0] = np.nan
    assert recover(problem, directions) is None


@pytest.mark.parametrize("error", [1e-6, 1e-4])
def test_refinement_repairs_inaccurate_directions(precise_layer: LayerGradient, error: float) -> None:
    problem = reduce(validate(*precise_layer.observed))
    directions = true_recovery(problem, precise_layer.inputs).directions
    directions = directions / np.linalg.norm(directions, axis=0)
    off = recover(problem, directions + error * np.random.default_rng(0).standard_normal((6, 6)))
    assert off is not None
    assert relative_errors(precise_layer.inputs, to_inputs(problem, off.duals)).max() > error / 10
    once = refine(problem, recover(problem, directions), rounds=1)
    assert relative_errors(precise_layer.inputs, to_inputs(problem, once.duals)).max() < 1e-12


def test_inputs_on_every_backend(space: Backend, solve: Callable[..., Any]) -> None:
    truth = space.mlp(6, 120, 50)
    result = solve(*truth.observed)
    errors = relative_errors(space.to_numpy(truth.inputs), space.to_numpy(result.inputs))
    assert errors.max() < 10 ** (-(space.least_psnr - 20) / 20)

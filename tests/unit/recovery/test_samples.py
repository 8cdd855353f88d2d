from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp import invert
from spear_xp.recovery.samples import recover, refine, to_inputs
from spear_xp.recovery.uncertainty import error_bars
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.networks import Floats
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


def coverage(dtype: str, problems: int) -> Floats:
    """Root mean square errors in units of the error bars, over many problems."""
    ratios = []
    for seed in range(problems):
        host = np.random.default_rng(seed)
        batch, width, features = (int(host.integers(*r)) for r in ((2, 10), (100, 240), (20, 160)))
        inputs = gaussian_inputs(batch, features, rng=seed).astype(dtype)
        truth = mlp_gradient(inputs, width=width, depth=2 + seed % 2, rng=seed)
        result = invert(*truth.observed, rng=seed, time_limit=5.0)
        for k in np.nonzero(result.certified)[0]:
            squared = ((truth.inputs.astype(float) - result.inputs[k].astype(float)) ** 2).mean(axis=1)
            ratios.append(squared.min() ** 0.5 / result.error_bars[k])
    return np.asarray(ratios)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_error_bars_cover_the_true_errors(dtype: str) -> None:
    ratios = coverage(dtype, 40)
    assert len(ratios) > 150
    assert (ratios <= 3).mean() > 0.95
    assert ratios.max() < 12
    assert 0.25 < np.median(ratios) < 2


@pytest.mark.parametrize("model", ["additive", "relative"])
@pytest.mark.parametrize("features", ["equal", "loud", "uneven"])
@pytest.mark.parametrize("level", [1e-6, 1e-5, 1e-4])
def test_error_bars_follow_noise(level: float, features: str, model: str, solve: Callable[..., Any]) -> None:
    """Beside loud features the bias gradient, one column of many, is what the scale of a sample hangs on."""
    ratios = []
    sizes = {"equal": 1.0, "loud": 10.0, "uneven": 10.0 ** np.linspace(-1, 1, 60)}[features]
    for seed in range(12):
        inputs = gaussian_inputs(6, 60, rng=seed).astype("float64") * sizes
        truth = mlp_gradient(inputs, width=160, rng=seed)
        both = np.c_[truth.grad_w, truth.grad_b]
        size = np.abs(both) if model == "relative" else np.sqrt((both**2).mean())
        both = both + level * size * np.random.default_rng(seed).standard_normal(both.shape)
        result = solve(both[:, :-1], both[:, -1], truth.weight, truth.bias, time_limit=2.0)
        for k in np.nonzero(result.certified)[0]:
            squared = ((truth.inputs - result.inputs[k]) ** 2).mean(axis=1)
            ratios.append(squared.min() ** 0.5 / result.error_bars[k])
    assert len(ratios) > 40
    assert (np.asarray(ratios) <= 3).mean() > 0.95
    assert 0.25 < np.median(ratios) < 2


def test_error_bars_grow_with_the_noise_level(problem: Problem, layer: LayerGradient) -> None:
    recovery = true_recovery(problem, layer.inputs)
    loud, louder = (
        replace(problem, noise_level=k * problem.noise_level, bias_noise=k * problem.bias_noise)
        for k in (100, 200)  # above what the rows show, which counts where it is more
    )
    bars, inside = error_bars(replace(recovery, problem=loud))
    doubled, inside_doubled = error_bars(replace(recovery, problem=louder))
    np.testing.assert_allclose(doubled, 2 * bars, rtol=1e-9)
    np.testing.assert_allclose(inside_doubled, 2 * inside, rtol=1e-9)


def test_undetermined_samples_have_wide_error_bars(precise_layer: LayerGradient) -> None:
    problem = reduce(validate(*precise_layer.observed))
    recovery = true_recovery(problem, precise_layer.inputs)
    nothing = replace(recovery, support=np.zeros_like(recovery.support))
    assert (error_bars(nothing)[0] > 0.1).all()  # entries of the inputs have size 1

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp import invert
from spear_xp.numerics.backend import enter
from spear_xp.recovery.likelihood import most_likely
from spear_xp.recovery.samples import SampleSet, refine, to_inputs
from spear_xp.recovery.support import supported
from spear_xp.recovery.uncertainty import calibrated, error_bars, shares_of, sign_errors
from spear_xp.reduction.gradient import checked, validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.benchmarks.rank_of_updates import update_of
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.noisy import noisy
from tests.helpers.truth import true_recovery


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
    """Beside loud features the scale of a sample hangs on the bias gradient, one column of many, alone.

    Its own certificate is that of the direction then; its error bar covers the scale as well.
    """
    ratios = []
    sizes = {"equal": 1.0, "loud": 10.0, "uneven": 10.0 ** np.linspace(-1, 1, 60)}[features]
    for seed in range(12):
        inputs = gaussian_inputs(6, 60, rng=seed).astype("float64") * sizes
        truth = mlp_gradient(inputs, width=160, rng=seed)
        both = np.c_[truth.grad_w, truth.grad_b]
        size = np.abs(both) if model == "relative" else np.sqrt((both**2).mean())
        both = both + level * size * np.random.default_rng(seed).standard_normal(both.shape)
        result = solve(both[:, :-1], both[:, -1], truth.weight, truth.bias, time_limit=2.0)
        for k in np.nonzero(result.direction_certified)[0]:
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
    spread = supported(recovery).spread
    bars, inside = error_bars(replace(recovery, problem=loud), spread)
    doubled, inside_doubled = error_bars(replace(recovery, problem=louder), spread)
    np.testing.assert_allclose(doubled, 2 * bars, rtol=1e-9)
    np.testing.assert_allclose(inside_doubled, 2 * inside, rtol=1e-9)


def test_undetermined_samples_have_wide_error_bars(precise_layer: LayerGradient) -> None:
    problem = reduce(validate(*precise_layer.observed))
    recovery = true_recovery(problem, precise_layer.inputs)
    nothing = replace(recovery, support=np.zeros_like(recovery.support))
    assert (
        error_bars(nothing, supported(nothing).spread)[0] > 0.1
    ).all()  # entries of the inputs have size 1


@pytest.fixture
def exact(precise_layer: LayerGradient) -> tuple[Problem, SampleSet]:
    problem = replace(reduce(validate(*precise_layer.observed)), noise_level=1e-7, bias_noise=1e-7)
    truth = true_recovery(reduce(validate(*precise_layer.observed)), precise_layer.inputs)
    return problem, replace(truth, problem=problem)


def solved_again(problem: Problem, support: Floats, rng: np.random.Generator) -> Floats:
    """Samples in the basis V as columns, from kernels of noisy rows, scaled by the bias."""
    noise = problem.noise_level * rng.standard_normal(problem.rows.shape) / problem.singular_values
    kernels = [np.linalg.svd((problem.rows + noise)[zero])[2][-1] for zero in support.T]
    duals = np.linalg.inv(np.stack(kernels))
    return problem.singular_values[:, None] * duals / (problem.last @ duals)


def test_the_error_within_the_row_space_is_that_of_solving_again_with_noise(
    exact: tuple[Problem, SampleSet],
) -> None:
    problem, recovery = exact
    rng = np.random.default_rng(0)
    truth = problem.singular_values[:, None] * recovery.duals
    errors = [solved_again(problem, recovery.support, rng) - truth for _ in range(300)]
    seen = np.sqrt((np.array(errors) ** 2).sum(axis=1).mean(axis=0))
    _, inside = error_bars(recovery, supported(recovery).spread)
    np.testing.assert_allclose(inside, seen, rtol=0.15)


def test_error_bars_are_those_of_everything_again_with_noise(
    exact: tuple[Problem, SampleSet], precise_layer: LayerGradient
) -> None:
    """Factors of the noisy gradient, kernels of its rows, their inverse, and the bias for the scale."""
    problem, recovery = exact
    gradient = (problem.rows * problem.singular_values) @ problem.right
    rng, squares = np.random.default_rng(0), np.zeros(6)
    for _ in range(200):
        noisy = gradient + problem.noise_level * rng.standard_normal(gradient.shape)
        left, values, right = np.linalg.svd(noisy, full_matrices=False)
        kernels = [np.linalg.svd(left[zero, :6])[2][-1] for zero in recovery.support.T]
        samples = (np.linalg.inv(np.stack(kernels)).T * values[:6]) @ right[:6]
        found = samples[:, :-1] / samples[:, -1:]
        squares += ((found - precise_layer.inputs) ** 2).mean(axis=1) / 200
    bars, _ = error_bars(recovery, supported(recovery).spread)
    ratio = bars / np.sqrt(squares)
    assert (ratio > 0.95).all()  # bars count the noise of the factors within the row space twice
    assert (ratio < 1.3).all()


def test_error_bars_of_digits_hold_what_directions_have_in_common() -> None:
    """Rows without either of two samples bring noise to both, and much of it cancels: bars were 5 dB wide."""
    decibels = []
    for seed in range(50, 54):
        update, inputs = update_of("digits", "noise 1e-2", seed)
        problem = reduce(checked(*enter(**update.arrays)[:2]), accuracy=0.3)
        samples = most_likely(refine(problem, true_recovery(problem, inputs)))[0]
        bars, _ = error_bars(samples, supported(samples).spread)
        errors = np.sqrt(((to_inputs(samples.problem, samples.duals) - inputs) ** 2).mean(axis=1))
        decibels.append(float(np.median(20 * np.log10(bars / errors))))
        assert (errors < 2 * bars).all()
    assert -1 < min(decibels) < max(decibels) < 3.2


def test_directions_that_are_not_proven_count_for_nothing(exact: tuple[Problem, SampleSet]) -> None:
    """The sample of a direction follows from all the others."""
    _, recovery = exact
    _, inside = error_bars(recovery, supported(recovery).spread)
    _, everyone = error_bars(recovery, supported(recovery).spread, np.ones(6, dtype=bool))
    np.testing.assert_array_equal(everyone, inside)
    _, one = error_bars(recovery, supported(recovery).spread, np.arange(6) > 0)
    assert one[0] == pytest.approx(inside[0])
    assert (one[1:] < inside[1:]).all()
    assert not error_bars(recovery, supported(recovery).spread, np.zeros(6, dtype=bool))[1].any()


def loud(problem: Problem, space: Backend, factor: float) -> tuple[Problem, SampleSet]:
    """A set whose zero rows hold `factor` times the noise that is expected, and its problem."""
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((problem.width, problem.rank))
    support = rng.random(columns.shape) < 0.5
    eye = problem.space.xp.eye(problem.rank, dtype=problem.space.dtype, device=problem.space.device)
    wide = problem.space.asarray(np.zeros((problem.rank, 256 * 100)))  # as of 25,599 features
    problem = replace(problem, right=wide, noise_level=1e-6, noise_model="relative")
    noise = space.to_numpy(problem.noise_of(eye))
    spare = support.sum(axis=0) / (support.sum(axis=0) - problem.rank + 1)
    rows = problem.space.asarray(np.where(support, factor * noise * columns / spare**0.5, 1.0))
    problem = replace(problem, rows=rows)
    return problem, SampleSet(problem, eye, eye, space.asarray(support))


@pytest.mark.parametrize(("factor", "expected"), [(0.3, 1.0), (4.0, 4.0), (50.0, 10.0)])
def test_noise_that_zero_rows_show_is_taken_for_that_of_the_problem(
    space: Backend, factor: float, expected: float
) -> None:
    """Not less than expected, and not more than entries of 256 values allow."""
    base = reduce(validate(*space.mlp(6, 90, 40).observed))
    problem, samples = loud(base, space, factor)
    found = calibrated(problem, samples)
    assert found.problem.noise_level / problem.noise_level == pytest.approx(expected, rel=0.2)
    assert found.problem.bias_noise / problem.bias_noise == pytest.approx(expected, rel=0.2)
    again = calibrated(problem, found)  # always by the noise that low rank leaves
    assert again.problem.noise_level == pytest.approx(found.problem.noise_level, rel=1e-6)


def test_noise_that_was_added_and_short_rows_are_not_calibrated(space: Backend) -> None:
    base = reduce(validate(*space.mlp(6, 90, 40).observed))
    problem, samples = loud(base, space, 4.0)
    assert calibrated(replace(problem, noise_model="additive"), samples) is samples
    assert calibrated(replace(problem, right=base.right), samples) is samples


def test_equal_pixels_round_alike_and_all_samples_are_certified(solve: Callable[..., Any]) -> None:
    """Long rows of few values: rounding errors add up along a sample, several times the independent ones."""
    rng = np.random.default_rng(0)
    inputs = (rng.integers(0, 4, (6, 20_000)) / 4).astype("float32")
    truth = mlp_gradient(inputs, width=100, rng=0)
    problem = reduce(validate(*truth.observed))
    samples = true_recovery(problem, truth.inputs)
    assert calibrated(problem, samples).problem.noise_level > 2 * problem.noise_level
    assert solve(*truth.observed).direction_certified.all()  # the bias is too small for masks to tell scales


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_errors_of_preactivations_are_told_neuron_by_neuron(noise: float) -> None:
    ratios, bounds = [], []
    for seed in range(3):
        case = noisy(seed, noise)
        samples, z = case.samples, case.z
        shares = shares_of(samples, supported(samples).spread)
        error = sign_errors(samples, shares, samples.preactivations)
        norms = np.asarray(case.problem.layer_norms)[:, None]
        outside = case.problem.noise_level * np.linalg.norm(samples.duals, axis=0)
        ratios.append((samples.preactivations - z) / np.hypot(error, norms * outside))
        bounds.append(error / (norms * error_bars(samples, supported(samples).spread)[1]))
    spread = np.concatenate(ratios)
    assert 0.4 < np.sqrt((spread**2).mean()) < 1.3
    assert np.abs(spread).max() < 6
    assert np.median(np.concatenate(bounds)) < 0.5  # the norm of a whole neuron says much less


def test_where_rows_leave_a_dual_open_so_are_its_preactivations() -> None:
    samples = noisy(0).samples
    shares = shares_of(samples, supported(samples).spread, np.arange(10) > 0)
    assert not shares[0].any()
    shares[2, 3] = shares[4, 4] = np.inf
    error = sign_errors(samples, shares, samples.preactivations)
    np.testing.assert_array_equal(np.isinf(error).all(axis=0), np.arange(10) == 3)
    assert not np.isinf(error[:, 4]).any()  # a sample takes nothing of itself

"""All directions at once: never less likely than one by one, and closer to the truth."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.recovery.likelihood import most_likely
from spear_xp.recovery.samples import SampleSet, recover
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


def with_near_twins(seed: int) -> LayerGradient:
    """Twelve samples, four of them 5 % from one another."""
    rng = np.random.default_rng(seed)
    inputs = gaussian_inputs(12, 60, rng=seed)
    inputs[9:] = inputs[8] + 0.05 * rng.standard_normal((3, 60))
    return mlp_gradient(inputs, width=300, rng=seed)


def one_by_one(layer: LayerGradient) -> tuple[Problem, SampleSet, Floats]:
    """Kernels of the true masks, and the true duals."""
    problem = reduce(validate(*layer.observed))
    true = true_recovery(problem, layer.inputs)
    kernels = [np.linalg.svd(problem.rows[zero])[2][-1] for zero in true.support.T]
    found = recover(problem, np.stack(kernels, axis=1))
    assert found is not None
    return problem, found, true.duals


def energy(problem: Problem, recovery: SampleSet, directions: Floats) -> float:
    """Squared distances of the rows of the gradient from their active samples, by least squares."""
    samples = np.linalg.inv(directions).T * problem.singular_values[:, None]
    total = 0.0
    for row, inactive in zip(problem.rows * problem.singular_values, recovery.support, strict=True):
        active = samples[:, ~inactive]
        left = row - active @ np.linalg.lstsq(active, row)[0] if active.shape[1] else row
        total += float(left @ left)
    return total


@pytest.mark.parametrize("seed", range(3))
def test_nothing_near_is_more_likely(seed: int) -> None:
    problem, start, _ = one_by_one(with_near_twins(seed))
    found, noise, gain = most_likely(start)
    least, first = (energy(problem, found, one.directions) for one in (found, start))
    assert least < first
    assert gain == pytest.approx(found.support.sum() * np.log(first / least) / 2, rel=0.15)
    assert noise == pytest.approx(least / found.support.sum() / problem.noise_level**2, rel=1e-2)
    rng = np.random.default_rng(seed)
    for size in (1e-6, 1e-4):
        step = size * rng.standard_normal((problem.rank, problem.rank))
        assert least < energy(problem, found, found.directions @ (np.eye(problem.rank) + step)) * (1 + 1e-6)


def test_a_bit_of_another_direction_goes_again() -> None:
    problem, start, _ = one_by_one(mlp_gradient(gaussian_inputs(12, 60, rng=0), width=300, rng=0))
    _, noise, _ = most_likely(start)
    mixed = start.directions.copy()
    mixed[:, 0] += 1e-6 * np.linalg.norm(mixed[:, 0]) / np.linalg.norm(mixed[:, 1]) * mixed[:, 1]
    wrong = recover(problem, mixed)
    assert wrong is not None
    again, same, gain = most_likely(wrong)
    assert 0.2 < noise < 5
    assert same == pytest.approx(noise, rel=0.05)
    assert gain > 500
    np.testing.assert_allclose(again.duals, start.duals, atol=1e-4 * np.abs(start.duals).max())


def test_weights_that_do_not_fit_into_memory_are_not_formed(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, start, _ = one_by_one(with_near_twins(0))
    monkeypatch.setattr("spear_xp.recovery.likelihood.LARGEST", problem.width * problem.rank**2 - 1)
    found, noise, gain = most_likely(start)
    assert found is start
    assert (noise, gain) == (np.inf, 0.0)


def test_rows_without_an_inactive_sample_say_nothing() -> None:
    problem, start, _ = one_by_one(with_near_twins(0))
    everyone = replace(start, problem=replace(problem, noise_level=0.0))
    assert most_likely(everyone) == (everyone, np.inf, 0.0)

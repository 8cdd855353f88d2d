from typing import Any

import numpy as np
import pytest

from spear_xp.candidates.pool import Pool
from spear_xp.candidates.refit import filter_directions
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.reduction.protocol import Known, Strategy
from spear_xp.strategies.information_sets import GuidedSets, InformationSet
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery

STRATEGIES = [InformationSet(chains=64), GuidedSets(iterates=8)]


def gaussian(batch: int, width: int, rng: int = 0) -> LayerGradient:
    return mlp_gradient(gaussian_inputs(batch, 60, rng=rng), width=width, rng=rng)


def proposed(strategy: Strategy, problem: Problem, chunks: int = 1, seed: int = 0) -> Any:
    known = Pool(problem).known
    found = [strategy.propose(problem, known, seed, chunk).directions for chunk in range(chunks)]
    return problem.space.xp.concat(found, axis=1)


def matches(problem: Problem, inputs: Floats, found: Floats) -> Floats:
    """|cos| between every true direction and every proposal."""
    truth = true_recovery(problem, inputs).directions
    truth = truth / np.linalg.norm(truth, axis=0)
    return np.asarray(np.abs(truth.T @ found))


@pytest.mark.parametrize(
    ("strategy", "batch", "width"),
    [
        (InformationSet(), 12, 200),
        (InformationSet(), 14, 300),
        (GuidedSets(), 12, 48),
        (GuidedSets(), 20, 80),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_few_chunks_find_every_direction(strategy: Strategy, batch: int, width: int) -> None:
    truth = gaussian(batch, width)
    problem = reduce(validate(*truth.observed))
    found = proposed(strategy, problem, 20 if strategy.name == "guided_sets" else 6)
    close = matches(problem, truth.inputs, found)
    assert (close.max(axis=1) > 1 - 1e-6).mean() > 0.8
    zeros = problem.zeros_of(found, widen=30.0).sum(axis=0)
    assert (zeros >= batch + 2).mean() > 0.9  # mixtures of columns among them, which a filter sets apart
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
def test_a_chunk_is_a_function_of_seed_and_number(strategy: Strategy, problem: Problem) -> None:
    known = Pool(problem).known
    one, same = (strategy.propose(problem, known, 5, 3) for _ in range(2))
    np.testing.assert_array_equal(one.directions, same.directions)
    assert one.drawn == same.drawn > 0
    assert one.directions.shape[1] <= 64


def test_scaled_neurons_and_another_basis_change_no_finding() -> None:
    truth = gaussian(8, 100)
    grad_w, grad_b, weight, bias = truth.observed
    rng = np.random.default_rng(1)
    scale = np.exp(rng.uniform(-1, 1, size=100)).astype("float32")
    turn = np.linalg.qr(rng.standard_normal((60, 60))).Q.astype("float32")
    plain = reduce(validate(grad_w, grad_b, weight, bias))
    other = reduce(validate((grad_w * scale[:, None]) @ turn, grad_b * scale, weight @ turn, bias))
    assert plain.width == other.width
    strategy = InformationSet(chains=64, steps=10)
    patterns = []
    for problem in (plain, other):
        found = filter_directions(problem, proposed(strategy, problem), threshold=8 + 2)
        patterns.append({candidate.zero.tobytes() for candidate in found})
    assert len(patterns[0]) >= 4
    assert patterns[0] == patterns[1]


@pytest.mark.parametrize("noise", [1e-5, 1e-3])
def test_noise_widens_what_counts_as_equal(noise: float) -> None:
    truth = gaussian(8, 200)
    grad_w, grad_b, weight, bias = truth.observed
    rng = np.random.default_rng(0)
    disturbed = [
        (g + noise * np.abs(grad_w).mean() * rng.standard_normal(g.shape)).astype("float32")
        for g in (grad_w, grad_b)
    ]
    problem = reduce(validate(*disturbed, weight, bias))
    found = proposed(InformationSet(), problem)
    assert (matches(problem, truth.inputs, found).max(axis=1) > 1 - 1e-3).mean() >= 0.75


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
@pytest.mark.parametrize(
    ("batch", "width"), [(1, 10), (2, 8), (2, 40), (3, 6), (3, 40), (6, 8), (6, 10), (6, 14)]
)
def test_small_and_narrow_problems_are_no_error(strategy: Strategy, batch: int, width: int) -> None:
    truth = gaussian(batch, width)
    problem = reduce(validate(*truth.observed))
    directions = proposed(strategy, problem, 2)
    assert directions.shape[0] == problem.rank
    assert np.isfinite(directions).all()
    if width == 40:
        assert (matches(problem, truth.inputs, directions).max(axis=1) > 1 - 1e-6).any()


def test_solved_samples_leave_the_problem() -> None:
    truth = gaussian(10, 120)
    problem = reduce(validate(*truth.observed))
    recovery = true_recovery(problem, truth.inputs)
    norms = np.linalg.norm(recovery.directions, axis=0)
    coefficients = problem.rows @ recovery.directions
    coefficients[problem.zeros_of(recovery.directions)] = 0
    known = Known(
        directions=(recovery.directions / norms)[:, :6],
        coefficients=(coefficients / norms)[:, :6],
        duals=(recovery.duals * norms)[:, :6],
        solved=(True,) * 6,
    )
    for strategy in (InformationSet(chains=64, steps=10), GuidedSets()):
        found = np.concatenate([strategy.propose(problem, known, 0, c).directions for c in range(2)], axis=1)
        close = matches(problem, truth.inputs, found)
        assert (close[6:].max(axis=1) > 1 - 1e-4).sum() >= 3
        assert (close[:6] < 1 - 1e-4).all()


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
def test_every_backend_finds_directions(strategy: Strategy, space: Backend) -> None:
    problem = reduce(validate(*space.mlp(5, 80, 40).observed))
    small = (
        InformationSet(chains=32, steps=6)
        if strategy.name == "information_set"
        else GuidedSets(starts=16, descent_steps=60, iterates=2, steps=6)
    )
    directions = proposed(small, problem, 1)
    assert type(directions) is type(problem.rows)
    assert directions.dtype == problem.space.dtype
    zeros = problem.space.xp.astype(problem.zeros_of(directions, widen=30.0), problem.space.xp.int64)
    assert int(problem.space.xp.max(problem.space.xp.sum(zeros, axis=0))) >= 5 + 3

"""The best of several sets: it does not depend on the order in which they come."""

from itertools import permutations

import numpy as np
import pytest

from spear_xp.numerics.linalg import normalize
from spear_xp.recovery.alternation import tentative_set
from spear_xp.recovery.nuisance import stood_in
from spear_xp.recovery.samples import refine, to_inputs
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.solver.assessment import FullSet
from spear_xp.solver.incumbent import Incumbent
from spear_xp.updates import images
from spear_xp.updates.synthetic import mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.sets import candidates, solved, with_twins
from tests.helpers.truth import relative_errors, true_recovery


def offered(problem: Problem, sets: tuple[Floats, ...]) -> Incumbent:
    best = Incumbent(problem)
    for directions in sets:
        full = FullSet(problem, tuple(candidates(problem, directions)))
        assert best.consider(full, tentative=True) is not None
    return best


@pytest.mark.parametrize("quick", [0, 2**21])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_set_does_not_depend_on_the_order(
    seed: int, quick: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spear_xp.solver.assessment.QUICK", quick)
    monkeypatch.setattr("spear_xp.recovery.alternation.PATIENCE", 0)
    problem, true = solved(with_twins(0.02, twins=3, seed=seed))
    space = np.linalg.qr(true[:, 8:]).Q
    found = [tentative_set(problem, true[:, :8], space, seed=s) for s in range(2)]
    sets = (true, *(guess.directions for guess in found if guess is not None))
    merits = {
        tuple(np.round(best.best.merit, 3))
        for order in permutations(sets)
        if (best := offered(problem, order)).best is not None
    }
    assert len(merits) == 1


@pytest.mark.parametrize("first", [True, False])
def test_a_mixture_of_twins_does_not_take_the_place_of_the_twins(first: bool) -> None:
    problem, true = solved(with_twins(0.02))
    mixed = true.copy()
    mixed[:, 10:] = true[:, 10:] @ np.array([[1.0, 0.3], [-0.3, 1.0]])
    mixed /= np.linalg.norm(mixed, axis=0)
    best = offered(problem, (true, mixed) if first else (mixed, true))
    assert best.best is not None
    assert best.best.masks is not None
    assert best.best.masks.total_contradictions == 0
    cosines = np.abs(true.T @ best.best.samples.directions)
    cosines /= np.linalg.norm(best.best.samples.directions, axis=0)
    assert cosines.max(axis=0).min() > 1 - 1e-6


def test_tentative_directions_for_what_is_open_are_taken_beside_nuisance() -> None:
    problem, true = solved(with_twins(0.02))
    rest = stood_in(problem, true, np.arange(12) < 10)._replace(tentative=None)
    best = Incumbent(problem)
    full = FullSet(problem, tuple(candidates(problem, true[:, :10])), rest)
    assert best.consider(full) is not None
    assert best.best is not None
    assert best.best.masks is None  # anything may be in it
    best.adopt_tentative(true)
    assert best.best.masks is not None
    assert best.best.masks.total_contradictions == 0


@pytest.mark.parametrize(
    ("noise", "quick", "sharpened"),
    [(0.0, 2**21, False), (3e-4, 0, False), (1e-2, 0, True), (1e-2, 2**21, True)],
)
def test_a_proven_set_is_sharpened_where_noise_is_more_than_rounding(
    noise: float, quick: int, sharpened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spear_xp.solver.assessment.QUICK", quick)
    inputs, rng = images.digits(12, rng=3), np.random.default_rng(3)
    truth = mlp_gradient(inputs, width=300, depth=3, rng=3)
    unit = noise * np.sqrt((truth.grad_w**2).mean())
    grads = [x + unit * rng.standard_normal(x.shape) for x in (truth.grad_w, truth.grad_b)]
    gradient = validate(*(x.astype("float32") for x in (*grads, truth.weight, truth.bias)))
    problem = reduce(gradient, accuracy=0.3)
    kernels = refine(problem, true_recovery(problem, inputs)).directions
    best = offered(problem, (normalize(np, kernels),))
    before = best.best
    assert before is not None
    assert before.certificate.certified.all()
    best.sharpen()
    assert best.best is not None
    assert (best.best is not before) == sharpened
    errors = [relative_errors(inputs, to_inputs(problem, one.samples.duals)) for one in (before, best.best)]
    assert np.median(errors[1]) <= (0.9 if best.best is not before else 1.0) * np.median(errors[0])

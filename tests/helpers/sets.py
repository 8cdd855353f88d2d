"""Full sets of directions, and batches with twins whose directions hardly a row tells apart."""

import numpy as np

from spear_xp.candidates.refit import Candidate
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


def with_twins(distance: float, twins: int = 1, seed: int = 0) -> LayerGradient:
    """Twelve samples, the last of them at a relative distance from the one before."""
    rng = np.random.default_rng(seed)
    inputs = gaussian_inputs(12, 60, rng=seed)
    for k in range(12 - twins, 12):
        step = rng.standard_normal(60)
        inputs[k] = inputs[k - 1] + distance * np.linalg.norm(inputs[k - 1]) * step / np.linalg.norm(step)
    return mlp_gradient(inputs, width=300, rng=seed)


def solved(layer: LayerGradient) -> tuple[Problem, Floats]:
    """The problem of a layer and its true unit directions."""
    problem = reduce(validate(*layer.observed))
    directions = true_recovery(problem, layer.inputs).directions
    return problem, directions / np.linalg.norm(directions, axis=0)


def cosines(found: Floats, true: Floats) -> Floats:
    return np.abs(np.sum(found * true, axis=0))


def candidates(problem: Problem, directions: Floats) -> list[Candidate]:
    zero = problem.zeros_of(directions)
    return [Candidate(directions[:, k], zero[:, k], int(zero[:, k].sum()), "") for k in range(zero.shape[1])]

"""Full sets of directions, and batches with twins or a quiet sample that hardly a row tells apart."""

import numpy as np

from spear_xp.candidates.candidate import Candidate
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
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


def quiet_layer(size: float, loud_rows: int = 2, seed: int = 0) -> LayerGradient:
    """Sparse masks; the last sample adds `size` of the others to all rows but a few, which are its own."""
    rng = np.random.default_rng(seed)
    pattern = rng.random((300, 8)) < 0.6
    pattern[:loud_rows, :7], pattern[:loud_rows, 7] = True, False
    layer = planted_problem(pattern, gaussian_inputs(8, 60, rng=seed), rng=seed)
    extended = np.c_[layer.inputs, np.ones(8)].astype(float)
    d = np.linalg.lstsq(extended.T, np.c_[layer.grad_w, layer.grad_b].T.astype(float), rcond=None)[0].T
    d = np.where(pattern, 0.0, d)
    d[loud_rows:, 7] *= size
    gradient = (d @ extended).astype("float32")
    return LayerGradient(
        gradient[:, :-1], gradient[:, -1], layer.weight, layer.bias, layer.inputs, layer.zero_pattern
    )


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

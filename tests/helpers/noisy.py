"""Enters: a seed and a noise. Leaves: a batch of digits as an update with added noise, and its truth."""

from typing import NamedTuple

import numpy as np

from spear_xp.recovery.samples import SampleSet, recover
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.images import digits
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.synthetic import mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


class Noisy(NamedTuple):
    """An update with noise of so many times the root mean square entry, and what it is of."""

    update: LayerUpdate
    problem: Problem
    inputs: Floats
    inactive: Floats

    @property
    def directions(self) -> Floats:
        """Unit directions of the samples, shape (b, b)."""
        directions = true_recovery(self.problem, self.inputs).directions
        return np.asarray(directions / np.linalg.norm(directions, axis=0))

    @property
    def samples(self) -> SampleSet:
        """What follows from true masks."""
        rows = np.asarray(self.problem.rows)
        kernels = [np.linalg.svd(rows[self.inactive[:, k]])[2][-1] for k in range(len(self.inputs))]
        found = recover(self.problem, np.stack(kernels, axis=1))
        assert found is not None
        return found

    @property
    def z(self) -> Floats:
        """True pre-activations."""
        update = self.update
        return np.asarray(np.asarray(update.weight, float) @ self.inputs.T.astype(float)) + np.asarray(
            update.bias, float
        ).reshape(-1, 1)


def noisy(seed: int, noise: float = 0.03, *, batch: int = 10, width: int = 300, scale: float = 1.0) -> Noisy:
    """Of digits; `scale` is a factor on the bias gradient."""
    inputs, rng = digits(batch, rng=seed), np.random.default_rng(seed)
    truth = mlp_gradient(inputs, width=width, rng=seed)
    level = noise * np.sqrt((truth.grad_w**2).mean())
    grad_w, grad_b, weight, bias = truth.observed
    grad_w, grad_b = (g + level * rng.standard_normal(g.shape).astype(g.dtype) for g in (grad_w, grad_b))
    update = LayerUpdate(grad_w, (scale * grad_b).astype(grad_b.dtype), weight, bias)
    problem = reduce(validate(*update), accuracy=0.3)
    return Noisy(update, problem, inputs, np.asarray(truth.zero_pattern))

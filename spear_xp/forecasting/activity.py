"""Enters: a `Problem`. Leaves: how often each neuron is active on samples like those of the batch."""

import math

from spear_xp.numerics.backend import Array, to_host
from spear_xp.reduction.problem import Problem

__all__ = ["row_zero_probability"]


def row_zero_probability(problem: Problem) -> Array:
    """Probability that a sample does not activate each live row, from the gradient and the layer alone.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.

    Returns
    -------
    array, shape (m_live,)

    Notes
    -----
    Where the columns of D have comparable size, Σ_k [x_k|1][x_k|1]ᵀ is proportional to V S² Vᵀ. Mean and
    variance of a pre-activation over the batch follow in factor coordinates, and a normal law of the
    pre-activations turns them into a probability.
    """
    xp = problem.space.xp
    square = problem.last @ problem.last
    mean = problem.layer @ problem.last / square
    variance = xp.sum(problem.layer**2, axis=1) / square - mean**2
    spread = (
        xp.sqrt(xp.where(variance > 0, variance, xp.zeros_like(variance))) + 1e-12 * xp.abs(mean) + 1e-300
    )
    ratio = to_host(mean / spread)
    return problem.space.asarray([0.5 * math.erfc(float(r) / math.sqrt(2)) for r in ratio])

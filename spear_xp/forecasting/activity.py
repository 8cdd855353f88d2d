"""Enters: a `Problem`. Leaves: what activates its neurons, on samples like those of the batch."""

import math

from spear_xp.numerics.backend import Array, to_host
from spear_xp.reduction.problem import Problem

__all__ = ["preactivation_law", "row_zero_probability"]


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


def preactivation_law(problem: Problem) -> tuple[Array, Array]:
    """Mean and a factor of the covariance of the pre-activations of samples like those of the batch.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.

    Returns
    -------
    mean : array, shape (m_live,)
    factor : array, shape (m_live, b)
        F with covariance F Fᵀ.

    Notes
    -----
    From the same second moment as `row_zero_probability`: duals p have E[p pᵀ] = I / |last|² and the mean
    last / |last|², so that last · p is 1 for all of them.
    """
    xp = problem.space.xp
    square = problem.last @ problem.last
    mean = problem.layer @ problem.last / square
    centred = problem.layer - mean[:, None] * problem.last[None, :]
    return mean, centred / xp.sqrt(square)

"""Enters: directions and what the layer says of their samples. Leaves: masks, and zeros in doubt."""

from spear_xp.numerics.backend import Array, Host, Namespace, to_host
from spear_xp.numerics.cuda.activity import Seen, look, mixed
from spear_xp.reduction.problem import Problem

__all__ = [
    "AMBIGUOUS_WIDTH",
    "EXACT_FLIPS",
    "MISFIT",
    "SURE_MEAN",
    "UNSURE",
    "doubtful_zeros",
    "fitted_to",
    "predicted_activity",
    "zeros_beside",
]

# measured: rows on which a mask and the zero pattern of its direction may differ (lab.md, "Trained
# networks")
EXACT_FLIPS = 2
MISFIT = 0.02  # measured: share of rows on which the best fit of a mask may contradict it (lab.md, "Masks")
# chosen: |pre-activation| over its median below which a sign is left open; a smaller value takes errors for
# signs
UNSURE = 1e-3
SURE_MEAN = 1e-5  # chosen: the same over its mean, where the dual is known exactly
# chosen: entries up to so many times the tolerance are neither zero nor not; a larger value proves less
AMBIGUOUS_WIDTH = 3.0


def doubtful_zeros(problem: Problem, unsure: Array) -> Host:
    """Zeros of each direction that may be active, as many as the entries next to the tolerance suggest.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    unsure : array of bool, shape (m_live, k)
        Entries beyond the tolerance, but not beyond `AMBIGUOUS_WIDTH` times it.

    Returns
    -------
    NumPy array of int, shape (k,)
    """
    xp = problem.space.xp
    return zeros_beside(to_host(xp.sum(xp.astype(unsure, problem.space.dtype), axis=0)))


def zeros_beside(entries: Host) -> Host:
    """The same from the number of such entries, which may be a mean."""
    expected = entries / (AMBIGUOUS_WIDTH - 1)
    allowed: Host = (expected > 0) * (1.5 * expected + 2 * expected**0.5 + 1).astype(int)
    return allowed


def predicted_activity(xp: Namespace, residual: Array, z: Array, layer: Array) -> Array:
    """Pre-activations of the samples next to some directions, from two sources of equal weight.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    residual : array, shape (m, s)
        Rows times s directions.
    z : array, shape (m, s)
        Pre-activations of the duals that the directions imply, up to a sign each.
    layer : array, shape (m, d)
        Orthonormal basis of the pre-activations that any dual can have.

    Returns
    -------
    array, shape (m, s)
        Of mean size near one: negative where a row is predicted inactive.

    Notes
    -----
    z gets the sign for which the rows predicted inactive have the smaller residuals; it is right for
    directions that are nearly orthogonal to each other. Residuals say by themselves which rows are
    active, and the least-squares fit of pre-activations to them is right near a column of D, however
    close others are.
    """
    seen = look(xp, residual, z)
    return mixed(xp, z, fitted_to(seen, layer, xp.sum(layer, axis=0)), seen.share)


def fitted_to(seen: Seen, layer: Array, sums: Array) -> Array:
    """Pre-activations, shape (m, s), that fit residuals best; `sums`, shape (d,), of the rows of `layer`."""
    return layer @ (layer.T @ seen.flat - sums[:, None] * seen.level)

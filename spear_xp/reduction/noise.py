"""Enters: what low rank does not explain. Leaves: rounding or added noise, and that of a column."""

import math

from spear_xp.numerics.backend import Array, Namespace, to_host

__all__ = ["is_additive", "noise_of_column"]

FEW = 8  # chosen: rows beyond the rank, below which the noise of one column is not measured


def is_additive(norms: Array, residuals: Array) -> bool:
    """Slope of log residual norm against log row norm: 0 for added noise, 1 for rounding."""
    pairs = [
        (math.log(x), math.log(r)) for x, r in zip(to_host(norms), to_host(residuals), strict=True) if r > 0
    ]
    pairs = sorted(pairs)[len(pairs) // 2 :]  # noise in the smallest rows tilts the subspace towards them
    if len(pairs) < 3:
        return False
    mx, mr = (math.fsum(column) / len(pairs) for column in zip(*pairs, strict=True))
    spread = math.fsum((x - mx) ** 2 for x, _ in pairs)
    if spread < 1e-3 * len(pairs):
        return False  # rows of equal norm: the two models are the same
    return math.fsum((x - mx) * (r - mr) for x, r in pairs) / spread < 0.5


def noise_of_column(xp: Namespace, left: Array, column: Array, least: float) -> float:
    """Standard deviation of the error of an entry in one column.

    Parameters
    ----------
    left : array, shape (m, b)
        Orthonormal left factor of the rows.
    column : array, shape (m,)
        Column of them.
    least : float
        Rounding of this computation itself.

    Returns
    -------
    float
        0 where hardly more rows than the rank tell it.
    """
    m, rank = left.shape
    if m < rank + FEW:
        return 0.0
    rest = column - left @ (left.T @ column)
    return max(float(xp.sqrt(xp.sum(rest * rest) / (m - rank))), least)

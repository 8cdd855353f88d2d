"""Enters: what low rank does not explain, or known noise. Leaves: its model, and its size in parts."""

import math
from typing import Any

from spear_xp.errors import ArgumentRangeError, ShapeError
from spear_xp.numerics.backend import Array, Namespace, to_host
from spear_xp.reduction.gradient import Gradient

__all__ = ["is_additive", "noise_of_column", "row_deviations"]

FEW = 8  # chosen: rows beyond the rank, below which the noise of one column is not measured


def is_additive(norms: Array, residuals: Array, share: float = 0.5) -> bool:
    """Slope of log residual norm against log row norm: 0 for added noise, 1 for rounding.

    Of a share of the rows, the largest: noise in the smallest tilts the subspace towards them.
    """
    pairs = [
        (math.log(x), math.log(r)) for x, r in zip(to_host(norms), to_host(residuals), strict=True) if r > 0
    ]
    pairs = sorted(pairs)[len(pairs) - math.ceil(share * len(pairs)) :]
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


def row_deviations(gradient: Gradient, noise: Any) -> tuple[Array, float] | None:
    """Standard deviation of the known noise of each live row, and how much of it an entry of grad_b has.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient.
    noise : float, or array of shape (m, 1) or (m, n)
        That of all entries, of those of a row, or of each entry of grad_w. The last column stands for grad_b,
        and a row counts by its root mean square.

    Returns
    -------
    rows : array, shape (m_live,)
    bias : float
        Root mean square of the noise of grad_b in units of that of its row.
    None
        Where there is no noise.

    Raises
    ------
    ShapeError, ArgumentRangeError

    Notes
    -----
    No row is believed to be more exact than the rounding unit of the gradient allows.
    """
    host, (m, n) = to_host(noise).astype(float), gradient.grad_w.shape
    if host.ndim and host.shape not in {(m, 1), (m, n)}:
        msg = f"noise has shape {host.shape}: need a number, ({m}, 1) or ({m}, {n})"
        raise ShapeError(msg)
    wrong = host[~(host >= 0) | (host == math.inf)]
    if wrong.size:
        msg = f"noise={float(wrong.flat[0])}: need finite standard deviations >= 0"
        raise ArgumentRangeError(msg)
    if not host.any():
        return None
    squares = host.reshape(-1, host.shape[-1] if host.ndim else 1) ** 2
    mean = (squares.sum(axis=1) * (n / squares.shape[1]) + squares[:, -1]) / (n + 1)
    space = gradient.space
    xp = space.xp
    rows, last = (xp.zeros_like(gradient.norms) + space.asarray(x**0.5) for x in (mean, squares[:, -1]))
    rounding = 2 * gradient.roundoff / (12 * (n + 1)) ** 0.5
    rows = xp.take(xp.maximum(rows, rounding * gradient.norms), gradient.live, axis=0)
    return rows, float(xp.sqrt(xp.mean((xp.take(last, gradient.live) / rows) ** 2)))

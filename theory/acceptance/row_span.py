"""Enters: masks and residual limits of a gradient. Leaves: how likely its rows let a wrong sample pass.

The part (d) of `theory.acceptance.certificate`: each row of the gradient lies in the span of the samples
active on it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.binomial import log_binomial_coefficient
from theory.numerics.checks import FloatArray, ParameterError, check_integer, check_real, check_scalar_real
from theory.numerics.logmath import as_output, log_betainc

BoolArray = npt.NDArray[np.bool_]
_LOUD = -1e300  # log of a probability that counts as zero and may still be added up


def log_within_span(
    limit: npt.ArrayLike, dimension: npt.ArrayLike, ambient: npt.ArrayLike
) -> float | FloatArray:
    """Log of the probability that a vector of any direction alike is near a given subspace.

    Parameters
    ----------
    limit : array_like
        Distance >= 0 relative to the norm of the vector.
    dimension, ambient : array_like of int
        Dimensions k of the subspace and d >= k of the space, d >= 1.

    Returns
    -------
    float or ndarray
        Log of I_{limit²}((d - k)/2, k/2), the regularised incomplete beta function, also where it underflows.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(math.exp(log_within_span(0.6, 1, 3)), 12)  # 1 - sqrt(1 - 0.6²)
    0.2
    """
    r = np.minimum(check_real("limit", limit, 0, math.inf), 1.0)
    d = check_integer("ambient", ambient, 1)
    k = check_integer("dimension", dimension, 0)
    r, d, k = np.broadcast_arrays(r, d, k)
    if (k > d).any():
        raise ParameterError(f"dimension={k[k > d].flat[0]} is out of range: need an integer in [0, ambient]")
    inside = (k > 0) & (k < d) & (r < 1)
    log_inside = log_betainc(np.where(inside, d - k, 1) / 2, np.where(inside, k, 1) / 2, r * r)
    return as_output(np.where(inside, log_inside, np.where((k == d) | (r >= 1), 0.0, -np.inf)))


def log_span_acceptance(
    active: npt.ArrayLike,
    possible: npt.ArrayLike,
    limits: npt.ArrayLike,
    deviation: float = 1.0,
    flips: npt.ArrayLike = 0,
) -> FloatArray:
    """Log of a bound on the probability that the rows of a gradient let a wrong sample pass, for each sample.

    Parameters
    ----------
    active : array_like of bool, shape (m, b)
        Rows that are judged and on which a sample is active for sure.
    possible : array_like of bool, shape (m, b)
        Rows on which a sample may be active.
    limits : array_like, shape (m,)
        Distance from the span of the samples that may be active, relative to its norm, that a row may have.
    deviation : float
        In (0, 1]: the part of a wrong sample, relative to its norm, that another one contributes.
    flips : array_like of int, shape (b,) or ()
        Rows of a sample that may fail.

    Returns
    -------
    ndarray, shape (b,)
        Sum over the other samples j, at most 1, of the probability that all rows but the flips on which the
        sample is active and j impossible pass; -inf for a batch of one.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    A row is a vector without preferred direction in the coordinates of the k samples that may be active on
    it, and exposes j unless the coordinate of the wrong sample is within limit/deviation: `log_within_span`
    of k - 1 dimensions in k, at least 1 in 2.  No search can choose these coefficients: nothing is conceded.

    Examples
    --------
    >>> active = np.eye(2, dtype=bool).repeat(10, axis=0)  # ten rows for each of two samples alone
    >>> (log_span_acceptance(active, active, [1e-3] * 20, 0.1) / math.log(10)).round().tolist()
    [-22.0, -22.0]
    """
    sure, maybe = _check_pattern("active", active), _check_pattern("possible", possible)
    if sure.shape != maybe.shape:
        raise ParameterError(
            f"possible has shape {maybe.shape}, out of range: need that of active, {sure.shape}"
        )
    m, b = sure.shape
    limit = check_real("limits", limits, 0, math.inf)
    if limit.shape != (m,):
        raise ParameterError(f"limits has shape {limit.shape}, out of range: need ({m},)")
    share = check_scalar_real("deviation", deviation, 0, 1, include_low=False)
    excused = np.broadcast_to(check_integer("flips", flips, 0), (b,))
    dimension = np.maximum(maybe.sum(axis=1), 2)
    log_pass = np.asarray(log_within_span(limit / share, dimension - 1, dimension))
    log_pass = np.maximum(log_pass, _LOUD)[:, None] * (sure & maybe)
    # The rows that speak loudest are those that are excused.
    loudest = np.sort(log_pass, axis=0)
    forgiven = np.array([loudest[:count, j].sum() for j, count in enumerate(excused)])
    exposing = (sure & maybe).T.astype(float) @ ~maybe
    choices = np.where(excused > 0, log_binomial_coefficient(exposing.T + excused, excused), 0.0).T
    pairs = np.minimum(choices + log_pass.T @ ~maybe - forgiven[:, None], 0.0)
    pairs[range(b), range(b)] = -np.inf
    return np.asarray(np.minimum(special.logsumexp(pairs, axis=1), 0.0))


def _check_pattern(name: str, value: npt.ArrayLike) -> BoolArray:
    pattern = np.asarray(value)
    if pattern.dtype != np.bool_ or pattern.ndim != 2:
        raise ParameterError(
            f"{name} has {pattern.dtype} of shape {pattern.shape}: need bool of shape (m, b)"
        )
    return pattern

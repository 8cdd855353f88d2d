"""Batch size and width in, probability of failure whatever the budget out.

A column cannot be found, however many samples are drawn, if it has fewer than b - 1 zeros (or fewer than the
threshold asks for), or if its zero rows do not determine it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.batch.budget import least_zero_count
from theory.numerics.binomial import log_binom_cdf, log_binom_pmf, tail_reach
from theory.numerics.checks import FloatArray, IntArray, check_batch_size, check_probability, check_width
from theory.numerics.logmath import as_output
from theory.patterns.rank_failure import log_column_failure


def log_column_never_found(
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    *,
    p: npt.ArrayLike = 0.5,
    threshold: npt.ArrayLike | None = None,
    false_rejection: npt.ArrayLike | None = None,
) -> float | FloatArray:
    """Log of the probability that one given direction can never be found (iid tier).

    Parameters
    ----------
    batch_size, width, p, threshold, false_rejection
        As in `theory.success_probability`.

    Returns
    -------
    float or ndarray
        Log of ``P(z < c) + Σ_{z >= c} Bin(z; m, p) (1 - K(z, n))``, c the least zero count that is accepted.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    As exact as `column_failure` of `theory.patterns.rank_failure`.  To leading order
    ``P(z < c) + n (1 - p (1 - p))^m``: some other column has no nonzero where this one is zero.

    Examples
    --------
    >>> [round(math.exp(log_column_never_found(6, m)), 4) for m in (12, 16, 24)]
    [0.2893, 0.0864, 0.0063]
    """
    b = check_batch_size(batch_size)
    m = check_width(width, b)
    zero = check_probability(p)
    least = least_zero_count(b, m, zero, threshold, false_rejection)
    b, m, zero, least = np.broadcast_arrays(b, m, zero, least)
    cells = np.stack([m.ravel(), b.ravel(), least.ravel()])
    flat, out = zero.ravel(), np.empty(b.size)
    _, group = np.unique(np.stack([cells[0].astype(np.float64), flat]), axis=1, return_inverse=True)
    for number in range(int(group.max(initial=-1)) + 1):
        index = np.flatnonzero(group == number)
        out[index] = _never(int(cells[0, index[0]]), float(flat[index[0]]), cells[1, index], cells[2, index])
    return as_output(out.reshape(b.shape))


def _never(width: int, p: float, batch_size: IntArray, least: IntArray) -> FloatArray:
    """Log failure at one width and p for 1-d arrays of batch sizes and least zero counts."""
    # The sum is dominated by n p^z Bin(z; m, p): a binomial law of smaller success probability, or by its
    # lower end.
    tilted = p * p / (1 - p + p * p)
    reach = float(tail_reach(width * tilted * (1 - tilted)))
    peak = width * tilted
    first = max(int(least.min()), math.floor(peak - reach))
    last = min(width, math.ceil(max(peak, float(least.max())) + reach))
    short = np.asarray(log_binom_cdf(least - 1, width, p))
    if last < first:
        return short
    z = np.arange(first, last + 1)
    log_terms = log_binom_pmf(z, width, p) + log_column_failure(z, batch_size[:, None] - 1, p)
    log_terms = np.where(z >= least[:, None], log_terms, -np.inf)
    return np.asarray(np.minimum(np.logaddexp(short, special.logsumexp(log_terms, axis=1)), 0.0))


def unlimited_success(
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    *,
    p: npt.ArrayLike = 0.5,
    threshold: npt.ArrayLike | None = None,
    false_rejection: npt.ArrayLike | None = None,
) -> float | FloatArray:
    """Probability that all directions can be found with an unlimited budget (iid tier).

    Parameters
    ----------
    batch_size, width, p, threshold, false_rejection
        As in `theory.success_probability`.

    Returns
    -------
    float or ndarray
        ``(1 - f)^b`` with f the probability for one column; see `unlimited_success_bounds` for rigorous
        limits.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(unlimited_success(20, 69), 3)
    0.999
    """
    b = check_batch_size(batch_size)
    never = np.exp(
        log_column_never_found(b, width, p=p, threshold=threshold, false_rejection=false_rejection)
    )
    with np.errstate(divide="ignore"):
        return as_output(np.exp(b * np.log1p(-never)))


def unlimited_success_bounds(
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    *,
    p: npt.ArrayLike = 0.5,
    threshold: npt.ArrayLike | None = None,
    false_rejection: npt.ArrayLike | None = None,
) -> tuple[float | FloatArray, float | FloatArray]:
    """Rigorous lower and upper bounds on `unlimited_success`.

    Returns
    -------
    lower, upper : float or ndarray
        Union over columns, and the probability that every column has enough zeros (zero counts are
        independent).

    Examples
    --------
    >>> lower, upper = unlimited_success_bounds(20, 60)
    >>> lower < unlimited_success(20, 60) < upper
    True
    """
    b = check_batch_size(batch_size)
    m = check_width(width, b)
    zero = check_probability(p)
    least = least_zero_count(b, m, zero, threshold, false_rejection)
    never = np.exp(log_column_never_found(b, m, p=zero, threshold=threshold, false_rejection=false_rejection))
    short = np.exp(log_binom_cdf(least - 1, m, zero))
    with np.errstate(divide="ignore"):
        upper = np.exp(b * np.log1p(-np.minimum(short, 1.0)))
    return as_output(np.maximum(0.0, 1.0 - b * never)), as_output(upper)

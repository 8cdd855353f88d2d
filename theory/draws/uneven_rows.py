"""Rows that are not all alike enter; what they change about one sample leaves: log probabilities and factors.

Rows of unequal zero probability, rows that are zero for every sample, rows that are active for every sample.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.binomial import log_binomial_coefficient, tail_reach
from theory.numerics.checks import (
    FloatArray,
    ParameterError,
    check_batch_size,
    check_real,
    check_scalar_integer,
    check_scalar_probability,
)
from theory.numerics.logmath import LOG_TINY, as_output, log1mexp


def log_zero_given_rows(row_probability: npt.ArrayLike, rows_drawn: int) -> float:
    """Log of the probability that a sample is zero in a column whose rows have unequal zero probabilities.

    Parameters
    ----------
    row_probability : array_like, shape (m,)
        Zero probability of the column in each row, in [0, 1].
    rows_drawn : int
        n = b - 1, in [0, m].

    Returns
    -------
    float
        Log of e_n(π) / C(m, n), with e_n the elementary symmetric polynomial; -inf if fewer than n rows can
        be zero.

    Raises
    ------
    ParameterError
        If a probability is outside [0, 1] or `rows_drawn` outside [0, m].

    Notes
    -----
    Including row j with odds θ π_j, for any θ > 0, makes the number of included rows Poisson-binomial, and
    e_n is the product of all 1 + θ π_j times θ^-n times the probability of exactly n.  With θ such that n is
    the mean, a short Fourier sum yields that probability to rounding: O(number of distinct π) instead of O(m
    n).  For a small spread the result is near mean(π)^n exp(-n (n-1) CV² / (2 (m-1))).

    Examples
    --------
    >>> round(math.exp(log_zero_given_rows([0.2, 0.5, 0.8], 2)), 12)  # (.1 + .16 + .4) / 3
    0.22
    """
    rows = np.atleast_1d(check_real("row_probability", row_probability, 0, 1))
    if rows.ndim != 1:
        raise ParameterError(f"row_probability has shape {rows.shape}, out of range: need one dimension")
    n = check_scalar_integer("rows_drawn", rows_drawn, 0, rows.size)
    values, weights = np.unique(rows[rows > 0], return_counts=True)
    possible = int(weights.sum())
    log_subsets = float(log_binomial_coefficient(rows.size, n))
    if possible < n:
        return -math.inf
    if n == 0:
        return 0.0
    if possible == n:
        return float((weights * np.log(values)).sum()) - log_subsets
    log_odds = np.log(values)
    tilt = _tilt_to_mean(log_odds, weights, n)
    included = special.expit(log_odds + tilt)
    log_product = float((weights * np.logaddexp(0.0, log_odds + tilt)).sum())
    return log_product - n * tilt + _log_exactly(included, weights, n) - log_subsets


def _tilt_to_mean(log_odds: FloatArray, weights: npt.NDArray[np.int64], n: int) -> float:
    """Shift of all log odds that makes n the expected number of included rows; near enough is good enough."""
    even = math.log(n / (weights.sum() - n))
    low, high = even - float(log_odds.max()), even - float(log_odds.min())
    tilt = 0.5 * (low + high)
    for _ in range(100):
        included = special.expit(log_odds + tilt)
        variance = float((weights * included * (1 - included)).sum())
        short = n - float((weights * included).sum())
        if abs(short) < 1e-3 * math.sqrt(variance):
            break
        low, high = (tilt, high) if short > 0 else (low, tilt)
        newton = tilt + short / max(variance, 1e-300)
        tilt = newton if low < newton < high else 0.5 * (low + high)
    return tilt


def _log_exactly(included: FloatArray, weights: npt.NDArray[np.int64], n: int) -> float:
    """Log of the probability that a Poisson-binomial variable with mean near n equals n."""
    variance = float((weights * included * (1 - included)).sum())
    # Values a full period apart alias, so the period must be as wide as the law.
    period = min(int(weights.sum()) + 1, math.ceil(float(tail_reach(variance))) + 2)
    total = 1.0  # frequency 0
    for k in range(1, period // 2 + 1):
        angle = 2 * math.pi * k / period
        if variance * (1 - math.cos(angle)) > LOG_TINY:  # bounds the modulus of everything that follows
            break
        turn = complex(math.cos(angle) - 1.0, math.sin(angle))
        characteristic = np.exp((weights * np.log1p(included * turn)).sum() - 1j * angle * n)
        total += (1.0 if 2 * k == period else 2.0) * float(characteristic.real)
    return math.log(total / period)


def log_dead_row_gain(batch_size: npt.ArrayLike, p: float = 0.5) -> float | FloatArray:
    """Log of the factor by which q1 grows when rows of D without any nonzero are dropped first.

    Parameters
    ----------
    batch_size : array_like of int
        b >= 2.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float or ndarray
        ``-n log(1 - p^b)``, n = b - 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Such rows are zero rows of the gradient: visible, and useless in a sample.  The useful event needs n live
    rows, so its probability given that all drawn rows are live is q1 / (1 - p^b)^n.

    Examples
    --------
    >>> round(log_dead_row_gain(2), 6)  # 1 / (3/4)
    0.287682
    """
    b = check_batch_size(batch_size)
    return as_output(-(b - 1) * log1mexp(-b * math.log(check_scalar_probability(p))))


def log_active_row_loss(batch_size: npt.ArrayLike, active_share: npt.ArrayLike) -> float | FloatArray:
    """Log of the factor by which q1 falls when a share of the rows is active for every sample.

    Parameters
    ----------
    batch_size : array_like of int
        b >= 2.
    active_share : array_like
        Share δ of rows without any zero, in [0, 1).

    Returns
    -------
    float or ndarray
        ``n log(1 - δ)``, n = b - 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(log_active_row_loss(11, 0.5) / math.log(2), 12)
    -10.0
    """
    share = check_real("active_share", active_share, 0, 1, include_high=False)
    return as_output((check_batch_size(batch_size) - 1) * np.log1p(-share))

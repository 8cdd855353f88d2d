"""Binomial counts in, log probabilities out: coefficients, random subsets, point probabilities and tails.

As accurate as `theory.numerics.logmath`, also where the probability itself underflows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.checks import FloatArray
from theory.numerics.logmath import FLOAT_FLOOR, LOG_TINY, stirling_remainder


def log_binomial_coefficient(n: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray:
    """Log of C(n, k); -inf outside ``0 <= k <= n``.

    Examples
    --------
    >>> round(float(np.exp(log_binomial_coefficient(10, 3))), 9)
    120.0
    """
    n, k = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(k, np.float64))
    inside = (k >= 0) & (k <= n)
    k = np.where(inside, k, 0.0)
    top = np.where(inside, n, 0.0)
    return np.where(inside, -special.betaln(top - k + 1.0, k + 1.0) - np.log1p(top), -np.inf)


def log_zero_subset(z: npt.ArrayLike, n: npt.ArrayLike, m: npt.ArrayLike) -> FloatArray:
    """Log of C(z, n) / C(m, n): a uniform n-subset of m rows falls inside z given ones.

    Parameters
    ----------
    z, n, m : array_like
        Counts with ``0 <= z <= m`` and ``0 <= n <= m``; they broadcast.

    Returns
    -------
    ndarray of float64
        -inf where ``z < n``.

    Notes
    -----
    The four Stirling main terms are combined by hand into ``log1p`` terms of the size of the answer, and
    only the remainders (below 1/12) are subtracted: the error is that of the answer's own rounding.

    Examples
    --------
    >>> round(float(np.exp(log_zero_subset(3, 2, 5))), 12)
    0.3
    """
    z, n, m = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (z, n, m)))
    inside = z >= n
    z1 = np.where(inside, z, m) + 1.0
    m1 = m + 1.0
    main = (
        n * np.log(z1 / m1)
        - (z1 - n - 0.5) * np.log1p(-n / z1)
        + (m1 - n - 0.5) * np.log1p(-n / m1)
        + (stirling_remainder(z1) - stirling_remainder(z1 - n))
        + (stirling_remainder(m1 - n) - stirling_remainder(m1))
    )
    return np.where(inside, main, -np.inf)


def log_binom_pmf(k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> FloatArray:
    """Log of the binomial probability of exactly `k` successes in `n` trials; -inf outside ``0 <= k <= n``.

    Notes
    -----
    The saddle-point form of C. Loader, "Fast and accurate computation of binomial probabilities" (2000):
    deviances from the mean instead of a difference of large logarithms.

    Examples
    --------
    >>> round(float(np.exp(log_binom_pmf(2, 4, 0.5))), 12)
    0.375
    """
    k, n, p = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (k, n, p)))
    inner = (k > 0) & (k < n)
    j = np.where(inner, k, 1.0)
    rest = np.where(inner, n - k, 1.0)
    total = j + rest

    def deviance(count: FloatArray, mean: FloatArray) -> FloatArray:
        # count log(count/mean) + mean - count, exact to the rounding of its first-order part
        excess = (count - mean) / mean
        return mean * ((1.0 + excess) * np.log1p(excess) - excess)

    core = (
        stirling_remainder(total)
        - stirling_remainder(j)
        - stirling_remainder(rest)
        - deviance(j, total * p)
        - deviance(rest, total * (1.0 - p))
        - 0.5 * np.log(2 * math.pi * j * rest / total)
    )
    edges = np.where(k == 0, n * np.log1p(-p), np.where(k == n, n * np.log(p), -np.inf))
    return np.where(inner, core, edges)


def tail_reach(variance: npt.ArrayLike) -> FloatArray:
    """Distance from the mean beyond which a sum of independent 0-1 variables has probability below e^-42.

    Notes
    -----
    Bernstein's inequality, solved for the distance, for either tail.

    Examples
    --------
    >>> float(tail_reach(0.0))
    28.0
    """
    third = LOG_TINY / 3
    return np.asarray(third + np.sqrt(third**2 + 2 * np.asarray(variance, np.float64) * LOG_TINY))


def binom_cdf(k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> FloatArray:
    """P(Bin(n, p) <= k) for integers `k` of either sign.

    Examples
    --------
    >>> float(binom_cdf(0, 2, 0.5))
    0.25
    """
    k, n, p = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (k, n, p)))
    inside = (k >= 0) & (k < n)
    j = np.where(inside, k, 0.0)
    total = np.where(inside, n, 1.0)
    return np.where(inside, special.betainc(total - j, j + 1.0, 1.0 - p), np.where(k < 0, 0.0, 1.0))


def binom_sf(k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> FloatArray:
    """P(Bin(n, p) > k) for integers `k` of either sign, with full relative accuracy in the upper tail.

    Examples
    --------
    >>> float(binom_sf(1, 2, 0.5))
    0.25
    """
    k, n, p = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (k, n, p)))
    inside = (k >= 0) & (k < n)
    j = np.where(inside, k, 0.0)
    total = np.where(inside, n, 1.0)
    return np.where(inside, special.betainc(j + 1.0, total - j, p), np.where(k < 0, 1.0, 0.0))


def log_binom_cdf(k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> FloatArray:
    """Log of P(Bin(n, p) <= k), also where the probability itself underflows.

    Examples
    --------
    >>> round(float(log_binom_cdf(0, 10**6, 0.5)) / math.log(2))
    -1000000
    """
    k, n, p = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (k, n, p)))
    direct = np.asarray(binom_cdf(k, n, p))
    deep = (direct < FLOAT_FLOOR) & (k >= 0)
    with np.errstate(divide="ignore"):
        out = np.asarray(np.log(direct))
    if deep.any():
        # So far below the mean the terms k, k-1, ... fall geometrically: sum them relative to the largest.
        j, odds, top = k[deep], (1.0 - p[deep]) / p[deep], n[deep]
        total = np.ones_like(j)
        term = np.ones_like(j)
        step = 0
        while np.any(term > 1e-17 * total):
            term = term * np.maximum(j - step, 0.0) / (top - j + step + 1.0) * odds
            total += term
            step += 1
        out[deep] = log_binom_pmf(j, top, p[deep]) + np.log(total)
    return out


def log_binom_sf(k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> FloatArray:
    """Log of P(Bin(n, p) > k), also where the probability itself underflows."""
    n = np.asarray(n, np.float64)
    return log_binom_cdf(n - np.asarray(k, np.float64) - 1.0, n, 1.0 - np.asarray(p, np.float64))

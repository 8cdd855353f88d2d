"""Logarithms of probabilities that floats cannot hold: elementary functions that all else is built from.

Probabilities of a successful sample fall below the smallest float long before the batch sizes of interest
end, so the package adds logarithms.  Each function here keeps an absolute error of about 1e-12 in the
logarithm for counts up to 10^6, where three calls of ``gammaln`` would already lose 3e-9.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.checks import FloatArray

LN2 = math.log(2.0)
LOG_TINY = 42.0  # e^-42 is below the rounding of any double next to 1
FLOAT_FLOOR = 1e-280  # below this `betainc` loses digits, then underflows


def as_output(values: npt.ArrayLike) -> float | FloatArray:
    """Return a Python float for a 0-d array, and the array itself otherwise."""
    array = np.asarray(values, np.float64)
    return float(array) if array.ndim == 0 else array


def log1mexp(x: npt.ArrayLike) -> FloatArray:
    """Log of ``1 - exp(-x)`` for ``x >= 0`` without cancellation.

    Parameters
    ----------
    x : array_like
        Nonnegative numbers; 0 gives -inf.

    Returns
    -------
    ndarray of float64

    Notes
    -----
    Uses ``log1p`` above ln 2 and ``expm1`` below, the switch of M. Mächler, "Accurately computing
    log(1 - exp(-|a|))" (2012).

    Examples
    --------
    >>> float(log1mexp(1e-30))
    -69.07755278982137
    """
    x = np.asarray(x, np.float64)
    with np.errstate(divide="ignore"):
        below, above = np.log(-np.expm1(-np.minimum(x, LN2))), np.log1p(-np.exp(-np.maximum(x, LN2)))
    return np.asarray(np.where(x > LN2, above, below))


def log_hit(log_mean: npt.ArrayLike) -> FloatArray:
    """Log of ``1 - exp(-exp(log_mean))``: at least one event of a Poisson process, from the log of its mean.

    Examples
    --------
    >>> float(log_hit(-5000.0))
    -5000.0
    """
    log_mean = np.asarray(log_mean, np.float64)
    rare = log_mean < -40.0  # there 1 - exp(-t) = t to the last digit, even where t underflows
    return np.where(rare, log_mean, log1mexp(np.exp(np.clip(log_mean, -40.0, 700.0))))


def stirling_remainder(x: npt.ArrayLike) -> FloatArray:
    """Difference between ``log Γ(x)`` and ``(x - 1/2) log x - x + log(2π)/2`` for ``x >= 1``.

    Notes
    -----
    From x = 10 on by the asymptotic series (its first neglected term is below 1e-14), below by subtraction.
    """
    x = np.asarray(x, np.float64)
    square = 1.0 / (x * x)
    out = np.asarray(
        (
            1 / 12
            - square
            * (
                1 / 360
                - square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188 - square * 691 / 360360)))
            )
        )
        / x
    )
    small = x < 10.0
    if small.any():
        y = x[small]
        out[small] = special.gammaln(y) - (y - 0.5) * np.log(y) + y - 0.5 * math.log(2 * math.pi)
    return out


def log_betainc(a: npt.ArrayLike, b: npt.ArrayLike, x: npt.ArrayLike) -> FloatArray:
    """Log of the regularised incomplete beta function I_x(a, b), also where it underflows; a, b > 0.

    Examples
    --------
    >>> round(float(log_betainc(500.0, 1.0, 1e-3)) / math.log(10), 9)
    -1500.0
    """
    a, b, x = (np.asarray(v, np.float64) for v in np.broadcast_arrays(a, b, x))
    with np.errstate(divide="ignore"):
        out = np.asarray(np.log(special.betainc(a, b, x)))
        deep = (out < math.log(FLOAT_FLOOR)) & (x > 0)
    if deep.any():
        a, b, x = a[deep], b[deep], x[deep]
        lead = a * np.log(x) + b * np.log1p(-x) - np.log(a) - special.betaln(a, b)
        out[deep] = lead + np.log(_series(lambda n: x * (a + b + n) / (a + 1 + n)))
    return out


def log_gammainc(a: npt.ArrayLike, x: npt.ArrayLike) -> FloatArray:
    """Log of the regularised lower incomplete gamma function P(a, x), also where it underflows; a > 0.

    Examples
    --------
    >>> round(float(log_gammainc(500.0, 1e-3)))
    -6065
    """
    a, x = (np.asarray(v, np.float64) for v in np.broadcast_arrays(a, x))
    with np.errstate(divide="ignore"):
        out = np.asarray(np.log(special.gammainc(a, x)))
        deep = (out < math.log(FLOAT_FLOOR)) & (x > 0)
    if deep.any():
        a, x = a[deep], x[deep]
        lead = a * np.log(x) - x - special.gammaln(a + 1)
        out[deep] = lead + np.log(_series(lambda n: x / (a + 1 + n)))
    return out


def _series(ratio: Callable[[int], FloatArray]) -> FloatArray:
    """Sum of positive terms from 1 on, each the one before times a ratio that falls below 1."""
    total = term = np.ones_like(ratio(0))
    n = 0
    while np.any(term > 1e-17 * total):
        term = term * ratio(n)
        total, n = total + term, n + 1
    return total

"""Error rate in, zero-count threshold out.

A candidate direction v is accepted if L v is zero in at least `minimum` of the m rows.  The column of D that
a true direction reveals has Bin(m, p) zeros; what else may pass is the subject of
`theory.acceptance.mixtures`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.binomial import binom_cdf, log_binomial_coefficient
from theory.numerics.checks import (
    FloatArray,
    IntArray,
    check_probability,
    check_real,
    check_scalar_probability,
    check_scalar_width,
    check_width,
)
from theory.numerics.logmath import as_output


def _largest(passes: Callable[[IntArray], npt.NDArray[np.bool_]], low: IntArray, high: IntArray) -> IntArray:
    """Largest integer of each interval that passes, by bisection; `low` passes, and passing is monotone."""
    low, high = low.copy(), high + 1  # `high` is now known, or taken, to fail
    while np.any(high - low > 1):
        middle = (low + high) // 2
        good = passes(middle)
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return low


def minimum_zero_count(
    width: npt.ArrayLike, false_rejection: npt.ArrayLike = 1e-9, p: npt.ArrayLike = 0.5
) -> int | IntArray:
    """Largest threshold that rejects a true direction with at most a given probability.

    Parameters
    ----------
    width : array_like of int
        Rows m >= 1.
    false_rejection : array_like
        Probability, in (0, 1), that a true column has fewer zeros than the threshold.
    p : array_like
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    int or ndarray of int
        The largest c with P(Bin(m, p) < c) <= false_rejection.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> minimum_zero_count([200, 400, 1000]).tolist()
    [58, 140, 405]
    """
    m, rejection, zero = np.broadcast_arrays(
        check_width(width), check_probability(false_rejection, "false_rejection"), check_probability(p)
    )
    # c itself need not be plausible: P(Bin < 0) = 0 always passes, P(Bin < m + 1) = 1 never does.
    count = _largest(lambda c: binom_cdf(c - 1, m, zero) <= rejection, np.zeros_like(m), m.copy())
    return int(count) if count.ndim == 0 else count


def minimum_zero_count_uneven(width: int, alpha: float, beta: float, false_rejection: float = 1e-9) -> int:
    """Threshold of `minimum_zero_count` when zero probabilities vary from column to column.

    Parameters
    ----------
    width : int
        Rows m >= 1.
    alpha, beta : float
        Parameters > 0 of the beta law of the columns' zero probabilities.
    false_rejection : float
        In (0, 1).

    Returns
    -------
    int
        The largest c with P(BetaBinomial(m, alpha, beta) < c) <= false_rejection.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> minimum_zero_count_uneven(200, 50.0, 50.0) < minimum_zero_count(200)
    True
    """
    m = check_scalar_width(width)
    rejection = check_scalar_probability(false_rejection, "false_rejection")
    a, b = (
        float(
            check_real(name, value, 0, math.inf, include_low=False, include_high=False, need="a number > 0")
        )
        for name, value in (("alpha", alpha), ("beta", beta))
    )
    z = np.arange(m + 1)
    log_pmf = log_binomial_coefficient(m, z) + special.betaln(z + a, m - z + b) - special.betaln(a, b)
    return int(np.searchsorted(np.cumsum(np.exp(log_pmf)), rejection, side="right"))


def observed_zero_probability(
    p: npt.ArrayLike, pass_zero: npt.ArrayLike, pass_nonzero: npt.ArrayLike
) -> float | FloatArray:
    """Probability that a row of a true direction passes a noisy zero test.

    Parameters
    ----------
    p : array_like
        Probability of a zero entry, in (0, 1).
    pass_zero, pass_nonzero : array_like
        Probabilities, in [0, 1], that a zero or a nonzero row passes the tolerance.

    Returns
    -------
    float or ndarray
        ``p π0 + (1 - p) π1``: the zero probability to hand to the other functions of this module.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> observed_zero_probability(0.5, 1.0, 0.0)
    0.5
    """
    zero = check_probability(p)
    passed = check_real("pass_zero", pass_zero, 0, 1), check_real("pass_nonzero", pass_nonzero, 0, 1)
    return as_output(zero * passed[0] + (1 - zero) * passed[1])

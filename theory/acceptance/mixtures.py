"""Threshold in, probability that a wrong direction passes it out; and the width that tells right from wrong.

A kernel vector with k nonzero entries mixes k columns of D.  On the n = b - 1 sampled rows it is zero by
construction, elsewhere only where all k columns vanish: it shows n + Bin(m - n, p^k) zeros, k = 1 being
right.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.draws.threshold import minimum_zero_count
from theory.numerics.binomial import log_binom_sf, log_binomial_coefficient
from theory.numerics.checks import (
    FloatArray,
    IntArray,
    ParameterError,
    check_batch_size,
    check_count,
    check_integer,
    check_probability,
    check_scalar_batch_size,
    check_scalar_integer,
    check_scalar_probability,
    check_scalar_width,
    check_width,
)
from theory.numerics.logmath import as_output
from theory.patterns.rank_failure import kernel_support


def log_mixture_acceptance(
    minimum: npt.ArrayLike,
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    columns: npt.ArrayLike = 2,
    p: npt.ArrayLike = 0.5,
) -> float | FloatArray:
    """Log of the probability that a sampled mixture of several columns reaches the threshold.

    Parameters
    ----------
    minimum : array_like of int
        Threshold on the zero count over all rows, in [0, width].
    batch_size, width : array_like of int
        b >= 2 and m >= b - 1.
    columns : array_like of int
        Columns k >= 1 in the mixture; 1 is a true direction.
    p : array_like
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float or ndarray
        Log of P(n + Bin(m - n, p^k) >= minimum), n = b - 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    The n sampled rows are zero for every candidate and carry no information: thresholds on the other rows
    separate better.

    Examples
    --------
    >>> round(math.exp(log_mixture_acceptance(75, 24, 200)), 3)
    0.105
    """
    b = check_batch_size(batch_size)
    m = check_width(width, b)
    c = check_count("minimum", minimum, m, "width")
    k = check_integer("columns", columns, 1)
    return as_output(log_binom_sf(c - b, m - b + 1, check_probability(p) ** k))


def false_acceptance(minimum: int, batch_size: int, width: int, p: float = 0.5) -> float:
    """Probability that one sample yields a wrong direction that passes the threshold.

    Parameters
    ----------
    minimum, batch_size, width : int
        As in `log_mixture_acceptance`.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float
        Sum over k >= 2 of the kernel-support law times the acceptance of a k-column mixture.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> false_acceptance(58, 20, 200) < false_acceptance(30, 20, 200)
    True
    """
    b = check_scalar_batch_size(batch_size)
    k = np.arange(2, b + 1)
    accepted = np.exp(log_mixture_acceptance(minimum, b, width, k, p))
    return float((kernel_support(b, p).support[1:] * accepted).sum())


def false_acceptance_ever(minimum: int, batch_size: int, width: int, p: float = 0.5) -> float:
    """Bound on the expected number of mixtures in a batch that would pass, however many samples are drawn.

    Parameters
    ----------
    minimum, batch_size, width, p
        As in `false_acceptance`.

    Returns
    -------
    float
        Sum over k >= 2 of C(b, k) P(k - 1 + Bin(m, p^k) >= minimum), inf past the float range.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    A mixture of k columns can be made to vanish on k - 1 rows more than where all k vanish.

    Examples
    --------
    >>> false_acceptance_ever(405, 20, 1000) < 1e-4
    True
    """
    b = check_scalar_batch_size(batch_size)
    m = check_scalar_width(width, b)
    c = check_scalar_integer("minimum", minimum, 0, m)
    k = np.arange(2, b + 1)
    log_terms = log_binomial_coefficient(b, k) + log_binom_sf(c - k, m, check_scalar_probability(p) ** k)
    with np.errstate(over="ignore"):
        return float(np.exp(special.logsumexp(log_terms)))


def chernoff_information(first: npt.ArrayLike, second: npt.ArrayLike) -> float | FloatArray:
    """Rate at which rows tell two zero probabilities apart.

    Parameters
    ----------
    first, second : array_like
        Two different probabilities in (0, 1); p and p^2 for one column against two.

    Returns
    -------
    float or ndarray
        C such that the better of all tests errs with probability near exp(-m C).

    Raises
    ------
    ParameterError
        If a probability is out of range.

    Notes
    -----
    For Bernoulli laws the optimal tilt is explicit: the threshold fraction x at the same relative entropy
    from both.

    Examples
    --------
    >>> round(chernoff_information(0.5, 0.25), 5)
    0.03469
    """
    a, b = check_probability(first, "first"), check_probability(second, "second")
    drop = np.log1p(-b) - np.log1p(-a)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = drop / (np.log(a) - np.log(b) + drop)
        distance = x * np.log(x / a) + (1 - x) * np.log((1 - x) / (1 - a))
    return as_output(np.where(a == b, 0.0, distance))


def width_to_separate(
    batch_size: int,
    false_rejection: float,
    false_acceptance: float | None = None,
    p: float = 0.5,
    *,
    columns: int = 2,
) -> int:
    """Smallest width at which one threshold keeps true directions and rejects mixtures.

    Parameters
    ----------
    batch_size : int
        b >= 2.
    false_rejection : float
        Largest probability of losing a true direction, in (0, 1).
    false_acceptance : float, optional
        Largest probability of accepting a sampled mixture, in (0, 1); by default `false_rejection`.
    p : float
        Probability of a zero entry, in (0, 1).
    columns : int
        Columns in the mixture, >= 2.

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Near ``log(1 / ε) / chernoff_information(p, p^k)`` plus the b - 1 sampled rows.  Whether a width suffices
    flickers with the integer threshold: bisection finds the neighbourhood, a scan below it the smallest
    width.

    Examples
    --------
    >>> [width_to_separate(24, error) for error in (1e-3, 1e-6, 1e-9)]
    [252, 445, 643]
    """
    b = check_scalar_batch_size(batch_size)
    rejection = check_scalar_probability(false_rejection, "false_rejection")
    acceptance = (
        rejection
        if false_acceptance is None
        else check_scalar_probability(false_acceptance, "false_acceptance")
    )
    zero = check_scalar_probability(p)
    k = check_scalar_integer("columns", columns, 2)

    def suffices(widths: IntArray) -> npt.NDArray[np.bool_]:
        minimum = np.asarray(minimum_zero_count(widths, rejection, zero))
        return np.asarray(log_mixture_acceptance(minimum, b, widths, k, zero)) <= math.log(acceptance)

    low, high = b - 1, 2 * b
    while not suffices(np.array([high]))[0]:
        low, high = high, 2 * high
        if high > 10**9:
            raise ParameterError(f"p={zero:g} is out of range: need one that separates within 10^9 rows")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(np.array([middle]))[0] else (middle, high)
    nearby = np.arange(max(b - 1, high - 64 - high // 50), high + 1)
    return int(nearby[np.argmax(suffices(nearby))])

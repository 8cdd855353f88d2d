"""Log probability of each direction per sample in, number of samples until they are found out.

A sample yields direction i with probability q_i, directions exclude each other, samples are independent: a
coupon collector with a blank.  Letting samples arrive as a Poisson process makes directions independent
without changing any expectation; every formula here is in those terms, and in logarithms.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.binomial import tail_reach
from theory.numerics.checks import (
    FloatArray,
    ParameterError,
    check_batch_size,
    check_count,
    check_probability,
    check_real,
    check_scalar_integer,
    check_scalar_probability,
)
from theory.numerics.logmath import as_output, log_hit

_CHUNK = 64


def log_expected_draws_equal(
    log_rate: npt.ArrayLike, count: npt.ArrayLike, found: npt.ArrayLike | None = None
) -> float | FloatArray:
    """Log of the expected samples until `found` of `count` equally likely directions are found.

    Parameters
    ----------
    log_rate : array_like
        Log probability q1 of one direction per sample, <= 0.
    count : array_like of int
        Number of directions b >= 2.
    found : array_like of int, optional
        Directions wanted, in [1, count]; by default all.

    Returns
    -------
    float or ndarray
        Log of ``(H_b - H_{b-k}) / q1``.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(math.exp(log_expected_draws_equal(math.log(0.1), 3)), 9)  # (1 + 1/2 + 1/3) / 0.1
    18.333333333
    """
    b = check_batch_size(count)
    k = b if found is None else check_count("found", found, b, "count")
    rate = check_real("log_rate", log_rate, -math.inf, 0)
    with np.errstate(divide="ignore"):
        return as_output(np.log(special.digamma(b + 1.0) - special.digamma(b - k + 1.0)) - rate)


def log_draws_quantile_equal(
    log_rate: npt.ArrayLike,
    count: npt.ArrayLike,
    probability: npt.ArrayLike,
    found: npt.ArrayLike | None = None,
) -> float | FloatArray:
    """Log of the samples by which `found` of `count` equally likely directions are found with a probability.

    Parameters
    ----------
    log_rate, count, found
        As in `log_expected_draws_equal`.
    probability : array_like
        In (0, 1).

    Returns
    -------
    float or ndarray
        For all directions, log of ``-log(1 - u^(1/b)) / q1``.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    The number found by Poisson time t is binomial with parameter 1 - exp(-q1 t): invert its beta form.

    Examples
    --------
    >>> round(math.exp(log_draws_quantile_equal(math.log(0.1), 2, 0.25)), 9)  # 10 ln 2
    6.931471806
    """
    b = check_batch_size(count)
    u = check_probability(probability, "probability")
    rate = check_real("log_rate", log_rate, -math.inf, 0)
    if found is None:
        missed = -np.expm1(np.log(u) / b)
    else:
        k = check_count("found", found, b, "count")
        missed = special.betaincinv(b - k + 1.0, np.maximum(k, 1), 1.0 - u)
        missed = np.where(k == 0, 1.0, missed)
    with np.errstate(divide="ignore"):
        return as_output(np.log(-np.log(missed)) - rate)


def _check_rates(log_rates: npt.ArrayLike) -> FloatArray:
    rates = check_real("log_rates", log_rates, -math.inf, 0)
    if rates.ndim != 1 or rates.size == 0:
        raise ParameterError(f"log_rates has shape {rates.shape}, out of range: need one nonempty dimension")
    return rates


def _short_of(log_rates: FloatArray, log_time: FloatArray, found: int) -> FloatArray:
    """Probability that fewer than `found` directions have been found by each Poisson time."""
    out = np.empty(log_time.size)
    for start in range(0, log_time.size, _CHUNK):
        piece = slice(start, start + _CHUNK)
        log_hits = log_hit(log_time[piece, None] + log_rates)
        if found == log_rates.size:
            out[piece] = -np.expm1(log_hits.sum(axis=1))
        else:
            out[piece] = _fewer_successes(np.exp(log_hits), found)
    return out


def _fewer_successes(hits: FloatArray, found: int) -> FloatArray:
    """Probability of fewer than `found` successes among independent trials, for each row of probabilities."""
    mean = hits.sum(axis=1)
    variance = (hits * (1.0 - hits)).sum(axis=1)
    reach = tail_reach(variance)
    out = np.where(mean < found, 1.0, 0.0)  # to rounding, by Bernstein, unless the mean is near
    near = np.abs(mean - found) < reach + 1.0
    law = np.zeros((int(near.sum()), found))  # number of successes so far, below `found`
    law[:, 0] = 1.0
    for hit in hits[near].T[:, :, None]:
        law[:, 1:] += hit * (law[:, :-1] - law[:, 1:])
        law[:, :1] *= 1.0 - hit
    out[near] = law.sum(axis=1)
    return out


def log_expected_draws(log_rates: npt.ArrayLike, found: int | None = None) -> float:
    """Log of the expected samples until `found` directions of unequal probability are found.

    Parameters
    ----------
    log_rates : array_like, shape (b,)
        Log probability of each direction per sample, <= 0; -inf for one that cannot be found.
    found : int, optional
        Directions wanted, in [1, b]; by default all.

    Returns
    -------
    float
        inf if fewer than `found` directions can be found.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Exact up to quadrature error near rounding: E[T_k] is the integral over Poisson time of the probability
    of fewer than k found, taken in log time by the trapezoid rule.  Inclusion-exclusion cancels beyond
    twenty directions.

    Examples
    --------
    >>> round(math.exp(log_expected_draws(np.log([0.1, 0.2]))), 9)  # 10 + 5 - 1/0.3
    11.666666667
    """
    rates = _check_rates(log_rates)
    k = rates.size if found is None else check_scalar_integer("found", found, 1, rates.size)
    slowest = float(np.sort(rates)[rates.size - k])
    if slowest == -math.inf:
        return math.inf
    # Before `low` the integral is below e^-45 b of the whole; after `high` the probability is below e^-60.
    low = -slowest - 45.0
    high = -slowest + math.log(60.0 + math.log(rates.size))
    # The last direction's log time spreads like a Gumbel variable, that of the k-th of many like a Gaussian
    # of deviation 1/√k: the trapezoid rule needs a few steps per deviation to be exact to rounding.
    per_unit = 8.0 if k == rates.size else 8.0 + 2.0 * math.sqrt(k)
    steps = math.ceil((high - low) * per_unit)
    log_time = np.linspace(low, high, steps + 1)
    with np.errstate(divide="ignore"):
        integrand = np.log(_short_of(rates, log_time, k)) + log_time
    return float(special.logsumexp(integrand)) + math.log((high - low) / steps)


def log_coverage(log_rates: npt.ArrayLike, log_draws: npt.ArrayLike) -> float | FloatArray:
    """Log of the probability that all directions are found within given numbers of samples.

    Parameters
    ----------
    log_rates : array_like, shape (b,)
        As in `log_expected_draws`.
    log_draws : array_like
        Log of the number of samples.

    Returns
    -------
    float or ndarray
        Log of the product of ``1 - exp(-q_i t)``; see `coverage_error` for its error.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(math.exp(log_coverage(np.log([0.1, 0.1]), math.log(10 * math.log(2)))), 9)
    0.25
    """
    rates = _check_rates(log_rates)
    draws = check_real("log_draws", log_draws, -math.inf, math.inf)
    return as_output(log_hit(draws[..., None] + rates).sum(axis=-1))


def coverage_error(log_rates: npt.ArrayLike, log_draws: npt.ArrayLike) -> float | FloatArray:
    """Rigorous bound on the error of `log_coverage` (on the probability, not its log).

    Returns
    -------
    float or ndarray
        ``q (1 - exp(-q t))`` with q the sum of all rates: the Barbour-Hall distance between the binomial
        number of useful samples and its Poisson stand-in.

    Examples
    --------
    >>> coverage_error(np.log([0.1, 0.1]), 2.0) < 0.2
    True
    """
    rates = _check_rates(log_rates)
    draws = check_real("log_draws", log_draws, -math.inf, math.inf)
    total = float(special.logsumexp(rates))
    return as_output(np.exp(total + log_hit(draws + total)))


def log_draws_quantile(log_rates: npt.ArrayLike, probability: float, found: int | None = None) -> float:
    """Log of the samples by which `found` directions of unequal probability are found with a probability.

    Parameters
    ----------
    log_rates, found
        As in `log_expected_draws`.
    probability : float
        In (0, 1).

    Returns
    -------
    float
        inf if fewer than `found` directions can be found.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(math.exp(log_draws_quantile(np.log([0.1, 0.1]), 0.25)), 9)
    6.931471806
    """
    rates = _check_rates(log_rates)
    u = check_scalar_probability(probability, "probability")
    k = rates.size if found is None else check_scalar_integer("found", found, 1, rates.size)
    slowest = float(np.sort(rates)[rates.size - k])
    if slowest == -math.inf:
        return math.inf
    low = -float(special.logsumexp(rates)) + math.log(u) - 1.0
    high = -slowest + math.log(2.0 + math.log(rates.size) - math.log1p(-u))
    for _ in range(200):
        middle = 0.5 * (low + high)
        if k == rates.size:
            reached = float(log_coverage(rates, middle)) >= math.log(u)
        else:
            reached = float(_short_of(rates, np.array([middle]), k)[0]) <= 1.0 - u
        low, high = (low, middle) if reached else (middle, high)
        if high - low <= 1e-14 * max(1.0, abs(middle)):
            break
    return 0.5 * (low + high)

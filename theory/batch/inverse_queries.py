"""A budget in, the largest batch or smallest width it reaches out; samples in, wall time out (iid tier)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from theory.batch.averaged import log_success
from theory.batch.budget import check_log_samples, least_zero_count
from theory.draws.one_draw import log_direction_probability
from theory.numerics.checks import (
    FloatArray,
    IntArray,
    check_batch_size,
    check_probability,
    check_real,
    check_width,
)
from theory.numerics.logmath import as_output, log_hit

_WIDEST = 10**9


def largest_batch(
    width: npt.ArrayLike,
    samples: npt.ArrayLike | None = None,
    probability: npt.ArrayLike = 0.5,
    *,
    log_samples: npt.ArrayLike | None = None,
    p: npt.ArrayLike = 0.5,
    threshold: npt.ArrayLike | None = None,
    false_rejection: npt.ArrayLike | None = None,
) -> int | IntArray:
    """Largest batch that a budget of samples recovers with a given probability (iid tier).

    Parameters
    ----------
    width : array_like of int
        Rows m >= 1 of the gradient.
    samples : array_like, optional
        Samples N >= 1; a Python int may be of any size.
    probability : array_like
        Success probability, in (0, 1).
    log_samples : array_like, optional
        Natural log of N >= 1, instead of `samples`.
    p, threshold, false_rejection
        As in `theory.success_probability`.

    Returns
    -------
    int or ndarray of int
        At most m + 1; 1 where not even two samples are recovered (a single one always is).

    Raises
    ------
    ParameterError
        If an argument is out of range, or both or neither of `samples` and `log_samples` are given.

    Notes
    -----
    Bisection: success falls with b.  It cannot exceed N p^(b-1) per column, which limits the search at once.

    Examples
    --------
    >>> largest_batch(200, 2**30, 0.5)
    23
    >>> largest_batch([200, 400, 1000, 4000], 2**40).tolist()
    [30, 33, 36, 38]
    """
    m = check_width(width)
    u = check_probability(probability, "probability")
    zero = check_probability(p)
    draws = check_log_samples(samples, log_samples)
    # thresholds are validated, and depend on the batch only through the maximum with b - 1
    least = least_zero_count(np.asarray(2), m, zero, threshold, false_rejection)
    m, u, zero, draws, least = np.broadcast_arrays(m, u, zero, draws, least)
    shape = m.shape
    m, u, zero, draws, least = m.ravel(), u.ravel(), zero.ravel(), draws.ravel(), least.ravel()
    low = np.ones_like(m)
    reach = np.floor((draws - 0.5 * np.log(u)) / -np.log(zero)) + 3  # past every batch that can succeed
    high = np.minimum(m + 2, np.minimum(reach, _WIDEST).astype(np.int64))
    high = np.maximum(high, 2)
    while True:
        open_ = np.flatnonzero(high - low > 1)
        if open_.size == 0:
            break
        middle = (low[open_] + high[open_]) // 2
        cells = (middle, m[open_], zero[open_], np.maximum(least[open_], middle - 1))
        good = log_success(cells, draws[open_]) >= np.log(u[open_])
        good &= draws[open_] >= np.log(middle) * (1 - 1e-15)
        low[open_] = np.where(good, middle, low[open_])
        high[open_] = np.where(good, high[open_], middle)
    return int(low[0]) if shape == () else low.reshape(shape)


def smallest_width(
    batch_size: npt.ArrayLike,
    samples: npt.ArrayLike | None = None,
    probability: npt.ArrayLike = 0.5,
    *,
    log_samples: npt.ArrayLike | None = None,
    p: npt.ArrayLike = 0.5,
) -> float | FloatArray:
    """Smallest width at which a budget of samples recovers the batch with a given probability (iid tier).

    Parameters
    ----------
    batch_size : array_like of int
        b >= 2.
    samples, probability, log_samples, p
        As in `largest_batch`.

    Returns
    -------
    float or ndarray
        A whole number, or inf if no width up to 10^9 suffices: even infinitely many rows leave each sample
        with probability q1 per direction.

    Raises
    ------
    ParameterError
        If an argument is out of range, or both or neither of `samples` and `log_samples` are given.

    Examples
    --------
    >>> smallest_width(20, 2**25), smallest_width(20, 2**20)
    (183.0, inf)
    """
    b, u = check_batch_size(batch_size), check_probability(probability, "probability")
    zero, draws = check_probability(p), check_log_samples(samples, log_samples)
    b, u, zero, draws = np.broadcast_arrays(b, u, zero, draws)
    shape = b.shape
    b, u, zero, draws = b.ravel(), u.ravel(), zero.ravel(), draws.ravel()

    def suffices(index: npt.NDArray[np.intp], m: IntArray) -> npt.NDArray[np.bool_]:
        cells = (b[index], m, zero[index], b[index] - 1)
        return np.asarray(log_success(cells, draws[index]) >= np.log(u[index]))

    # With ever more rows zero counts stop mattering; a limit that falls short settles the matter.
    limit = np.empty(b.shape)
    for value in np.unique(zero):
        here = zero == value
        limit[here] = b[here] * log_hit(draws[here] + log_direction_probability(b[here], float(value)))
    todo = np.flatnonzero((limit > np.log(u)) & (draws >= np.log(b) * (1 - 1e-15)))
    # Powers of two first, so that cells try the same widths and share the work.
    high = np.full(b.shape, 2 * _WIDEST)
    high[todo] = 2 ** np.ceil(np.log2(2 * b[todo])).astype(np.int64)
    growing = todo
    while growing.size:
        growing = growing[~suffices(growing, high[growing])]
        high[growing] *= 2
        growing = growing[high[growing] <= _WIDEST]
    low = np.maximum(b - 2, high // 2)
    low = np.where(high // 2 < 2 * b, b - 2, low)  # the first power of two tried may be twice too large
    todo = todo[high[todo] <= _WIDEST]
    while todo.size:
        middle = np.maximum((low[todo] + high[todo]) // 2, b[todo] - 1)
        good = suffices(todo, middle)
        high[todo] = np.where(good, middle, high[todo])
        low[todo] = np.where(good, low[todo], middle)
        todo = todo[high[todo] - low[todo] > 1]
    return as_output(np.where(high <= _WIDEST, high.astype(np.float64), np.inf).reshape(shape))


def log_seconds(log_samples: npt.ArrayLike, samples_per_second: npt.ArrayLike) -> float | FloatArray:
    """Natural log of the wall time of a number of samples.

    Parameters
    ----------
    log_samples : array_like
        Natural log of the samples, as from `theory.log_sample_quantile`.
    samples_per_second : array_like
        Measured rate of the sampler, > 0.

    Returns
    -------
    float or ndarray

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(math.exp(log_seconds(math.log(3e6), 1e6)), 9)
    3.0
    """
    draws = check_real("log_samples", log_samples, -math.inf, math.inf)
    rate = check_real(
        "samples_per_second", samples_per_second, 0, math.inf, include_low=False, include_high=False
    )
    return as_output(draws - np.log(rate))

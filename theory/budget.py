"""Batch size, width, samples, success probability: any three in, the fourth out.

Success means that every direction has been sampled and passes the threshold.  Everything here is of the iid
tier: it holds before a gradient is seen, for independent zeros of probability p.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.averaged import Cells, Kind, log_samples_for, log_success
from theory.draws.coupon_collector import log_expected_draws_equal
from theory.draws.one_draw import log_direction_probability
from theory.draws.threshold import minimum_zero_count
from theory.numerics.checks import (
    FloatArray,
    IntArray,
    ParameterError,
    check_batch_size,
    check_probability,
    check_real,
    check_width,
)
from theory.numerics.logmath import as_output


def check_log_samples(samples: npt.ArrayLike | None, log_samples: npt.ArrayLike | None) -> FloatArray:
    """Log of the samples, from whichever of the two arguments is given."""
    if (samples is None) == (log_samples is None):
        raise ParameterError("samples and log_samples are out of range: need exactly one of them")
    if log_samples is not None:
        return check_real("log_samples", log_samples, 0, math.inf, include_high=False)
    if isinstance(samples, int) and not isinstance(samples, bool) and samples >= 1:
        return np.asarray(math.log(samples))  # an int may exceed the float range
    drawn = check_real(
        "samples",
        samples if samples is not None else math.nan,
        1,
        math.inf,
        include_high=False,
        need="a number >= 1",
    )
    return np.asarray(np.log(drawn))


def least_zero_count(
    batch_size: IntArray,
    width: IntArray,
    p: FloatArray,
    threshold: npt.ArrayLike | None,
    false_rejection: npt.ArrayLike | None,
) -> IntArray:
    """Zeros a column needs to be sampled and accepted: b - 1, or more if a threshold asks for more."""
    if threshold is not None and false_rejection is not None:
        raise ParameterError("threshold and false_rejection are out of range: need at most one of them")
    needed = batch_size - 1
    if threshold is not None:
        share = check_real("threshold", threshold, 0, 1)
        # the tolerance keeps 0.07 * 100 = 7.000000000000001 at 7 rows
        needed = np.maximum(needed, np.ceil(share * width * (1 - 1e-12)).astype(np.int64))
    if false_rejection is not None:
        needed = np.maximum(needed, minimum_zero_count(width, false_rejection, p))
    return np.asarray(needed, np.int64)


def _cells(
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    last: npt.ArrayLike,
    p: npt.ArrayLike,
    threshold: npt.ArrayLike | None,
    false_rejection: npt.ArrayLike | None,
) -> tuple[Cells, FloatArray, tuple[int, ...]]:
    """Check and broadcast everything; return flat cells, the flat last argument, and the common shape."""
    b = check_batch_size(batch_size)
    m = check_width(width, b)
    zero = check_probability(p)
    least = least_zero_count(b, m, zero, threshold, false_rejection)
    b, m, zero, least, values = np.broadcast_arrays(b, m, zero, least, np.asarray(last, np.float64))
    return (b.ravel(), m.ravel(), zero.ravel(), least.ravel()), values.ravel(), b.shape


def log_success_probability(
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    samples: npt.ArrayLike | None = None,
    *,
    log_samples: npt.ArrayLike | None = None,
    p: npt.ArrayLike = 0.5,
    threshold: npt.ArrayLike | None = None,
    false_rejection: npt.ArrayLike | None = None,
    kind: Kind = "estimate",
) -> float | FloatArray:
    """Log of `success_probability`, for probabilities too small for a float.

    Takes, raises and notes what `success_probability` does.

    Examples
    --------
    >>> round(log_success_probability(100, 1000, 2**30))  # hopeless
    -4783
    """
    cells, draws, shape = _cells(
        batch_size, width, check_log_samples(samples, log_samples), p, threshold, false_rejection
    )
    out = log_success(cells, draws, kind)
    out[draws < np.log(cells[0]) * (1 - 1e-15)] = -np.inf  # one sample yields one direction
    return as_output(out.reshape(shape))


def success_probability(
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    samples: npt.ArrayLike | None = None,
    *,
    log_samples: npt.ArrayLike | None = None,
    p: npt.ArrayLike = 0.5,
    threshold: npt.ArrayLike | None = None,
    false_rejection: npt.ArrayLike | None = None,
    kind: Kind = "estimate",
) -> float | FloatArray:
    """Probability that a budget of samples finds every direction of the batch (iid tier).

    Parameters
    ----------
    batch_size : array_like of int
        b >= 2.
    width : array_like of int
        Rows m >= b - 1 of the gradient.
    samples : array_like, optional
        Samples N >= 1; a Python int may be of any size.
    log_samples : array_like, optional
        Natural log of N >= 1, instead of `samples`.
    p : array_like
        Probability of a zero entry, in (0, 1).
    threshold : array_like, optional
        Share of zero rows, in [0, 1], that a direction must show to be accepted.
    false_rejection : array_like, optional
        Instead of `threshold`: probability, in (0, 1), that the threshold loses a given true direction.
    kind : {"estimate", "upper", "lower"}
        The estimate, or a rigorous bound on either side of it.

    Returns
    -------
    float or ndarray
        Shape of the broadcast arguments.  Increasing in N and m, decreasing in b; not monotone in p, because
        more zeros make sampled rows zero but also singular.

    Raises
    ------
    ParameterError
        If an argument is out of range, or both or neither of `samples` and `log_samples` are given.

    Notes
    -----
    g(N)^b with g averaged over the zero count of a column; see `theory.averaged` for the three kinds and
    ``docs/theory/samples.md`` for the derivation.  The expected number of samples cannot replace it: given a
    pattern with one short column it is infinite.

    Examples
    --------
    >>> round(success_probability(8, 48, 1480), 3)
    0.484
    >>> success_probability([10, 20, 40], 1000, 2**30).round(3).tolist()
    [1.0, 1.0, 0.0]
    """
    return as_output(
        np.exp(
            log_success_probability(
                batch_size,
                width,
                samples,
                log_samples=log_samples,
                p=p,
                threshold=threshold,
                false_rejection=false_rejection,
                kind=kind,
            )
        )
    )


def log_expected_samples(
    batch_size: npt.ArrayLike, width: npt.ArrayLike, *, p: npt.ArrayLike = 0.5
) -> float | FloatArray:
    """Natural log of `expected_samples`.

    Takes, raises and notes what `expected_samples` does.

    Examples
    --------
    >>> round(log_expected_samples(10**4, 10**6) / math.log(2), 2)
    10002.29
    """
    b = check_batch_size(batch_size)
    m = check_width(width, b)
    zero = check_probability(p)
    log_rate = np.empty(np.broadcast_shapes(b.shape, m.shape, zero.shape))
    batches, zeros = np.broadcast_to(b, log_rate.shape), np.broadcast_to(zero, log_rate.shape)
    for value in np.unique(zeros):
        log_rate[zeros == value] = log_direction_probability(batches[zeros == value], float(value))
    return log_expected_draws_equal(log_rate, b)


def expected_samples(
    batch_size: npt.ArrayLike, width: npt.ArrayLike, *, p: npt.ArrayLike = 0.5
) -> float | FloatArray:
    """Expected samples until all directions are found if each has its average chance: H_b / q1 (iid tier).

    Parameters
    ----------
    batch_size : array_like of int
        b >= 2.
    width : array_like of int
        Rows m >= b - 1; checked, but without influence.
    p : array_like
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float or ndarray
        inf beyond the float range (b near 1000): use `log_expected_samples`.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    H_b = 1 + 1/2 + ... + 1/b and q1 = p^n M_n, the coupon collector at the average rate.  It is the figure
    to compare with the literature, not one to plan with: zero counts vary, the slowest column decides, and
    the true mean is infinite, because with positive probability a column cannot be found at all.  For widths
    up to about b² it lies 3 to 14 times below the median; plan with `sample_quantile`.

    Examples
    --------
    >>> round(expected_samples(10, 200))
    1558
    """
    with np.errstate(over="ignore"):
        return as_output(np.exp(log_expected_samples(batch_size, width, p=p)))


def log_sample_quantile(
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    p: npt.ArrayLike = 0.5,
    threshold: npt.ArrayLike | None = None,
    false_rejection: npt.ArrayLike | None = None,
    kind: Kind = "estimate",
) -> float | FloatArray:
    """Natural log of `sample_quantile`.

    Takes, raises and notes what `sample_quantile` does.

    Examples
    --------
    >>> round(log_sample_quantile(10**4, 10**6, 0.5) / math.log(2), 2)
    10127.03
    """
    u = check_probability(probability, "probability")
    cells, targets, shape = _cells(batch_size, width, u, p, threshold, false_rejection)
    out = np.maximum(log_samples_for(cells, targets, kind), np.log(cells[0]))
    return as_output(out.reshape(shape))


def sample_quantile(
    batch_size: npt.ArrayLike,
    width: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    p: npt.ArrayLike = 0.5,
    threshold: npt.ArrayLike | None = None,
    false_rejection: npt.ArrayLike | None = None,
    kind: Kind = "estimate",
) -> float | FloatArray:
    """Samples that find every direction with a given probability (iid tier).

    Parameters
    ----------
    batch_size, width, p, threshold, false_rejection
        As in `success_probability`.
    probability : array_like
        In (0, 1).
    kind : {"estimate", "upper", "lower"}
        Which success probability to invert: the upper bound yields fewest samples, the lower bound most.

    Returns
    -------
    float or ndarray
        inf where no budget reaches the probability, and beyond the float range (`log_sample_quantile` goes
        on).

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> [round(math.log2(sample_quantile(20, 200, u)), 2) for u in (0.1, 0.5, 0.9)]
    [23.01, 24.63, 26.69]
    """
    options: dict[str, Any] = {
        "p": p,
        "threshold": threshold,
        "false_rejection": false_rejection,
        "kind": kind,
    }
    with np.errstate(over="ignore"):
        return as_output(np.exp(log_sample_quantile(batch_size, width, probability, **options)))

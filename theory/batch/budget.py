"""Batch size, width, samples in; probability that the samples find every direction out.

Success means that every direction has been sampled and passes the threshold.  Everything here is of the iid
tier: it holds before a gradient is seen, for independent zeros of probability p.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from theory.batch.averaged import Cells, Kind, log_success
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


def flat_cells(
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
    cells, draws, shape = flat_cells(
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
    g(N)^b with g averaged over the zero count of a column; see `theory.batch.averaged` for the three kinds
    and ``docs/theory/samples.md`` for the derivation.  The expected number of samples cannot replace it:
    given a pattern with one short column it is infinite.

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

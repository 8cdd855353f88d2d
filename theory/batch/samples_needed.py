"""Batch size, width, success probability in; samples that it takes out (iid tier).

`sample_quantile` is the figure to plan with, `expected_samples` the one to compare with the literature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from theory.batch.averaged import Kind, log_samples_for
from theory.batch.budget import flat_cells
from theory.draws.coupon_collector import log_expected_draws_equal
from theory.draws.one_draw import log_direction_probability
from theory.numerics.checks import FloatArray, check_batch_size, check_probability, check_width
from theory.numerics.logmath import as_output


def log_expected_samples(
    batch_size: npt.ArrayLike, width: npt.ArrayLike, *, p: npt.ArrayLike = 0.5
) -> float | FloatArray:
    """Natural log of `expected_samples`.

    Takes, raises and notes what `expected_samples` does.

    Examples
    --------
    >>> import math
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
    >>> import math
    >>> round(log_sample_quantile(10**4, 10**6, 0.5) / math.log(2), 2)
    10127.03
    """
    u = check_probability(probability, "probability")
    cells, targets, shape = flat_cells(batch_size, width, u, p, threshold, false_rejection)
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
    >>> import math
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

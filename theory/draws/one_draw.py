"""What one sample of b-1 rows is worth: log probabilities of a zero column and of a useful sample.

A sample draws b-1 of the m rows of L = D Q uniformly.  If those rows are zero in column i of D and otherwise
of full rank, their kernel is the direction q_i.  A second zero column would lower the rank, so useful events
of different columns exclude each other.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from theory.numerics.binomial import log_zero_subset
from theory.numerics.checks import (
    FloatArray,
    check_batch_size,
    check_count,
    check_scalar_probability,
    check_width,
)
from theory.numerics.logmath import as_output, log1mexp
from theory.patterns.rank_failure import log_matching


def exactly_one_zero_column(batch_size: npt.ArrayLike, p: float = 0.5) -> float | FloatArray:
    """Probability that a sample is zero in exactly one column, whatever the rank of the rest.

    Parameters
    ----------
    batch_size : array_like of int
        b >= 2.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float or ndarray
        ``b p^n (1 - p^n)^n`` with n = b - 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    An upper estimate of a sample's worth, as used in the analysis of sampling by Dimitrov et al., SPEAR
    (NeurIPS 2024); only the part of it with a nonsingular rest, `log_sample_probability`, is useful.

    Examples
    --------
    >>> round(exactly_one_zero_column(3), 12)  # 27/64
    0.421875
    """
    b = check_batch_size(batch_size)
    log_zero = (b - 1) * math.log(check_scalar_probability(p))
    return as_output(np.exp(np.log(b) + log_zero + (b - 1) * log1mexp(-log_zero)))


def log_direction_probability(batch_size: npt.ArrayLike, p: float = 0.5) -> float | FloatArray:
    """Log of q1 = p^n M_n: one sample yields one given direction, n = b - 1.

    Parameters
    ----------
    batch_size : array_like of int
        b >= 2.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float or ndarray

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Exact for independent entries; does not depend on the width.  M_n is `log_matching` of
    `theory.patterns.rank_failure`.

    Examples
    --------
    >>> round(float(np.exp(log_direction_probability(3))), 12)  # 7/64
    0.109375
    """
    n = check_batch_size(batch_size) - 1
    return as_output(n * math.log(check_scalar_probability(p)) + log_matching(n, p))


def log_sample_probability(batch_size: npt.ArrayLike, p: float = 0.5) -> float | FloatArray:
    """Log of q = b q1: one sample yields some direction.

    Takes and raises what `log_direction_probability` does.

    Examples
    --------
    >>> round(float(np.exp(log_sample_probability(3))), 12)  # 21/64
    0.328125
    """
    b = check_batch_size(batch_size)
    return as_output(np.log(b) + log_direction_probability(b, p))


def log_direction_probability_given(
    zero_count: npt.ArrayLike, width: npt.ArrayLike, batch_size: npt.ArrayLike, p: float = 0.5
) -> float | FloatArray:
    """Log of q_i for columns whose numbers of zero rows are known.

    Parameters
    ----------
    zero_count : array_like of int
        Zeros in a column of D, in [0, width].
    width : array_like of int
        Rows m >= b - 1.
    batch_size : array_like of int
        b >= 2.
    p : float
        Zero probability of the other columns, in (0, 1); only the rank factor M_n uses it.

    Returns
    -------
    float or ndarray
        -inf for a column with fewer than b - 1 zeros: it is never found.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(float(np.exp(log_direction_probability_given(3, 5, 3))), 12)  # C(3,2)/C(5,2) * 7/16
    0.13125
    """
    b = check_batch_size(batch_size)
    m = check_width(width, b)
    z = check_count("zero_count", zero_count, m, "width")
    return as_output(log_zero_subset(z, b - 1, m) + log_matching(b - 1, p))

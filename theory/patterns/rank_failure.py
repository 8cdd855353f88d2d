"""Pattern shape and zero probability in, probability of rank failure out: the best available value.

Exact from the tables of `theory.patterns.dulmage_mendelsohn` while the pattern fits, otherwise from the rare
violators of `theory.patterns.hall_bounds`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from theory.numerics.binomial import log_binomial_coefficient
from theory.numerics.checks import (
    FloatArray,
    check_integer,
    check_scalar_batch_size,
    check_scalar_probability,
)
from theory.numerics.logmath import as_output
from theory.patterns.dulmage_mendelsohn import rank_tables, table_size
from theory.patterns.hall_bounds import check_shape, empty_line, log_violators

__all__ = [
    "KernelSupport",
    "column_failure",
    "kernel_support",
    "log_column_failure",
    "log_matching",
    "matching_failure",
]

_NEGLIGIBLE = -70.0  # log failure below which its leading term n p^z (or 2n p^n) is exact to all digits


class KernelSupport(NamedTuple):
    """Law of the kernel of a sampled (b-1)×b block.

    Attributes
    ----------
    support : ndarray, shape (b,)
        Probability that the kernel is a line whose vector has exactly k nonzero entries, at index k - 1.
    higher : float
        Probability that the kernel has dimension 2 or more.
    """

    support: FloatArray
    higher: float


def _estimate(z: FloatArray, n: FloatArray, p: float) -> FloatArray:
    """Column failure past the tables: empty lines exactly, the next violators as independent rare events."""
    sizes = np.array([2.0, 3.0]) + np.zeros((z.size, 1))
    # among many columns and few rows, the violators next in line are two or three empty rows
    mirrored = np.where((z > n)[:, None], n[:, None] + 2.0 - sizes, np.nan)
    k = np.concatenate([sizes, mirrored], axis=1)
    k = np.where((k > 1) & (k <= n[:, None]), k, np.nan)
    expected = np.exp(log_violators(z[:, None], n[:, None], p, np.nan_to_num(k, nan=2.0)))
    total = np.where(np.isnan(k), 0.0, expected).sum(axis=1)
    empty = empty_line(z, n, p)
    estimate = empty - (1.0 - empty) * np.expm1(-total)
    diagonal = np.asarray(-np.expm1(n * math.log1p(-p)))
    return np.asarray(np.minimum(estimate, diagonal))  # unless all n diagonal entries are nonzero


def log_column_failure(z: npt.ArrayLike, n: npt.ArrayLike, p: float = 0.5) -> float | FloatArray:
    """Log of the probability that a z×n pattern does not saturate its n columns.

    See `column_failure` for arguments and accuracy.

    Examples
    --------
    >>> round(log_column_failure(5000, 20), 3)  # n p^z: far below the smallest float
    -3462.74
    """
    p = check_scalar_probability(p)
    rows, columns = check_shape(z, n)
    shape = rows.shape
    rows, columns = rows.ravel(), columns.ravel()
    with np.errstate(divide="ignore"):
        out = np.log(columns) + rows * math.log(p) + math.log(2.0) * ((rows == columns) & (rows > 1))
    out[columns == 0] = -np.inf
    out[rows < columns] = 0.0
    legal = (rows >= columns) & (columns > 0)
    exact = legal & (rows <= table_size(p))
    if exact.any():
        table = rank_tables(p).failure
        out[exact] = np.log(table[rows[exact].astype(int), columns[exact].astype(int)])
    other = legal & ~exact & (out > _NEGLIGIBLE)
    if other.any():
        out[other] = np.log(_estimate(rows[other], columns[other], p))
    return as_output(out.reshape(shape))


def column_failure(z: npt.ArrayLike, n: npt.ArrayLike, p: float = 0.5) -> float | FloatArray:
    """Probability 1 - K(z, n) that z zero rows fail to determine a direction: rank below n.

    Parameters
    ----------
    z, n : array_like of int
        Rows and columns of the pattern, >= 0; they broadcast.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float or ndarray
        1 where ``z < n``.

    Raises
    ------
    ParameterError
        If `z` or `n` is no count, or `p` is outside (0, 1).

    Notes
    -----
    Exact (relative error about 1e-14) while z is at most 48, or 40 for p > 0.7, where floats would lose
    digits and decimal arithmetic takes over.  Beyond, the exact probability of an empty line combined with
    the expected number of the next violators: at p = 1/2 correct to all digits, at p = .9 to about two per
    cent.  Rigorous limits come from `matching_failure_bounds`.

    Examples
    --------
    >>> round(column_failure(3, 3), 12)  # 1 - 247/512
    0.517578125
    """
    return as_output(np.exp(log_column_failure(z, n, p)))


def matching_failure(n: npt.ArrayLike, p: float = 0.5) -> float | FloatArray:
    """Probability 1 - M_n that an n×n pattern is structurally singular.

    Parameters
    ----------
    n : array_like of int
        Size of the block, >= 0; batch size b has n = b - 1.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float or ndarray

    Raises
    ------
    ParameterError
        If `n` is no count, or `p` is outside (0, 1).

    Notes
    -----
    Accuracy as for `column_failure`.  The bound 0.939^n in the literature is 4000 times larger at n = 19.

    Examples
    --------
    >>> f"{matching_failure(19):.5e}"
    '7.24990e-05'
    """
    return column_failure(n, n, p)


def log_matching(n: npt.ArrayLike, p: float = 0.5) -> float | FloatArray:
    """Log of M_n, the probability that an n×n pattern has a perfect matching.

    Examples
    --------
    >>> round(float(np.exp(log_matching(2))), 12)  # 7 of 16 patterns
    0.4375
    """
    p = check_scalar_probability(p)
    size = check_integer("n", n, 0)
    # 1 - M_n close to 1 carries no digits of M_n: read the table of K instead.
    table = rank_tables(p).saturation
    small = size <= table_size(p)
    diagonal = np.log(table.diagonal()[np.where(small, size, 0)])
    large = np.where(small, 64, size)
    with np.errstate(divide="ignore"):
        from_failure = np.log1p(-np.asarray(column_failure(large, large, p)))
    floor = large * math.log1p(-p)  # the main diagonal alone
    return as_output(np.where(small, diagonal, np.maximum(from_failure, floor)))


def kernel_support(batch_size: int, p: float = 0.5) -> KernelSupport:
    """Law of the support size of the kernel vector of a sampled (b-1)×b block.

    Parameters
    ----------
    batch_size : int
        b >= 2.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    KernelSupport
        A kernel vector with support k combines k columns of D: k = 1 is a hit.

    Raises
    ------
    ParameterError
        If `batch_size` < 2 or `p` is outside (0, 1).

    Notes
    -----
    P_k = C(b,k) C(b-1,k-1) p^(k(b-k)) F(k-1,k) M_{b-k}: the support columns meet only k - 1 of the rows, on
    which they have surplus.  Past the exact tables F comes from its leading failures (a support column is
    empty on its k - 1 rows, or a row has fewer than two nonzeros there), scaled so that all probabilities
    add up to one.

    Examples
    --------
    >>> law = kernel_support(4)
    >>> [round(4096 * float(v)) for v in law.support], round(4096 * law.higher)
    ([988, 504, 624, 1009], 971)
    """
    b = check_scalar_batch_size(batch_size)
    p = check_scalar_probability(p)
    log_p = math.log(p)
    k = np.arange(1, b + 1)
    table = rank_tables(p).surplus
    exact = k <= table_size(p)
    index = np.where(exact, k, 1)
    leading = np.exp(np.log(k) + (k - 1) * log_p) + (k - 1) * (
        np.exp(k * log_p) + k * np.exp((k - 1) * log_p) * (1 - p)
    )
    with np.errstate(divide="ignore"):
        log_surplus = np.where(exact, np.log(table[index - 1, index]), -leading)
    log_support = (
        log_binomial_coefficient(b, k)
        + log_binomial_coefficient(b - 1, k - 1)
        + k * (b - k) * log_p
        + log_surplus
        + log_matching(b - k, p)
    )
    support = np.exp(log_support)
    higher = float(column_failure(b, b - 1, p))
    if not exact.all():  # the leading failures know F to a few per cent; the total probability, exactly
        support[~exact] *= (1.0 - higher - support[exact].sum()) / support[~exact].sum()
    return KernelSupport(support, higher)

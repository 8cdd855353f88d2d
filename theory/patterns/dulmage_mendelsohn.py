"""Pattern shape and zero probability in, exact tables of structural rank out.

A pattern is a matrix of zeros (each with probability p, independently) and generic nonzero values; its rank
is almost surely its structural rank, the size of a maximum matching of rows and columns through nonzero
entries.

Everything rests on one identity.  The Dulmage-Mendelsohn decomposition splits every r×c pattern uniquely
into a horizontal part (rows R, columns C, every nonempty set of those rows reaching more columns than it has
rows) and a remainder whose columns can all be matched, with zeros where remaining rows meet C.  Hence for
all r and c::

    1 = Σ_{i<=r, j<=c} C(r,i) C(c,j) p^((r-i) j) F(i,j) K(r-i, c-j)

with K(z,n) the probability that z×n saturates its n columns and F(i,j) that i×j, i < j, is horizontal.
Solved for 1 - K (a sum of positive terms, so nothing cancels) or F, entry by entry.
"""

from __future__ import annotations

import decimal
import functools
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.checks import (
    FloatArray,
    ParameterError,
    check_probability,
    check_scalar_integer,
    check_scalar_probability,
)

# Floats lose digits to the subtraction in F as p grows: 5e-15 at p = .7, 4e-9 at .9.  Beyond .7 the same
# recursion runs in decimal arithmetic, about twenty times slower, hence on a smaller table.
_FLOAT_LIMIT_P = 0.7
_FLOAT_TABLE = 48
_DECIMAL_TABLE = 40


class RankTables(NamedTuple):
    """Tables of the recursion, indexed [rows, columns]: floats, Decimals or Fractions.

    Attributes
    ----------
    surplus : ndarray
        F, for rows < columns: every nonempty row set reaches more columns than it has rows; 0 elsewhere.
    saturation : ndarray
        K, for rows >= columns: all columns can be matched; 0 elsewhere.
    failure : ndarray
        1 - K without cancellation, 1 where rows < columns.
    """

    surplus: npt.NDArray[Any]
    saturation: npt.NDArray[Any]
    failure: npt.NDArray[Any]


def _recursion(size: int, choose: npt.NDArray[Any], power: npt.NDArray[Any]) -> RankTables:
    """Solve the identity for all shapes up to size×size in the arithmetic of `choose` and `power`."""
    zero, one = 0 * power[0], power[0]
    surplus, saturation = (np.full((size + 1, size + 1), zero, dtype=power.dtype) for _ in range(2))
    failure = np.full((size + 1, size + 1), one, dtype=power.dtype)
    surplus[0, :], saturation[:, 0], failure[:, 0] = one, one, zero
    index = np.arange(size + 1)
    for r in range(1, size + 1):
        for c in range(1, size + 1):
            zeros = power[np.outer(r - index[: r + 1], index[: c + 1])]
            terms = np.multiply.outer(choose[r, : r + 1], choose[c, : c + 1]) * zeros
            terms = terms * surplus[: r + 1, : c + 1] * saturation[r::-1, c::-1]
            if r >= c:
                terms[0, 0] = zero
                failure[r, c] = terms.sum()
                saturation[r, c] = one - failure[r, c]
            else:
                terms[r, c] = zero
                surplus[r, c] = one - terms.sum()
    return RankTables(surplus, saturation, failure)


def _pascal(size: int) -> list[list[int]]:
    return [[math.comb(n, k) for k in range(size + 1)] for n in range(size + 1)]


def exact_tables(size: int, p: Fraction | float | str = Fraction(1, 2)) -> RankTables:
    """Exact rational tables of the recursion for all shapes up to size×size.

    Parameters
    ----------
    size : int
        Largest number of rows and columns, at least 1.
    p : Fraction, or anything that Fraction accepts exactly
        Probability of a zero, in (0, 1).  A float stands for its binary value: 0.1 makes long fractions.

    Returns
    -------
    RankTables
        Object arrays of Fractions.

    Raises
    ------
    ParameterError
        If `size` < 1 or `p` is outside (0, 1).

    Notes
    -----
    O(size^4) rational operations: seconds at size 20.

    Examples
    --------
    >>> tables = exact_tables(4)
    >>> [int(2 ** (n * n) * tables.saturation[n, n]) for n in (1, 2, 3, 4)]
    [1, 7, 247, 37823]
    """
    size = check_scalar_integer("size", size, 1)
    try:
        rational = Fraction(p)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"p={p!r} is out of range: need a fraction in (0, 1)") from None
    check_probability(float(rational))
    choose = np.array([[Fraction(v) for v in row] for row in _pascal(size)], dtype=object)
    power = np.array([rational**e for e in range(size * size + 1)], dtype=object)
    return _recursion(size, choose, power)


@functools.lru_cache(maxsize=32)
def rank_tables(p: float) -> RankTables:
    """Float tables for one p, correct to about 1e-14 relative in `failure` for every p."""
    if p <= _FLOAT_LIMIT_P:
        size = _FLOAT_TABLE
        powers = np.exp(math.log(p) * np.arange(size * size + 1))
        return _recursion(size, np.array(_pascal(size), dtype=np.float64), powers)
    size = _DECIMAL_TABLE
    # 40 digits beyond the smallest quantity that a subtraction must resolve, (1-p)^size on the diagonal
    with decimal.localcontext(prec=40 + math.ceil(-2 * size * math.log10(1 - p))):
        base = decimal.Decimal(p)
        choose = np.array([[decimal.Decimal(v) for v in row] for row in _pascal(size)], dtype=object)
        power = np.array([base**e for e in range(size * size + 1)], dtype=object)
        exact = _recursion(size, choose, power)
    return RankTables(*(table.astype(np.float64) for table in exact))


def table_size(p: float) -> int:
    """Largest number of rows and columns for which this zero probability is answered exactly."""
    return _FLOAT_TABLE if p <= _FLOAT_LIMIT_P else _DECIMAL_TABLE


def rank_distribution(rows: int, columns: int, p: float = 0.5) -> FloatArray:
    """Distribution of the structural rank of a rows×columns pattern.

    Parameters
    ----------
    rows, columns : int
        Shape, from 1 up to `table_size` (48, or 40 for p > 0.7).
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    ndarray, shape (min(rows, columns) + 1,)
        Probability of rank 0, 1, ...; sums to 1.

    Raises
    ------
    ParameterError
        If the shape is outside the exact tables, or `p` outside (0, 1).

    Notes
    -----
    In the decomposition with i rows and j columns in the horizontal part, the rank is i + (columns - j).

    Examples
    --------
    >>> rank_distribution(2, 2).tolist()
    [0.0625, 0.5, 0.4375]
    """
    p = check_scalar_probability(p)
    r = check_scalar_integer("rows", rows, 1, table_size(p))
    c = check_scalar_integer("columns", columns, 1, table_size(p))
    tables = rank_tables(p)
    i, j = np.indices((r + 1, c + 1))
    terms = special.comb(r, i) * special.comb(c, j) * p ** ((r - i) * j) * tables.surplus[: r + 1, : c + 1]
    terms = terms * tables.saturation[r::-1, c::-1]
    used = terms > 0
    law = np.bincount((i + c - j)[used], weights=terms[used], minlength=min(r, c) + 1)
    return law.astype(np.float64)

"""Counts enter; random zero patterns and row subsets leave, and what patterns determine: rank, kernel, find.

Nothing here knows a formula. Structural rank is decided by an exact matching; generic values are implied, so
that rank equals structural rank.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from theory.numerics.checks import ParameterError, check_scalar_integer, check_scalar_probability

__all__ = ["draw_rows", "draw_zeros", "found_direction", "kernel_support_size", "structural_rank"]

Generator = np.random.Generator


def draw_zeros(
    batch_size: int,
    width: int,
    *,
    p: float = 0.5,
    count: int | None = None,
    rng: Generator | int | None = None,
) -> NDArray[np.bool_]:
    """Draw random zero patterns with independent entries.

    Parameters
    ----------
    batch_size, width : int
        b and m, at least 1.
    p : float, optional
        Probability of a zero, in (0, 1).
    count : int, optional
        Number of patterns; without it, one pattern without a leading axis.
    rng : numpy.random.Generator, int or None, optional
        Source of randomness.

    Returns
    -------
    array of bool, shape (m, b) or (count, m, b)
        True where dL/dZ is zero.

    Raises
    ------
    ParameterError
        If a count is below 1 or ``p`` outside (0, 1).

    Examples
    --------
    >>> draw_zeros(3, 5, rng=0).shape
    (5, 3)
    """
    shape = (check_scalar_integer("width", width, 1), check_scalar_integer("batch_size", batch_size, 1))
    p = check_scalar_probability(p)
    lead = () if count is None else (check_scalar_integer("count", count, 1),)
    return np.random.default_rng(rng).random(lead + shape) < p


def draw_rows(width: int, size: int, count: int, *, rng: Generator | int | None = None) -> NDArray[np.int64]:
    """Draw uniform subsets of rows without replacement.

    Parameters
    ----------
    width : int
        Number of rows to choose from.
    size : int
        Rows in a subset, from 1 to ``width``.
    count : int
        Number of subsets.
    rng : numpy.random.Generator, int or None, optional
        Source of randomness.

    Returns
    -------
    array of int64, shape (count, size)
        Distinct row numbers, in no particular order.

    Raises
    ------
    ParameterError
        If ``size`` is not in [1, width] or ``count`` below 1.

    Notes
    -----
    Floyd's method, over all subsets at once: O(count size^2) whatever the width. Bentley & Floyd, "A sample
    of brilliance" (1987).

    Examples
    --------
    >>> sorted(draw_rows(4, 4, 1, rng=0)[0].tolist())
    [0, 1, 2, 3]
    """
    width = check_scalar_integer("width", width, 1)
    size = check_scalar_integer("size", size, 1, width)
    rng = np.random.default_rng(rng)
    rows = np.empty((check_scalar_integer("count", count, 1), size), np.int64)
    for step, top in enumerate(range(width - size, width)):
        pick = rng.integers(0, top + 1, len(rows))
        taken = (rows[:, :step] == pick[:, None]).any(axis=1)
        rows[:, step] = np.where(taken, top, pick)
    return rows


def found_direction(zeros: ArrayLike) -> NDArray[np.int64]:
    """Which direction each sample of b-1 rows finds.

    Parameters
    ----------
    zeros : array of bool, shape (count, b-1, b)
        True where dL/dZ is zero on the sampled rows.

    Returns
    -------
    array of int64, shape (count,)
        Number of the direction, -1 where the sample finds none.

    Raises
    ------
    ParameterError
        If ``zeros`` is not boolean or not of that shape.

    Examples
    --------
    >>> zeros = np.array([[[1, 0, 1], [1, 1, 0]], [[1, 0, 1], [1, 0, 1]]], dtype=bool)
    >>> found_direction(zeros)
    array([ 0, -1])
    """
    zeros = _samples(zeros)
    empty = zeros.all(axis=1)
    found = np.where(empty.sum(axis=1) == 1, empty.argmax(axis=1), -1)
    # the zero column adds nothing to the rank, so the whole block can be matched instead of the rest
    candidates = np.flatnonzero(found >= 0)
    full = structural_rank(zeros[candidates]) == zeros.shape[1]
    found[candidates[~full]] = -1
    return found


def kernel_support_size(zeros: ArrayLike) -> NDArray[np.int64]:
    """Size of the support of each sample's kernel vector.

    Parameters
    ----------
    zeros : array of bool, shape (count, b-1, b)
        True where dL/dZ is zero on the sampled rows.

    Returns
    -------
    array of int64, shape (count,)
        Number of nonzero entries of the kernel vector, 0 where the kernel has dimension two or more.

    Raises
    ------
    ParameterError
        If ``zeros`` is not boolean or not of that shape.

    Notes
    -----
    Cramer's rule: an entry is nonzero exactly if the other b-1 columns are nonsingular.

    Examples
    --------
    >>> kernel_support_size(np.array([[[1, 0, 0], [1, 1, 0]]], dtype=bool))
    array([1])
    """
    zeros = _samples(zeros)
    size = zeros.shape[2]
    return sum(
        (structural_rank(np.delete(zeros, i, axis=2)) == size - 1 for i in range(size)),
        start=np.zeros(len(zeros), np.int64),
    )


def structural_rank(zeros: ArrayLike) -> NDArray[np.int64]:
    """Structural rank of many patterns: the rank that generic values give.

    Parameters
    ----------
    zeros : array of bool, shape (count, rows, columns)
        True where an entry is zero.

    Returns
    -------
    array of int64, shape (count,)
        Size of a maximum matching of rows with columns.

    Raises
    ------
    ParameterError
        If ``zeros`` is not boolean or not of three dimensions.

    Notes
    -----
    The patterns become the blocks of one block-diagonal graph, so that one call matches them all.

    Examples
    --------
    >>> structural_rank(np.array([[[True, False], [False, True]], [[True, False], [True, False]]]))
    array([2, 1])
    """
    zeros = check_zeros(zeros, dimensions=3)
    count, rows, columns = zeros.shape
    block, row, column = np.nonzero(~zeros)
    degree = np.bincount(block * rows + row, minlength=count * rows)
    indices = (block * columns + column).astype(np.int32)
    pointers = np.concatenate([[0], np.cumsum(degree)]).astype(np.int32)
    graph = csr_array((np.ones(indices.size, bool), indices, pointers), shape=(count * rows, count * columns))
    matched = maximum_bipartite_matching(graph, perm_type="column") >= 0
    rank: NDArray[np.int64] = matched.reshape(count, rows).sum(axis=1)
    return rank


def check_zeros(zeros: ArrayLike, dimensions: int = 2) -> NDArray[np.bool_]:
    """Return a zero pattern (or a stack of them) as an array after checking its type and dimensions."""
    pattern = np.asarray(zeros)
    if pattern.dtype != bool or pattern.ndim != dimensions:
        found = f"dtype {pattern.dtype} and shape {pattern.shape}"
        raise ParameterError(f"zeros has {found}, out of range: need bool of {dimensions} dimensions")
    return pattern


def _samples(zeros: ArrayLike) -> NDArray[np.bool_]:
    pattern = check_zeros(zeros, dimensions=3)
    if pattern.shape[2] != pattern.shape[1] + 1:
        raise ParameterError(f"zeros has shape {pattern.shape}, out of range: need (count, b-1, b)")
    return pattern

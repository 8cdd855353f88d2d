"""Zero patterns enter; what they determine leaves: structural rank, kernel support, the direction found.

Nothing here knows a formula. Structural rank is decided by an exact matching; generic values are implied, so
that rank equals structural rank.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from theory.numerics.checks import ParameterError

__all__ = ["found_direction", "kernel_support_size", "structural_rank"]


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

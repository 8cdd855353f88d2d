"""Counts enter; random zero patterns and random subsets of rows leave."""

import numpy as np
from numpy.typing import NDArray

from theory.numerics.checks import check_scalar_integer, check_scalar_probability

__all__ = ["draw_rows", "draw_zeros"]

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

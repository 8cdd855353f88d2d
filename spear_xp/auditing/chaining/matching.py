"""Enters: recovered states of tokens, their error bars, an embedding table. Leaves: which rows they are."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from spear_xp.errors import ShapeError
from spear_xp.numerics.backend import Array, Host, to_host

__all__ = ["Matches", "match"]

BARS = 6.0  # chosen: error bars within which a true row lies; as everywhere in the library
BLOCK = 64  # chosen: states whose distances to all rows are held at a time


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Nearest rows of a table.

    Attributes
    ----------
    rows : NumPy array of int, shape (k,)
        Nearest row to each state.
    distances, margins : NumPy array, shape (k,)
        Euclidean distance to it, and how much farther the second is; infinite in a table of one row.
    radius : NumPy array, shape (k,)
        Distance within which the true row lies: six error bars of every entry.
    claimed : NumPy array of bool, shape (k,)
        Whether the nearest row is the only one within the radius.
    """

    rows: Host
    distances: Host
    margins: Host
    radius: Host
    claimed: Host


def match(states: Array, table: Array, error_bars: Array) -> Matches:
    """Find which rows of an embedding table recovered states are.

    Parameters
    ----------
    states : array, shape (k, n)
        Such as `Result.inputs` of a layer that sees tokens.
    table : array, shape (words, n)
        Rows that may stand behind a state: an embedding; with positions, its sum with each of them.
    error_bars : array, shape (k,)
        Standard deviation of the entries of each state.

    Returns
    -------
    Matches

    Raises
    ------
    ShapeError
        If shapes do not fit, or the table is empty.

    Notes
    -----
    A row is claimed only if it is the one row within six error bars. Equal rows are never claimed, and
    neither is the nearest row where the state itself is none of the table, as behind attention.

    Examples
    --------
    >>> import numpy as np
    >>> table = np.random.default_rng(0).standard_normal((50, 8))
    >>> found = match(table[[7, 3]] + 1e-4, table, np.full(2, 1e-4))
    >>> found.rows.tolist(), found.claimed.tolist()
    ([7, 3], [True, True])
    """
    given, rows, bars = (to_host(one) for one in (states, table, error_bars))
    if given.ndim != 2 or rows.ndim != 2 or given.shape[1] != rows.shape[1] or not len(rows):
        msg = f"states has shape {given.shape} and table {rows.shape}: need (k, n) and (words >= 1, n)"
        raise ShapeError(msg)
    if bars.shape != (len(given),):
        msg = f"error_bars has shape {bars.shape}: need ({len(given)},), one for each state"
        raise ShapeError(msg)
    rounding = np.finfo(given.dtype).eps * np.linalg.norm(given.astype(float), axis=1)
    radius = BARS * np.hypot(bars * np.sqrt(given.shape[1]), rounding)
    nearest, first, second = np.zeros(len(given), dtype=int), *np.full((2, len(given)), np.inf)
    for start in range(0, len(given), BLOCK):
        part = slice(start, start + BLOCK)
        distances = cdist(given[part].astype(float), rows.astype(float))
        nearest[part], first[part] = distances.argmin(axis=1), distances.min(axis=1)
        if len(rows) > 1:
            second[part] = np.partition(distances, 1, axis=1)[:, 1]
    claimed = (first <= radius) & (second > radius)
    return Matches(nearest, first, second - first, radius, claimed)

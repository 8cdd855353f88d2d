"""Enters: records with error bars, and kinds of features. Leaves: integers where they must be such."""

import math
from collections.abc import Sequence

from spear_xp.errors import ArgumentRangeError, ShapeError
from spear_xp.numerics.backend import Host

__all__ = ["BARS", "ONE_HOT", "REAL", "ROUNDS", "chance_of", "groups_of", "on_lattice"]

BARS = 6.0  # derived: error bars that an error may have
ROUNDS = 0.5  # derived: distance from which another integer is nearer
REAL, INTEGER, ONE_HOT = "real", "integer", "one-hot:"


def on_lattice(values: Host, error_bars: Host, kinds: Sequence[str]) -> tuple[Host, Host]:
    """Records with what is an integer within six error bars rounded, and its error bar zero.

    Parameters
    ----------
    values, error_bars : NumPy array, shape (k, n)
        In units in which integers are integers.
    kinds : sequence of str, length n
        "real", "integer", or "one-hot:" and the name of a group, of which one column is 1, the others 0.
        A record whose group is anything else keeps it as it is.

    Raises
    ------
    ShapeError
        If there is another number of kinds.
    ArgumentRangeError
        If one of them is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> kinds = ["integer", "one-hot:sex", "one-hot:sex"]
    >>> on_lattice(np.array([[37.001, 0.999, 0.001]]), np.full((1, 3), 1e-3), kinds)[0].tolist()
    [[37.0, 1.0, 0.0]]
    """
    groups = groups_of(kinds, values.shape[1])
    nearest = values.round()
    fits = (abs(values - nearest) <= BARS * error_bars) & (error_bars < ROUNDS / BARS)
    whole = fits & False
    for kind, columns in groups.items():
        inside = fits[:, columns]
        if kind.startswith(ONE_HOT):
            block = nearest[:, columns]
            one = (block.sum(axis=1) == 1) & ((block == 0) | (block == 1)).all(axis=1) & inside.all(axis=1)
            inside = inside & one[:, None]
        whole[:, columns] = inside
    rounded = values.copy()
    rounded[whole] = nearest[whole] + 0.0
    return rounded, error_bars * ~whole


def chance_of(values: Host, error_bars: Host, kinds: Sequence[str]) -> Host:
    """Logarithm to base 10 of the chance that so many entries are integers within their bars, shape (k,).

    For a record whose entries have uniform fractional parts, as those of a mixture of several records would:
    2 · 6 bars for each entry that is rounded. It is evidence beside the certificate and no part of it.
    """
    rounded, left = on_lattice(values, error_bars, kinds)
    whole = (left == 0) & (error_bars > 0)
    smallest = error_bars.clip(min=1e-300)
    logs = [[math.log10(min(1.0, 2 * BARS * bar)) for bar in row] for row in smallest.tolist()]
    total = rounded[:, 0] * 0.0
    for k, row in enumerate(logs):
        total[k] = sum(log for log, one in zip(row, whole[k].tolist(), strict=True) if one)
    return total


def groups_of(kinds: Sequence[str], count: int) -> dict[str, list[int]]:
    """Columns that are integers, and those of each one-hot group.

    Raises
    ------
    ShapeError
        If there is another number of kinds than of features.
    ArgumentRangeError
        If one of them is unknown.
    """
    if len(kinds) != count:
        msg = f"feature_kinds has {len(kinds)} entries: need {count}"
        raise ShapeError(msg)
    found: dict[str, list[int]] = {}
    for j, kind in enumerate(kinds):
        if kind not in {REAL, INTEGER} and not str(kind).startswith(ONE_HOT):
            msg = f"feature_kinds[{j}]={kind!r}: need 'real', 'integer' or 'one-hot:GROUP'"
            raise ArgumentRangeError(msg)
        if kind != REAL:
            found.setdefault(kind, []).append(j)
    return found

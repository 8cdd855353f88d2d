"""Enters: a `Gradient` and what its entries show. Leaves: which of its entries are missing, where it shows.

Zeros in place of the smallest entries, or at random, and entries at one largest magnitude. An entry that is
taken for missing and is not costs evidence, and no truth.
"""

from spear_xp.diagnosis.causes import Cause
from spear_xp.diagnosis.entries import CUT, sample_of
from spear_xp.numerics.backend import Array
from spear_xp.reduction.gradient import Gradient

__all__ = ["HIDING", "missing_in"]

# chosen: share of a row or a column that is not zero, unless all of it is; a larger value believes more zeros
FILLED = 0.25
BY_CHANCE = 1e-4  # chosen: rows or columns of which a random mask may hide all
HIDING = {"entries dropped", "entries clipped"}  # causes that leave the other entries as they were


def missing_in(gradient: Gradient, causes: tuple[Cause, ...]) -> tuple[Cause, Array] | None:
    """The cause, and the entries that are as they were, shape (m, n + 1); None where none is missing.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient.
    causes : tuple of Cause
        What its entries show.

    Notes
    -----
    A random mask does not hit all entries of a long row or column: those of zeros are what they are. It may
    hit all of a short one, and of entries that were dropped because they are small these may be all of any.
    """
    shown = [one for one in causes if one.name in HIDING]
    if not shown:
        return None
    xp, names = gradient.space.xp, {one.name for one in shown}
    parts = (gradient.grad_w, gradient.grad_b[:, None])
    known = xp.concat([part != 0 for part in parts], axis=1)
    if "entries dropped" not in names:
        known = xp.ones_like(known)
    elif not _smallest(gradient):
        rows, columns = gradient.live.shape[0], int(xp.sum(xp.astype(gradient.filled, xp.int64)))
        filled = known
        hidden = 1 - int(xp.sum(xp.astype(filled, xp.int64))) / (rows * columns)
        for axis, length in ((0, rows), (1, columns)):  # zeros of a column, of a row
            if filled.shape[1 - axis] * hidden ** (FILLED * length) < BY_CHANCE:
                known = known | ~xp.any(filled, axis=axis, keepdims=True)
    if "entries clipped" in names:  # each tensor may have been clipped on its own
        sizes = [xp.abs(part) for part in parts]
        known = known & xp.concat([part < xp.max(part) for part in sizes], axis=1)
    return shown[0], known


def _smallest(gradient: Gradient) -> bool:
    """Whether hardly an entry is small: those that were are the ones that are missing."""
    sizes = sorted(filter(None, abs(sample_of(gradient, gradient.grad_w)).ravel().tolist()))
    return sizes[0] > CUT * sizes[len(sizes) // 2]

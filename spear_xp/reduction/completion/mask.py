"""Enters: which entries of an update are as the client computed them. Leaves: that of [grad_w | grad_b].

And how many samples they can tell at most.
"""

from typing import Any

from spear_xp.errors import DtypeError, ShapeError
from spear_xp.numerics.backend import Array, Namespace, Space, to_host

__all__ = ["entries_of", "known_alone", "most_samples"]


def known_alone(space: Space, arrays: dict[str, Array], observed: Any) -> dict[str, Array]:
    """Arrays of an update with zeros in grad_w and grad_b where these were not observed, NaN or not."""
    if observed is None or arrays["grad_w"].ndim != 2:
        return arrays
    known = entries_of(space, arrays["grad_w"].shape, observed)
    if known is None:
        return arrays
    parts = {"grad_w": known[:, :-1]}
    if "grad_b" in arrays:
        if arrays["grad_b"].shape != known.shape[:1]:
            return arrays
        parts["grad_b"] = known[:, -1]
    return arrays | {
        name: space.xp.where(part, arrays[name], space.xp.zeros_like(arrays[name]))
        for name, part in parts.items()
    }


def entries_of(space: Space, shape: tuple[int, ...], observed: Any) -> Array | None:
    """The mask of the extended gradient, shape (m, n + 1); None where nothing is missing.

    Parameters
    ----------
    space : Space
        Of the update.
    shape : tuple of int
        Of grad_w, (m, n).
    observed : array of bool, shape (m, n) or (m, n + 1)
        True where an entry of grad_w is as the client computed it. A last column beyond those of grad_w
        stands for grad_b; without it, all of grad_b is.

    Returns
    -------
    array of bool or None

    Raises
    ------
    ShapeError
        If it has another shape.
    DtypeError
        If it is not of bool.
    """
    host, wider = to_host(observed), (*shape[:-1], shape[-1] + 1)
    if host.shape not in {tuple(shape), wider}:
        msg = f"observed has shape {host.shape}: need {tuple(shape)}, that of grad_w, or {wider} with grad_b"
        raise ShapeError(msg)
    if host.dtype.kind != "b":
        msg = f"observed has dtype {host.dtype}: need bool, True where an entry is as it was computed"
        raise DtypeError(msg)
    if host.all():
        return None
    xp = space.xp
    known = space.asarray(host, dtype=xp.bool)
    return known if host.shape == wider else xp.concat([known, xp.ones_like(known[:, :1])], axis=1)


def most_samples(space: Space, known: Array) -> int:
    """Largest rank that known entries, shape (m, n + 1), can determine by their number.

    A row or column with fewer of them than the rank is open whatever the others are, and leaves fewer to
    these. Of what is left there have to be as many as a matrix of this rank has free numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from spear_xp.numerics.backend import space_of
    >>> most_samples(space_of(np.ones(1)), np.ones((6, 5), dtype=bool))
    5
    """
    xp, found, beyond = space.xp, 0, min(known.shape) + 1
    while beyond - found > 1:
        rank = (found + beyond) // 2
        found, beyond = (rank, beyond) if _suffice(xp, known, rank) else (found, rank)
    return found


def _suffice(xp: Namespace, known: Array, rank: int) -> bool:
    counts = xp.astype(known, xp.int64)
    while min(counts.shape) >= rank:
        rows, columns = (xp.nonzero(xp.sum(counts, axis=axis) >= rank)[0] for axis in (1, 0))
        if (rows.shape[0], columns.shape[0]) == tuple(counts.shape):
            free = rank * (rows.shape[0] + columns.shape[0] - rank)
            return bool(int(xp.sum(counts)) >= free)
        counts = xp.take(xp.take(counts, rows, axis=0), columns, axis=1)
    return False

"""Enters: which entries of an update are as the client computed them. Leaves: that of [grad_w | grad_b]."""

from typing import Any

from spear_xp.errors import DtypeError, ShapeError
from spear_xp.numerics.backend import Array, to_host
from spear_xp.reduction.gradient import Gradient

__all__ = ["entries_of"]


def entries_of(gradient: Gradient, observed: Any) -> Array | None:
    """The mask of the extended gradient, shape (m, n + 1); None where nothing is missing.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient.
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
    host, (m, n) = to_host(observed), gradient.grad_w.shape
    if host.shape not in {(m, n), (m, n + 1)}:
        msg = f"observed has shape {host.shape}: need {(m, n)}, that of grad_w, or {(m, n + 1)} with grad_b"
        raise ShapeError(msg)
    if host.dtype.kind != "b":
        msg = f"observed has dtype {host.dtype}: need bool, True where an entry is as it was computed"
        raise DtypeError(msg)
    if host.all():
        return None
    xp = gradient.space.xp
    known = gradient.space.asarray(host, dtype=xp.bool)
    return known if host.shape[1] > n else xp.concat([known, xp.ones_like(known[:, :1])], axis=1)

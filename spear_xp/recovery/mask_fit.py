"""Enters: a full set of directions. Leaves: how well masks of samples fit zeros of directions.

The dual of a direction is orthogonal to all other directions, so the sample comes out right, and its mask,
whatever its own direction holds. A row on which mask and zero pattern disagree is a contradiction.
"""

import math
from dataclasses import dataclass

from spear_xp.geometry.directions import INDEPENDENT_IN_SET
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH, doubtful_zeros
from spear_xp.numerics.backend import Array, Host, signs, to_host
from spear_xp.numerics.linalg import inverse
from spear_xp.numerics.sorting import upper_median
from spear_xp.reduction.problem import Problem

__all__ = ["FAINT", "SOURCE", "MaskFit", "cost_of"]

SOURCE = "alternation"  # name of what comes out among the sources of candidates
# measured: weight of zeros on active rows where samples may be quiet (lab.md, "Mask alternation")
FAINT = 0.125


@dataclass(frozen=True, slots=True, eq=False)
class MaskFit:
    """Directions of all samples, or of those beside others that stay, and what follows from them.

    Attributes
    ----------
    directions : array, shape (b, t)
        Unit vectors.
    frame : array, shape (b, t)
        Orthonormal basis of what is orthogonal to the directions that stay.
    duals : array, shape (t, t)
        Duals in this basis as columns, up to the scale of each.
    z : array, shape (m_live, t)
        Pre-activations of the duals.
    zero, near : array of bool, shape (m_live, t)
        Entries within the tolerance, and within `AMBIGUOUS_WIDTH` times it.
    doubtful : NumPy array of int, shape (t,)
        Zeros that a quiet sample may have although it is active, as its entries next to them suggest.
    faint : float
        Weight of such zeros beyond these. Quiet samples have many, but hardly an entry on an inactive row.
    contradictions : NumPy array, shape (t,)
        Rows on which zero pattern and mask contradict each other.
    active : NumPy array of int, shape (t,)
        Rows to which a sample may add: active by its mask, or not zero.
    """

    directions: Array
    frame: Array
    duals: Array
    z: Array
    zero: Array
    near: Array
    doubtful: Host
    faint: float
    contradictions: Host
    active: Host

    @property
    def total_contradictions(self) -> float:
        """Weight of the rows on which zero pattern and mask contradict each other, of all samples."""
        return float(self.contradictions.sum())

    @property
    def share(self) -> float:
        """The same as a share of the entries of D."""
        return self.total_contradictions / float(self.z.shape[0] * self.z.shape[1])

    @property
    def order(self) -> tuple[float, float]:
        """What alternation brings down: contradictions, and without any the entries that the set needs."""
        return self.total_contradictions, 0.0 if self.total_contradictions else float(self.active.sum())

    @property
    def cost(self) -> float:
        """The less, the better is a set: contradictions, and the entries that it needs.

        Several sets may contradict masks nowhere. An entry that has to be zero and is costs nothing, one that
        may be anything costs as many nats as digits show of it; so does a chance zero, or one of noise.
        """
        return self.total_contradictions + float(self.active.sum())

    @classmethod
    def of(
        cls, problem: Problem, directions: Array, beside: Array | None = None, faint: float = 1.0
    ) -> "MaskFit | None":
        """What follows from unit vectors, shape (b, t), beside others; None if they are dependent."""
        xp, b = problem.space.xp, problem.rank
        if beside is None:
            frame = xp.eye(b, dtype=problem.space.dtype, device=problem.space.device)
        else:
            frame = xp.linalg.qr(beside, mode="complete").Q[:, beside.shape[1] :]
        inverted, valid = inverse(xp, frame.T @ directions)
        if not valid:
            return None
        zero, near = problem.zeros_of(directions), problem.zeros_of(directions, widen=AMBIGUOUS_WIDTH)
        unsure = doubtful_zeros(problem, near & ~zero)
        z = (problem.layer @ frame) @ inverted.T
        return cls._judged(problem, directions, frame, inverted.T, z, zero, near, unsure, faint)

    @classmethod
    def _judged(
        cls,
        problem: Problem,
        directions: Array,
        frame: Array,
        duals: Array,
        z: Array,
        zero: Array,
        near: Array,
        unsure: Host,
        faint: float,
    ) -> "MaskFit":
        xp = problem.space.xp
        signed = z * signs(xp, (problem.last @ frame) @ duals)  # inputs have last coordinate 1
        flags = ((signed < 0) & ~near, (signed > 0) & zero, (signed > 0) | ~near)
        sums = xp.stack([xp.sum(xp.astype(rows, xp.int64), axis=0) for rows in flags])
        shown, vanished, active = to_host(sums)
        wrong = shown + faint * (vanished - unsure).clip(min=0)
        return cls(directions, frame, duals, z, zero, near, unsure, faint, wrong, active)

    def inactive(self, problem: Problem, j: int, sure: float) -> Array:
        """Rows that sample j does not activate, by number, from a pre-activation relative to their median."""
        xp, z = problem.space.xp, self.z[:, j]
        z = z * signs(xp, (problem.last @ self.frame) @ self.duals[:, j])
        return xp.nonzero(z < -sure * upper_median(xp, xp.abs(z)))[0]

    def replaced(self, problem: Problem, j: int, direction: Array) -> "MaskFit | None":
        """The same with another unit vector in place j; None if that is dependent on the others."""
        xp = problem.space.xp
        shares = self.duals.T @ (self.frame.T @ direction)
        length = xp.sqrt(xp.sum(self.duals[:, j] ** 2))
        pivot, length = to_host(xp.stack([shares[j], length])).tolist()
        if not abs(pivot) > INDEPENDENT_IN_SET * length:
            return None
        here = xp.arange(shares.shape[0], device=problem.space.device) == j
        step = (shares - xp.astype(here, shares.dtype)) / pivot  # rank-one update of the inverse
        new = (direction, problem.zeros_of(direction), problem.zeros_of(direction, widen=AMBIGUOUS_WIDTH))
        spare = self.doubtful.copy()
        spare[j] = doubtful_zeros(problem, (new[2] & ~new[1])[:, None])[0]
        old = (self.directions, self.zero, self.near)
        directions, zero, near = (
            xp.where(here[None, :], one[:, None], all_) for one, all_ in zip(new, old, strict=True)
        )
        duals, z = (a - a[:, j][:, None] * step[None, :] for a in (self.duals, self.z))
        return self._judged(problem, directions, self.frame, duals, z, zero, near, spare, self.faint)


def cost_of(found: MaskFit | None) -> float:
    """How doubtful a set is; none at all is worse than any."""
    return math.inf if found is None else found.cost

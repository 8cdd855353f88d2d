"""Enters: a full set of directions, some wrong. Leaves: one whose masks and zero patterns agree better.

The dual of a direction is orthogonal to all others, so a sample comes out right, and its mask, whatever its
own direction holds. That mask has a kernel, the direction anew: one direction at a time, as long as zero
patterns and predicted masks contradict each other on fewer rows, of all samples together. The truth hardly
has any contradiction.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from spear_xp._arrays import Array, Generator, Host, generator, to_host
from spear_xp._linalg import inverse, normalize
from spear_xp.kernels import kernel_of
from spear_xp.masks import NEXT, hidden
from spear_xp.problem import Problem

__all__ = ["FAINT", "SOURCE", "Alternation", "alternate", "doubt_of"]

SOURCE = "alternation"  # name of what comes out among the sources of candidates
FAINT = 0.125  # weight of zeros on active rows where samples may be quiet: these have many, and few on others
SURE = (0.0, 1e-2, 1e-1)  # pre-activations over their median from which a row is inactive, tried in turn
LEFT = 5e-3  # of a unit vector, below which nothing is left of it, or it is dependent
VANISHING = 3.0  # size of rows on which a direction vanishes, in units of their noise
PATIENCE = 400  # changes without a gain, after which a set without contradictions stays as it is
WARMTH = 1.0  # doubt that a change at random may add, on average, and still be gone on from
MOST = 3  # directions changed at random at once, at most, and rows on which each is made to vanish
STREAM = 9


@dataclass(frozen=True, slots=True, eq=False)
class Alternation:
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
        Entries within the tolerance, and within `NEXT` times it.
    hidden : NumPy array of int, shape (t,)
        Zeros that a quiet sample may have although it is active, as its entries next to them suggest.
    faint : float
        Weight of such zeros beyond these. Quiet samples have many, but hardly an entry on an inactive row.
    wrong : NumPy array, shape (t,)
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
    hidden: Host
    faint: float
    wrong: Host
    active: Host

    @property
    def contradictions(self) -> float:
        """Weight of the rows on which zero pattern and mask contradict each other, of all samples."""
        return float(self.wrong.sum())

    @property
    def share(self) -> float:
        """The same as a share of the entries of D."""
        return self.contradictions / float(self.z.shape[0] * self.z.shape[1])

    @property
    def order(self) -> tuple[float, float]:
        """What alternation brings down: contradictions, and without any the entries that the set needs."""
        return self.contradictions, 0.0 if self.contradictions else float(self.active.sum())

    @property
    def doubt(self) -> float:
        """The less, the better is a set: contradictions, and the entries that it needs.

        Several sets may contradict masks nowhere. An entry that has to be zero and is costs nothing, one that
        may be anything costs as many nats as digits show of it; so does a chance zero, or one of noise.
        """
        return self.contradictions + float(self.active.sum())

    @classmethod
    def of(
        cls, problem: Problem, directions: Array, beside: Array | None = None, faint: float = 1.0
    ) -> "Alternation | None":
        """What follows from unit vectors, shape (b, t), beside others; None if they are dependent."""
        xp, b = problem.space.xp, problem.rank
        if beside is None:
            frame = xp.eye(b, dtype=problem.space.dtype, device=problem.space.device)
        else:
            frame = xp.linalg.qr(beside, mode="complete").Q[:, beside.shape[1] :]
        inverted, valid = inverse(xp, frame.T @ directions)
        if not valid:
            return None
        zero, near = problem.zeros_of(directions), problem.zeros_of(directions, widen=NEXT)
        unsure = hidden(problem, near & ~zero)
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
    ) -> "Alternation":
        xp = problem.space.xp
        signed = z * xp.sign((problem.last @ frame) @ duals)  # inputs have last coordinate 1
        shown, vanished, active = (
            to_host(xp.sum(xp.astype(rows, xp.int64), axis=0))
            for rows in ((signed < 0) & ~near, (signed > 0) & zero, (signed > 0) | ~near)
        )
        wrong = shown + faint * (vanished - unsure).clip(min=0)
        return cls(directions, frame, duals, z, zero, near, unsure, faint, wrong, active)

    def inactive(self, problem: Problem, j: int, sure: float) -> Array:
        """Rows that sample j does not activate, by number, from a pre-activation relative to their median."""
        xp, z = problem.space.xp, self.z[:, j]
        z = z * xp.sign((problem.last @ self.frame) @ self.duals[:, j])
        return xp.nonzero(z < -sure * xp.sort(xp.abs(z))[z.shape[0] // 2])[0]

    def replaced(self, problem: Problem, j: int, direction: Array) -> "Alternation | None":
        """The same with another unit vector in place j; None if that is dependent on the others."""
        xp = problem.space.xp
        shares = self.duals.T @ (self.frame.T @ direction)
        pivot, length = float(shares[j]), float(xp.sqrt(xp.sum(self.duals[:, j] ** 2)))
        if not abs(pivot) > LEFT * length:
            return None
        here = xp.arange(shares.shape[0], device=problem.space.device) == j
        step = (shares - xp.astype(here, shares.dtype)) / pivot  # rank-one update of the inverse
        new = (direction, problem.zeros_of(direction), problem.zeros_of(direction, widen=NEXT))
        spare = self.hidden.copy()
        spare[j] = hidden(problem, (new[2] & ~new[1])[:, None])[0]
        old = (self.directions, self.zero, self.near)
        directions, zero, near = (
            xp.where(here[None, :], one[:, None], all_) for one, all_ in zip(new, old, strict=True)
        )
        duals, z = (a - a[:, j][:, None] * step[None, :] for a in (self.duals, self.z))
        return self._judged(problem, directions, self.frame, duals, z, zero, near, spare, self.faint)


def doubt_of(found: Alternation | None) -> float:
    """How doubtful a set is; none at all is worse than any."""
    return math.inf if found is None else found.doubt


def alternate(
    problem: Problem,
    directions: Array,
    *,
    beside: Array | None = None,
    faint: float = 1.0,
    tries: int = 0,
    seed: int = 0,
    keep_going: Callable[[], bool] = lambda: True,
) -> Alternation | None:
    """Mask alternation, one direction at a time, and again from changes at random.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, t)
        Independent unit vectors.
    beside : array, shape (b, b - t), optional
        Directions that stay; then the others stay in the space that they span. None if t = b.
    faint : float
        Weight of zeros on active rows.
    tries : int
        Random changes to try once nothing else helps.
    seed : int
        Of these.
    keep_going : callable
        Asked before each change; False ends with what there is.

    Returns
    -------
    Alternation or None
        None if the directions are dependent.
    """
    current = Alternation.of(problem, directions, beside, faint)
    if current is None:
        return None
    space = None if beside is None else problem.space.xp.linalg.qr(directions).Q
    within = None if space is None else (space, problem.rows @ space)
    current = _settled(problem, current, within, keep_going)
    best, rng, in_vain = current, generator(seed, STREAM, 0), 0
    for _ in range(tries):
        if (in_vain >= PATIENCE and not best.contradictions) or not keep_going():
            break
        changed = _settled(problem, _changed(problem, current, rng), within, keep_going, SURE[:1])
        if changed.doubt <= current.doubt + WARMTH * rng.exponential():  # simulated annealing
            current = changed
        in_vain = 0 if changed.order < best.order else in_vain + 1
        best = min(best, changed, key=lambda one: one.order)
    return Alternation.of(problem, best.directions, beside, faint)  # updates of an inverse add up rounding


def _settled(
    problem: Problem,
    current: Alternation,
    within: tuple[Array, Array] | None,
    keep_going: Callable[[], bool],
    levels: tuple[float, ...] = SURE,
) -> Alternation:
    """Directions from masks until no one of them brings the contradictions down.

    They lie in a space, given by an orthonormal basis and the rows in its coordinates, or anywhere.
    """
    while True:
        before = current
        for j in (-current.wrong).argsort(kind="stable").tolist():
            if not (current.wrong[j] and keep_going()):
                continue
            for sure in levels:
                rows = current.inactive(problem, j, sure)
                direction = _nearest(problem, rows, within, current.directions[:, j])
                other = None if direction is None else current.replaced(problem, j, direction)
                if other is not None and other.contradictions < current.contradictions:
                    current = other
                    break
        if current is before:
            return current


def _nearest(
    problem: Problem, rows: Array, within: tuple[Array, Array] | None, direction: Array
) -> Array | None:
    """What a direction keeps in the kernel of some rows, at unit norm; None if nothing."""
    xp = problem.space.xp
    space, coordinates = within or (None, problem.rows)
    if rows.shape[0] < coordinates.shape[1]:
        return None
    picked = xp.take(coordinates, rows, axis=0)
    if space is None:
        kernel = kernel_of(problem, picked)
    else:
        _, values, right = xp.linalg.svd(picked, full_matrices=False)
        vectors = space @ right.T
        vanishing = values < VANISHING * rows.shape[0] ** 0.5 * problem.noise_of(vectors)
        count = max(1, int(xp.sum(xp.astype(vanishing, xp.int64))))
        kernel = vectors[:, -count:]
    part = kernel @ (kernel.T @ direction)
    size = float(xp.sqrt(xp.sum(part**2)))
    return part / size if size > LEFT else None


def _changed(problem: Problem, current: Alternation, rng: Generator) -> Alternation:
    """Some contradictory directions, or any, mixed with others so as to vanish on rows where they do not."""
    space = problem.space
    xp = space.xp
    entries, zero = to_host(problem.rows @ current.directions), to_host(current.zero)
    everyone = to_host(range(len(current.wrong)))
    doubtful = current.wrong.nonzero()[0] if current.contradictions else everyone
    for j in rng.permutation(doubtful)[: rng.integers(1, MOST)].tolist():
        others = rng.permutation(everyone[everyone != j])[: rng.integers(1, MOST + 1)]
        active = (~zero[:, j] & ~zero[:, others].all(axis=1)).nonzero()[0]
        picked = rng.permutation(active)[: len(others)]
        if not 0 < len(others) == len(picked):
            continue
        system, valid = inverse(xp, space.asarray(entries[picked][:, others]))
        if valid:
            shares = system @ space.asarray(entries[picked, j])
            added = xp.take(current.directions, space.indices(others), axis=1) @ shares
            mixed = normalize(xp, (current.directions[:, j] - added)[:, None])[:, 0]
            current = current.replaced(problem, j, mixed) or current
    return current

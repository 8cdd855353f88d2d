"""Enters: known points, and rows. Leaves: clusters of rows that share one unknown point."""

from collections.abc import Iterator

from spear_xp.numerics.backend import Array, on_device, signs
from spear_xp.numerics.linalg import inverse, normalize
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.overcomplete.known import KnownPoints
from spear_xp.overcomplete.problem import OvercompleteProblem

__all__ = ["LOUD", "ROOM", "Projected", "among", "partners", "superset"]

LOUD = 30.0  # chosen: standard deviations above which what is left of a row counts
AGREE = 4.0  # chosen: distance of two directions in standard deviations, up to which they are one
ROOM = 3  # derived: dimensions in which two rows agree by more than chance
COSINE = 512.0  # chosen: rounding of the cosine of two unit vectors in rounding units
CLUSTERS = 64  # chosen: clusters of one set
PASSES = 8  # cosmetic: temporary arrays of a stack of spans
FARTHER = 0.25  # chosen: what a row counts less for each point that a set lacks of it


def superset(known: KnownPoints, seed: int, weights: Array, size: int) -> Array:
    """Known points that hold all of one row, and all of as many others as possible, True, up to `size`.

    `weights` say how much each row of the problem counts.
    """
    xp, device = known.problem.space.xp, known.problem.space.device
    rows = xp.nonzero(weights > 0)[0]
    chosen, weights = known.active[seed, :], xp.take(weights, rows)
    active = xp.astype(xp.take(known.active, rows, axis=0), weights.dtype)
    numbers = xp.arange(known.count, device=device)
    for _ in range(int(xp.sum(xp.astype(chosen, xp.int64))), min(size, known.count)):
        missing = active @ xp.astype(~chosen, active.dtype)
        shares = xp.where(missing > 0, weights * FARTHER**missing, xp.zeros_like(weights))
        scores = xp.where(chosen, -xp.ones_like(known.bars), shares @ active)
        chosen = chosen | (numbers == xp.argmax(scores))
    return chosen


class Projected:
    """Rows whose known points are all among the chosen ones, in the dimensions that these leave.

    Parameters
    ----------
    known : KnownPoints
    chosen : array of bool, shape (k,)
        At most d - 3 of them.
    rows : array of int
        Rows without other points.

    Attributes
    ----------
    rows : array of int, shape (r,)
        Those of which something is left.
    explained : array of int
        The others.
    """

    def __init__(self, known: KnownPoints, chosen: Array, rows: Array) -> None:
        problem = known.problem
        self.space = problem.space
        xp, basis = problem.space.xp, known.points[chosen].T
        taken = int(basis.shape[1])
        full, variance = xp.take(problem.rows, rows, axis=0), xp.take(problem.noise, rows) ** 2
        if taken:
            q, r = xp.linalg.qr(basis, mode="complete")
            back, valid = inverse(xp, r[:taken, :])
            shares = full @ q[:, :taken] @ back.T
            variance = variance + shares**2 @ known.bars[chosen] ** 2
            full = full @ q[:, taken:]
            if not valid:  # known points that depend on each other: nothing can be told
                rows, full, variance = rows[:0], full[:0, :], variance[:0]
        noise = xp.sqrt(variance * full.shape[1])
        size = xp.sqrt(xp.vecdot(full, full))
        loud = size > LOUD * noise
        self.rows, self.explained = rows[loud], rows[~loud]
        self._noise, self._unit = noise[loud] / size[loud], normalize(xp, full[loud], axis=1)

    def clusters(self) -> Iterator[Array]:
        """Groups of rows that are parallel, the largest first."""
        xp, device, unit, count = self.space.xp, self.space.device, self._unit, int(self.rows.shape[0])
        if count < 2:
            return
        limit = AGREE * (self._noise[:, None] + self._noise[None, :])
        cosines = xp.abs(unit @ unit.T)
        near = 1.0 - cosines < xp.maximum(limit**2 / 2, COSINE * self.space.eps)
        near = near & ~xp.eye(count, dtype=xp.bool, device=device)
        for _ in range(CLUSTERS):
            degrees = xp.sum(xp.astype(near, xp.int64), axis=1)
            hub = int(xp.argmax(degrees))
            if not int(degrees[hub]):
                return
            apart = unit * signs(xp, unit @ unit[hub, :])[:, None] - unit[hub, :]
            own = near[hub, :] & (xp.sqrt(xp.vecdot(apart, apart)) < limit[hub, :])
            own = own | (xp.arange(count, device=device) == hub)
            near = near & ~own[:, None] & ~own[None, :]
            if int(xp.sum(xp.astype(own, xp.int64))) > 1:
                yield self.rows[own]


def partners(known: KnownPoints, seed: int, rows: Array, keep_going: KeepGoing = forever) -> Array:
    """Rows that are parallel to one row once the known points of both are taken out; that row is the first.

    `OutOfTime` is raised when `keep_going` says no.
    """
    problem = known.problem
    xp, found = problem.space.xp, [problem.space.indices([seed])]
    active = known.active_on(rows) | known.active[seed, :]
    room = problem.dimension - xp.sum(xp.astype(active, xp.int64), axis=1)
    fits = (room >= ROOM) & (rows != seed)
    rows, room, active = rows[fits], room[fits], active[fits]
    for part in blocks(int(rows.shape[0]), PASSES * problem.dimension**2, device=on_device(xp)):
        ask(keep_going)
        found.append(rows[part][_parallel(known, seed, rows[part], room[part], active[part, :])])
    return xp.concat(found)


def _parallel(known: KnownPoints, seed: int, rows: Array, room: Array, active: Array) -> Array:
    """Whether what the active points leave of each row is parallel to what they leave of one row."""
    problem, spans = known.problem, known.spans(active)
    xp = problem.space.xp
    width = xp.sqrt(xp.astype(room, problem.rows.dtype))
    other, noise = spans.rest(xp, xp.take(problem.rows, rows, axis=0), xp.take(problem.noise, rows))
    same = xp.zeros_like(noise)
    this, base = spans.rest(xp, problem.rows[seed, :] + same[:, None], problem.noise[seed] + same)
    limit, loud = same, room >= ROOM
    for left, error in ((this, base), (other, noise)):
        size = xp.sqrt(xp.vecdot(left, left))
        loud = loud & (size > LOUD * error * width)
        limit = limit + AGREE * error * width / xp.where(size > 0, size, xp.ones_like(size))
    this, other = normalize(xp, this, axis=1), normalize(xp, other, axis=1)
    apart = other * signs(xp, xp.vecdot(this, other))[:, None] - this
    return loud & (xp.sqrt(xp.vecdot(apart, apart)) < limit)


def among(problem: OvercompleteProblem, rows: Array) -> Array:
    """True for these rows of a problem."""
    xp = problem.space.xp
    numbers, ranked = xp.arange(problem.width, dtype=rows.dtype, device=problem.space.device), xp.sort(rows)
    return xp.searchsorted(ranked, numbers, side="right") > xp.searchsorted(ranked, numbers, side="left")

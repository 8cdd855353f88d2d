"""Enters: an `OvercompleteProblem`. Leaves: points that its rows share, peeled one after the other.

On a row with one unknown sample, what known samples leave points to that sample, seen from outside of their
span. Two such rows agree; a point that several rows agree on is known from then on, and takes one unknown
from each row that it is active on.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.work import (
    DOUBLE,
    KeepGoing,
    OutOfTime,
    ask,
    calls,
    decompositions,
    elementwise,
    forever,
    product,
    small_solves,
)
from spear_xp.overcomplete.clusters import ROOM, Projected, among, partners, superset
from spear_xp.overcomplete.examination import examine
from spear_xp.overcomplete.known import UNSURE, Fit, KnownPoints
from spear_xp.overcomplete.problem import OvercompleteProblem

__all__ = ["FITS", "SPARE", "Peeling", "acceptable", "peel"]

SPARE = 4  # chosen: equations beyond those that determine a point, or the coefficients of a row
SMALL = 1e-2  # chosen: error bar of a point, up to which it is worth something
FITS = 3.0  # chosen: distance of a row from the span of points in standard deviations
MEMBERS = 4  # chosen: rows of a cluster whose own partners are looked for, too
BESIDE = 3.0  # measured: work beside what is counted one by one (lab.md, "Tables")
CERTAIN = 2  # derived: dimensions outside of a span, in which nothing is left of a row by no accident
LINES, WAITING = 40, 2000  # chosen: tied points at once, and clusters that may be such
FEWEST = 2  # derived: rows that tell a cluster from others
BLOCK = 2500  # cosmetic: rows that are compared with each other at once


@dataclass(frozen=True, slots=True)
class Stage:
    """How rows are compared until nothing is found.

    `left` dimensions remain in common, none for rows that are compared pair by pair. `covers` is how often
    each row takes part, `pool` how many rows do, the quietest first.
    """

    left: int
    covers: int
    pool: int


# chosen: cheap comparisons first. Sets compare all of their rows at once, pairs waste no dimension
STAGES = (
    Stage(4, 3, 1500),
    Stage(3, 3, 3000),
    Stage(0, 1, 1000),
    Stage(0, 1, 2000),
    Stage(0, 1, 2**31),
)


def acceptable(known: KnownPoints, fit: Fit, without: int | None = None) -> bool:
    """Whether a fit is a new point: overdetermined, small in error, active on its rows, not known yet.

    One known point may be the same.
    """
    if not _determined(known, fit):
        return False
    xp, bar = known.problem.space.xp, fit.bar(known.problem.space.xp)
    active = known.may_be_active(fit.point, bar)
    if not bool(xp.all(xp.take(active, fit.rows))):
        return False
    apart = xp.sqrt(xp.mean((known.points - fit.point) ** 2, axis=1))
    others = xp.arange(known.count, device=apart.device) != (known.count if without is None else without)
    return not bool(xp.any(others & (apart < UNSURE * (bar + known.bars))))


def _determined(known: KnownPoints, fit: Fit) -> bool:
    """Whether a fit is overdetermined, small in error, and near to all of its rows."""
    xp, needed = known.problem.space.xp, known.problem.dimension - 1 - (fit.tie is not None) + SPARE
    return fit.equations >= needed and fit.bar(xp) < SMALL and bool(float(xp.max(fit.distances)) < FITS)


class Peeling:
    """State of a search by peeling.

    Attributes
    ----------
    known : KnownPoints
    comparisons : int
        Sets of rows compared so far.
    """

    def __init__(self, problem: OvercompleteProblem) -> None:
        xp, space, m = problem.space.xp, problem.space, problem.width
        self.problem, self.known = problem, KnownPoints(problem)
        self.comparisons, self._work = 0, 0.0
        self._order = xp.argsort(problem.activity, stable=True)
        self._place = xp.argsort(self._order, stable=True)
        self._explained = xp.zeros((m,), dtype=xp.bool, device=space.device)
        self._seen = xp.zeros((m,), dtype=xp.int64, device=space.device)
        self._stage = 0
        # a larger pool is no other one where there are no more rows
        self._stages = [
            stage
            for before, stage in zip((None, *STAGES), STAGES, strict=False)
            if before is None or before.left != stage.left or before.pool < m
        ]
        self._waiting: dict[tuple[int, ...], Array] = {}
        self._settled: Array = None

    @property
    def work(self) -> float:
        """Multiply-adds so far."""
        return BESIDE * self._work

    def step(self, keep_going: KeepGoing = forever) -> bool:
        """Compare one set of rows and take in what they agree on; False once nothing is left to try.

        `OutOfTime` is raised when `keep_going` says no on the way.
        """
        xp, known = self.problem.space.xp, self.known
        while self._stage < len(self._stages):
            stage = self._stages[self._stage]
            usable = (known.freedom >= ROOM) & ~self._explained & (self._place < stage.pool)
            wanted = usable & (self._seen < stage.covers)
            # a set of all known points leaves no pair out
            if bool(xp.any(wanted)) and (stage.left or known.count > self.problem.dimension - ROOM):
                break
            self._stage += 1
            self._seen = xp.zeros_like(self._seen)
            if self.settle(keep_going):  # cheaper than more rows
                return True
        else:
            return False
        ask(keep_going)
        before = known.active
        pairs = stage.left == 0
        groups = self._pairs(usable, wanted, keep_going) if pairs else self._set(stage, usable, wanted)
        for rows in groups:
            ask(keep_going)
            self._take(rows, keep_going, grow=pairs)
        self.comparisons += 1
        self._renew(before)
        return True

    def _renew(self, before: Array) -> None:
        """Compare rows once more whose points have changed."""
        xp, known = self.problem.space.xp, self.known
        if known.active is before:
            return
        width = before.shape[1]
        changed = xp.any(known.active[:, width:], axis=1) | xp.any(known.active[:, :width] ^ before, axis=1)
        # rows may be compared in more dimensions than before, or with others that were not covered
        self._seen = xp.where(changed, xp.zeros_like(self._seen), self._seen)
        self._explained = self._explained & ~changed
        self._stage = 0

    def settle(self, keep_going: KeepGoing = forever) -> bool:
        """Find where tied points are on their lines, or tie further ones; False if neither can be done."""
        known, before = self.known, self.known.active
        if not self._waiting and self._settled is before:
            return False
        self._settled = before
        if not self._untied(keep_going):
            waiting, self._waiting = list(self._waiting.values()), {}
            for rows in waiting[: max(0, LINES - len(known.ties))]:
                ask(keep_going)
                self._tie(rows)
        self._renew(before)
        return known.active is not before

    def _untied(self, keep_going: KeepGoing) -> bool:
        """Whether rows without the other point told where some tied one is."""
        known, xp, found = self.known, self.problem.space.xp, False
        if not known.ties:
            return False
        d, certain = self.problem.dimension, (known.freedom >= CERTAIN)[:, None]
        holds = examine(known, keep_going).holds & certain
        self._work += DOUBLE * product(self.problem.width, d, d) + calls(200 * len(known.ties))
        for k, other in list(known.ties.items()):
            ask(keep_going)
            rows = self._order[xp.take(holds[:, k], self._order)]
            # rows without the other one are those that tell
            both = known.active_on(rows, k)[:, other]
            rows = xp.take(rows, xp.argsort(xp.astype(both, xp.int64), stable=True))
            fit = known.fit(rows, without=k) if rows.shape[0] else None
            if fit is not None and acceptable(known, fit, without=k):
                known.untie(k, fit)
                found = True
        return found

    def _tie(self, rows: Array) -> None:
        """Add a point that is known up to a mixture, if rows show one."""
        known, fit = self.known, self.known.fit(rows, tied=True)
        if fit is None or not _determined(known, fit):
            return
        if fit.tie is not None:
            known.add_tied(fit, fit.tie, self._explained)
        elif acceptable(known, fit):
            known.add(fit)

    def resume(self, points: Array, bars: Array) -> None:
        """Take in points that were found otherwise, with their errors."""
        xp, known = self.problem.space.xp, self.known
        for k in range(points.shape[0]):
            apart = xp.sqrt(xp.mean((known.points - points[k, :]) ** 2, axis=1))
            size = xp.sqrt(xp.mean(points[k, :] ** 2))
            near = xp.maximum(UNSURE * (bars[k] + known.bars), SMALL * size)
            if float(bars[k]) < SMALL and not bool(xp.any(apart < near)):
                known.add_rough(points[k, :], bars[k])
        self.restart()

    def restart(self) -> None:
        """Compare all rows once more, because points have changed."""
        xp = self.problem.space.xp
        self._seen, self._stage = xp.zeros_like(self._seen), 0
        self._explained = xp.zeros_like(self._explained)

    def _first(self, rows: Array) -> int:
        """Quietest of some rows."""
        return int(self._quiet_first(rows)[0])

    def _quiet_first(self, rows: Array) -> Array:
        """Numbers of the quietest of some rows."""
        return _first_of(self._order[self.problem.space.xp.take(rows, self._order)], BLOCK)

    def _mark(self, rows: Array, explained: Array) -> None:
        xp = self.problem.space.xp
        self._seen = self._seen + xp.astype(among(self.problem, rows), xp.int64)
        self._explained = self._explained | among(self.problem, explained)

    def _set(self, stage: Stage, usable: Array, wanted: Array) -> Iterator[Array]:
        """Clusters of rows whose known points are all in one set."""
        xp, known, d = self.problem.space.xp, self.known, self.problem.dimension
        if known.count <= d - stage.left:
            chosen = xp.ones((known.count,), dtype=xp.bool, device=self.problem.space.device)
        else:
            seen = xp.astype(self._seen, self.problem.rows.dtype)
            least = xp.min(self._seen[wanted])
            weights = xp.astype(usable, seen.dtype) * 0.25**seen
            chosen = superset(known, self._first(wanted & (self._seen == least)), weights, d - stage.left)
        inside = usable & ~xp.any(known.active & ~chosen, axis=1)
        parts = [self._quiet_first(inside & part) for part in (wanted, ~wanted)]
        rows = _first_of(xp.concat(parts), BLOCK)
        projected = Projected(known, chosen, rows)
        self._mark(rows, projected.explained)
        r = int(rows.shape[0])
        self._work += product(r, r, d) + product(r, d, d) + elementwise(r * r, 6) + calls(60)
        return projected.clusters()

    def _pairs(self, usable: Array, wanted: Array, keep_going: KeepGoing) -> Iterator[Array]:
        """Rows that agree with the quietest one that is wanted."""
        d = self.problem.dimension
        first, rows = self._first(wanted), self._quiet_first(usable)
        own = partners(self.known, first, rows, keep_going)
        self._mark(own[:1], own[:0])
        self._work += (
            DOUBLE * product(int(rows.shape[0]), d, d * 4) + small_solves(d, int(rows.shape[0])) + calls(99)
        )
        if own.shape[0] > 1:
            yield own

    def _take(self, rows: Array, keep_going: KeepGoing, *, grow: bool) -> None:
        """Add the point of a cluster, if it is one; rows that agree with its members may join."""
        xp, known, d = self.problem.space.xp, self.known, self.problem.dimension
        fit = known.fit(rows, tied=True)
        if grow and (fit is None or fit.equations < d - 1 + SPARE):
            usable = self._quiet_first((known.freedom >= ROOM) & ~self._explained)
            joined = [
                partners(known, int(row), usable, keep_going) for row in to_host(_first_of(rows, MEMBERS))
            ]
            more = among(self.problem, xp.concat([rows, *joined]))
            if int(xp.sum(xp.astype(more, xp.int64))) > rows.shape[0]:
                rows = self._quiet_first(more)
                fit = known.fit(rows, tied=True)
        self._work += decompositions(d, d, 3) + DOUBLE * product(int(rows.shape[0]) * d, d, d) + calls(200)
        if fit is not None and fit.tie is not None:
            if len(self._waiting) < WAITING:
                self._waiting[tuple(int(row) for row in rows[:FEWEST])] = rows
        elif fit is not None and acceptable(known, fit):
            known.add(fit)


def _first_of(rows: Array, count: int) -> Array:
    return rows[: min(count, int(rows.shape[0]))]


def peel(
    peeling: Peeling,
    *,
    keep_going: KeepGoing = forever,
    count: Callable[[float], None] = lambda _: None,
    observer: Callable[[Peeling], None] = lambda _: None,
) -> None:
    """Find points until no rows agree on another one.

    Parameters
    ----------
    peeling : Peeling
        Changed in place, so that whatever was found survives any ending.
    keep_going : callable
        Asked on the way.
    count : callable
        Told the multiply-adds of each comparison.
    observer : callable
        Called after each comparison.
    """
    counted = peeling.work
    with suppress(OutOfTime):
        while peeling.step(keep_going) or peeling.settle(keep_going):
            count(peeling.work - counted)
            counted = peeling.work
            observer(peeling)
    peeling.known.drop_tied()

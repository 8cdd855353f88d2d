"""Enters: an overcomplete problem. Leaves: known points, where they may be active, and fits of new ones.

Where one known point is on all rows that show another one, these rows determine the other one only up to a
mixture with it. The line through both is known then, and all that a row with the *tied* point needs is to
leave out both. A row without the known point tells later where on the line the tied one is.
"""

from dataclasses import dataclass

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import inverse
from spear_xp.overcomplete.problem import OvercompleteProblem
from spear_xp.overcomplete.spans import Spans, padded

__all__ = ["FORWARD", "Fit", "KnownPoints"]

UNSURE = 6.0  # chosen: error bars of a pre-activation within which its sign is open
FORWARD = 8.0  # chosen: rounding of a pre-activation in rounding units of the gradient
FITTED = 96  # chosen: rows that determine a point, the first; more improve it no further
ROUNDS = 3  # chosen: of fit and weights
TOLD = 2  # derived: equations that rule a mixture with a known point out: one determines its share
FARTHEST = 1e3  # cosmetic: ends of a line, in units of the distance of its points
VISIBLE = 1e-9  # chosen: share of a point outside of the known ones, below which a row says nothing about it


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A point that lies in the span of each of some rows and of the known points on it.

    Attributes
    ----------
    point : array, shape (d,)
    covariance : array, shape (d, d)
    rows : array of int, shape (r,)
        These rows.
    distances : array, shape (r,)
        Distance of the point from the span of each, in standard deviations.
    equations : int
        Independent conditions that the rows put on the point, of which d - 1 determine it.
    tie : int, optional
        The known point that all rows hold beside it: any mixture of both fits as well.
    """

    point: Array
    covariance: Array
    rows: Array
    distances: Array
    equations: int
    tie: int | None = None

    def bar(self, xp: Namespace) -> float:
        """Root mean square standard deviation of its coordinates; infinite where nothing determines it."""
        mean = float(xp.mean(xp.linalg.diagonal(self.covariance)))
        return mean**0.5 if 0 <= mean < float("inf") else float("inf")


class KnownPoints:
    """Points known so far.

    Attributes
    ----------
    problem : OvercompleteProblem
    points : array, shape (k, d)
    bars : array, shape (k,)
        Standard deviation of an entry of each.
    input_bars : array, shape (k,)
        The same of an entry of the sample, in the units of the inputs.
    active : array of bool, shape (m_live, k)
        Where a point may be active: its pre-activation is not surely negative. Where a tied point may be,
        the point that it is tied to counts as active, too.
    ties : dict of int to int
        Points that are known up to a mixture with another one, and that one.
    """

    def __init__(self, problem: OvercompleteProblem) -> None:
        xp = problem.space.xp
        self.problem = problem
        self.points = problem.rows[:0, :]
        self.bars = self.input_bars = problem.rows[:0, 0]
        self._own = xp.zeros((problem.width, 0), dtype=xp.bool, device=problem.space.device)
        self.active = self._own
        self.ties: dict[int, int] = {}
        last = problem.last
        self._start = last / (last @ last)
        self._free = xp.linalg.qr(last[:, None], mode="complete").Q[:, 1:]

    @property
    def count(self) -> int:
        """Number k of known points."""
        return int(self.points.shape[0])

    @property
    def freedom(self) -> Array:
        """Dimensions that the active points of each row leave at least, shape (m_live,)."""
        xp = self.problem.space.xp
        return self.problem.dimension - xp.sum(xp.astype(self.active, xp.int64), axis=1)

    def may_be_active(self, point: Array, bar: float) -> Array:
        """Rows on which a point may be active."""
        problem = self.problem
        return problem.layer @ point > -self._unsure(point[None, :], bar) * problem.layer_norms

    def surely_active(self, layer: Array, norms: Array) -> Array:
        """Where known points are active for certain: rows of a layer with their norms, shape (r, k)."""
        return layer @ self.points.T > norms[:, None] * self._unsure(self.points, self.bars)

    def _unsure(self, points: Array, bars: Array | float) -> Array:
        """Pre-activations of a unit layer row below which their sign is open, shape (k,)."""
        xp = self.problem.space.xp
        return UNSURE * bars + FORWARD * self.problem.unit_roundoff * xp.sqrt(xp.vecdot(points, points))

    def add(self, fit: Fit) -> None:
        """One more known point."""
        bar = fit.bar(self.problem.space.xp)
        self._append(fit, bar, self.may_be_active(fit.point, bar))

    def add_tied(self, fit: Fit, tie: int, silent: Array) -> None:
        """A point known up to a mixture with a known one, if it is new and a mask is left for it.

        It is active on its rows, and neither on those that are `silent` nor on rows that are zero.
        """
        problem, xp, bar = self.problem, self.problem.space.xp, fit.bar(self.problem.space.xp)
        along = self.points[tie, :] - fit.point
        apart = self.points - fit.point
        apart = apart - (apart @ along / (along @ along))[:, None] * along
        near = xp.sqrt(xp.mean(apart**2, axis=1)) < UNSURE * (bar + self.bars)
        if bool(xp.any(near & (xp.arange(self.count, device=near.device) != tie))):
            return
        margin = self._unsure(fit.point[None, :], bar)
        value, wide = problem.layer @ fit.point, margin * problem.layer_norms
        slope = problem.layer @ along
        # value + t slope over the line: not surely negative on the first, not surely positive on the others
        value_at = [
            xp.take(value + wide, fit.rows),
            (wide - value)[silent],
            margin - problem.dead_layer @ fit.point,
        ]
        slope_at = [xp.take(slope, fit.rows), -slope[silent], -problem.dead_layer @ along]
        start, rise = xp.concat(value_at), xp.concat(slope_at)
        ends = -start / xp.where(rise == 0, 1.0, rise)
        low = float(xp.max(xp.where(rise > 0, ends, -FARTHEST)))
        high = float(xp.min(xp.where(rise < 0, ends, FARTHEST)))
        if low <= high:
            self._append(fit, bar, value + wide + xp.maximum(low * slope, high * slope) > 0)
            self.ties[self.count - 1] = tie
            self.active = self._extended(self._own)

    def untie(self, k: int, fit: Fit) -> None:
        """The place of a tied point on its line."""
        del self.ties[k]
        self.replace(k, fit)
        self.active = self._extended(self._own)

    def drop_tied(self) -> None:
        """Forget points that are known up to a mixture only."""
        if self.ties:
            kept = [k for k in range(self.count) if k not in self.ties]
            self.ties = {}
            self._keep(self.problem.space.indices(kept))
            self.active = self._own

    def _extended(self, own: Array, without: int | None = None) -> Array:
        """Where points are active or span what a tied point may be, shape (r, k)."""
        numbers = self.problem.space.xp.arange(self.count, device=own.device)
        own = own if without is None else own & (numbers != without)
        found = own
        for tied, other in self.ties.items():
            if tied != without:
                found = found | (own[:, tied : tied + 1] & (numbers == other))
        return found

    def _append(self, fit: Fit, bar: float, active: Array) -> None:
        xp = self.problem.space.xp
        one = xp.ones_like(self._start[:1])
        self.points = xp.concat([self.points, fit.point[None, :]], axis=0)
        self.bars = xp.concat([self.bars, one * bar])
        self.input_bars = xp.concat([self.input_bars, one * self.problem.bar_of_inputs(fit.covariance)])
        self._own = xp.concat([self._own, active[:, None]], axis=1)
        self.active = xp.concat([self.active, active[:, None]], axis=1)

    def _keep(self, order: Array) -> None:
        xp = self.problem.space.xp
        self.points = xp.take(self.points, order, axis=0)
        self.bars, self.input_bars = xp.take(self.bars, order), xp.take(self.input_bars, order)
        self._own, self.active = (xp.take(part, order, axis=1) for part in (self._own, self.active))

    def add_rough(self, point: Array, bar: Array) -> None:
        """One more point, with an error of its entries that is the same in all directions."""
        eye = self.problem.space.xp.eye(self.problem.dimension, dtype=point.dtype, device=point.device)
        nowhere = self.problem.space.indices([])
        self.add(Fit(point, eye * bar**2, nowhere, point[:0], 0))

    def replace(self, k: int, fit: Fit) -> None:
        """Another fit of a known point."""
        last = self.count
        self.add(fit)
        self._keep(self.problem.space.indices([*range(k), last, *range(k + 1, last)]))

    def active_on(self, rows: Array, without: int | None = None) -> Array:
        """Where known points may be active, for some rows; one point may count as unknown."""
        xp = self.problem.space.xp
        if without is None:
            return xp.take(self.active, rows, axis=0)
        return self._extended(xp.take(self._own, rows, axis=0), without)

    def spans(self, active: Array) -> Spans:
        """Span of the points that are True in each row of `active`, shape (r, k)."""
        xp, d = self.problem.space.xp, self.problem.dimension
        order, used = padded(xp, active)
        flat = xp.reshape(order, (-1,))
        weights = xp.astype(used, self.problem.rows.dtype)
        vectors = xp.reshape(xp.take(self.points, flat, axis=0), (*order.shape, d))
        bars = xp.reshape(xp.take(self.bars, flat), order.shape)
        return Spans.of(xp, vectors * weights[:, :, None], bars * weights)

    def fit(self, rows: Array, without: int | None = None, *, tied: bool = False) -> Fit | None:
        """The point that all of these rows share beside known ones; None where they do not determine it.

        Each row is a combination of its known points and this one: its span with them holds the point. The
        noise of a row moves the span by as much less as the share of the point in it is large.

        Where one known point is on all rows, they determine a line; `tied` asks for a point of it.
        """
        problem, rows = self.problem, rows[: min(FITTED, rows.shape[0])]
        xp, d, dtype = problem.space.xp, problem.dimension, problem.rows.dtype
        active = self.active_on(rows, without)
        freedom = d - 1 - xp.sum(xp.astype(active, xp.int64), axis=1)
        shared, tie, free = self._shared(active, freedom), None, self._free
        if shared:
            tie = shared[0]
            if not tied or len(shared) > 1 or tie in self.ties:
                return None
            # of the points of the line, the one without a part along what is known of it
            known_one = free.T @ self.points[tie, :]
            free = free @ xp.linalg.qr(known_one[:, None], mode="complete").Q[:, 1:]
        spans = self.spans(active)
        left, noise = spans.rest(xp, xp.take(problem.rows, rows, axis=0), xp.take(problem.noise, rows))
        size = xp.sqrt(xp.vecdot(left, left))
        if not bool(xp.all(size > 0)):
            return None
        unit = left / size[:, None]
        known = spans.projections(xp)
        off = known - unit[:, :, None] * unit[:, None, :]
        point, weights = self._start, size / noise
        for _ in range(ROUNDS):
            gram = free.T @ xp.sum(off * (weights**2)[:, None, None], axis=0) @ free
            scale = float(xp.linalg.trace(gram))
            covariance, valid = inverse(xp, gram / scale)
            if not valid:
                return None
            covariance, point = covariance / scale, self._start
            for _ in range(2):
                slope = xp.sum((off @ point) * (weights**2)[:, None], axis=0)
                point = point - free @ (covariance @ (free.T @ slope))
            misses = xp.sqrt(xp.sum((off @ point) ** 2, axis=1))
            distances = weights * misses / xp.sqrt(xp.astype(xp.maximum(freedom, 1), dtype))
            shown = xp.sqrt(xp.sum((known @ point) ** 2, axis=1))
            weights = size / (noise * xp.maximum(shown, VISIBLE))
        return Fit(point, free @ covariance @ free.T, rows, distances, int(xp.sum(freedom)), tie)

    def _shared(self, active: Array, freedom: Array) -> list[int]:
        """Known points that are on so many of some rows that the others do not tell a mixture with them."""
        xp = self.problem.space.xp
        others = xp.sum(xp.maximum(freedom, 0)[:, None] * xp.astype(~active, freedom.dtype), axis=0)
        return [int(k) for k in xp.nonzero(xp.any(active, axis=0) & (others < TOLD))[0]]

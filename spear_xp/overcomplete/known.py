"""Enters: an overcomplete problem. Leaves: known points, where they may be active, and fits of new ones."""

from dataclasses import dataclass

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import inverse
from spear_xp.overcomplete.problem import OvercompleteProblem
from spear_xp.overcomplete.spans import Spans, padded

__all__ = ["Fit", "KnownPoints"]

UNSURE = 6.0  # chosen: error bars of a pre-activation within which its sign is open
FORWARD = 8.0  # chosen: rounding of a pre-activation in rounding units of the gradient
FITTED = 96  # chosen: rows that determine a point, the first; more improve it no further
ROUNDS = 3  # chosen: of fit and weights
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
    """

    point: Array
    covariance: Array
    rows: Array
    distances: Array
    equations: int

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
        Where a point may be active: its pre-activation is not surely negative.
    """

    def __init__(self, problem: OvercompleteProblem) -> None:
        xp = problem.space.xp
        self.problem = problem
        self.points = problem.rows[:0, :]
        self.bars = self.input_bars = problem.rows[:0, 0]
        self.active = xp.zeros((problem.width, 0), dtype=xp.bool, device=problem.space.device)
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
        xp, bar = self.problem.space.xp, fit.bar(self.problem.space.xp)
        one = xp.ones_like(self._start[:1])
        active = self.may_be_active(fit.point, bar)
        self.points = xp.concat([self.points, fit.point[None, :]], axis=0)
        self.bars = xp.concat([self.bars, one * bar])
        self.input_bars = xp.concat([self.input_bars, one * self.problem.bar_of_inputs(fit.covariance)])
        self.active = xp.concat([self.active, active[:, None]], axis=1)

    def add_rough(self, point: Array, bar: Array) -> None:
        """One more point, with an error of its entries that is the same in all directions."""
        eye = self.problem.space.xp.eye(self.problem.dimension, dtype=point.dtype, device=point.device)
        nowhere = self.problem.space.indices([])
        self.add(Fit(point, eye * bar**2, nowhere, point[:0], 0))

    def replace(self, k: int, fit: Fit) -> None:
        """Another fit of a known point."""
        xp, ahead = self.problem.space.xp, self.count - 1 - k
        self.add(fit)
        order = self.problem.space.indices([*range(k), self.count - 1, *range(k + 1, k + 1 + ahead)])
        self.points = xp.take(self.points, order, axis=0)
        self.bars, self.input_bars = xp.take(self.bars, order), xp.take(self.input_bars, order)
        self.active = xp.take(self.active, order, axis=1)

    def active_on(self, rows: Array, without: int | None = None) -> Array:
        """Where known points may be active, for some rows; one point may count as unknown."""
        xp = self.problem.space.xp
        active = xp.take(self.active, rows, axis=0)
        if without is None:
            return active
        return active & (xp.arange(self.count, device=self.problem.space.device) != without)

    def spans(self, active: Array) -> Spans:
        """Span of the points that are True in each row of `active`, shape (r, k)."""
        xp, d = self.problem.space.xp, self.problem.dimension
        order, used = padded(xp, active)
        flat = xp.reshape(order, (-1,))
        weights = xp.astype(used, self.problem.rows.dtype)
        vectors = xp.reshape(xp.take(self.points, flat, axis=0), (*order.shape, d))
        bars = xp.reshape(xp.take(self.bars, flat), order.shape)
        return Spans.of(xp, vectors * weights[:, :, None], bars * weights)

    def fit(self, rows: Array, without: int | None = None) -> Fit | None:
        """The point that all of these rows share beside known ones; None where they do not determine it.

        Each row is a combination of its known points and this one: its span with them holds the point. The
        noise of a row moves the span by as much less as the share of the point in it is large.
        """
        problem, free, rows = self.problem, self._free, rows[: min(FITTED, rows.shape[0])]
        xp, d, dtype = problem.space.xp, problem.dimension, problem.rows.dtype
        active = self.active_on(rows, without)
        spans = self.spans(active)
        left, noise = spans.rest(xp, xp.take(problem.rows, rows, axis=0), xp.take(problem.noise, rows))
        size = xp.sqrt(xp.vecdot(left, left))
        if not bool(xp.all(size > 0)):
            return None
        unit = left / size[:, None]
        known = spans.projections(xp)
        off = known - unit[:, :, None] * unit[:, None, :]
        freedom = d - 1 - xp.sum(xp.astype(active, xp.int64), axis=1)
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
        return Fit(point, free @ covariance @ free.T, rows, distances, int(xp.sum(freedom)))

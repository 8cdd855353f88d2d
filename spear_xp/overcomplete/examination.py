"""Enters: known points of an overcomplete problem. Leaves: which rows they explain, and what each adds."""

import math
from dataclasses import dataclass

from scipy import special

from spear_xp.numerics.backend import Array, Namespace, on_device, signs
from spear_xp.numerics.linalg import inverse, normalize
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.overcomplete.clusters import LOUD
from spear_xp.overcomplete.known import UNSURE, KnownPoints
from spear_xp.overcomplete.problem import OvercompleteProblem

__all__ = ["Examination", "examine"]

EXPLAINED = 6.0  # chosen: standard deviations up to which nothing is left of a row
ABSENT = 1e-3  # chosen: share of a usual share, from which noise could hide a point
SMALLEST = 1e-30  # cosmetic: padding is zero
SAME = 1e-3  # derived: standard deviation of the logarithm of a ratio that may be the same on all rows
CLEAR = 3000.0  # chosen: standard deviations of a share that is known to three digits
# chosen: probability that near-twins have as few boundaries between them; less refuses more samples
# and how many boundaries next to a mask are looked at
RARE, NEAREST = 0.05, 40
# derived: boundaries that exclude near-twins, of which none, one, two, ... may lie between them
EXCLUDING = tuple(math.ceil(special.gammainccinv(u + 1, RARE)) for u in range(NEAREST + 1))
# chosen: points of a row up to which a mixture among them is improbable, at least and of the dimension
POINTS, SHARE = 3, 8
PAIR = 2  # derived: rows that show whether a ratio changes


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """Rows against known points.

    Attributes
    ----------
    tested : array of bool, shape (m_live,)
        Rows whose points leave a dimension that could show others, and are far from dependent.
    explained : array of bool, shape (m_live,)
        Rows that lie in the span of the points that may be active on them, and would not by chance.
    shares : array, shape (m_live, k)
        How much of each point is in an explained row; zero elsewhere.
    holds : array of bool, shape (m_live, k)
        Explained rows that surely hold a point.
    clear : array of bool, shape (m_live, k)
        Those with few points, whose share of this one is known to three digits.
    refutes : array of bool, shape (m_live, k)
        Explained rows that surely do not hold a point, although it is surely active.
    dead : array of int, shape (k,)
        Rows that are zero although a point is surely active.
    blur : array, shape (k,)
        Error of a point, in units of the inputs, if it were the mean of near-twins that rows hardly tell.
    doubtful, whole : array of int, shape (k,)
        Tested rows on which a point may be active and that are not explained, and those that hold it.
    untested : array of int, shape (k,)
        Rows on which a point may be active and that are not tested.
    hidden : array, shape (k,)
        How many rows that surely hold a point should refute it by chance, because their share is so small.
    """

    tested: Array
    explained: Array
    shares: Array
    holds: Array
    clear: Array
    refutes: Array
    dead: Array
    blur: Array
    doubtful: Array
    whole: Array
    untested: Array
    hidden: Array

    def proportional(self, xp: Namespace) -> tuple[int, int]:
        """Pairs of points whose shares keep one ratio on all rows of both, and pairs that have such rows."""
        holds = xp.astype(self.clear, self.shares.dtype)
        sizes = xp.abs(self.shares)
        logs = xp.log(xp.where(self.clear, sizes, xp.ones_like(sizes)))
        sides = holds * signs(xp, self.shares)
        rows = holds.T @ holds
        some = xp.maximum(rows, 1)
        mean = (logs.T @ holds - holds.T @ logs) / some
        squares = ((logs**2).T @ holds + holds.T @ logs**2 - 2 * logs.T @ logs) / some
        fixed = (squares - mean**2 < SAME**2) & (xp.abs(sides.T @ sides) > rows - 0.5)
        k = self.shares.shape[1]
        pairs = (rows > PAIR - 0.5) & ~xp.eye(k, dtype=xp.bool, device=self.shares.device)
        both = xp.astype(pairs & fixed, xp.int64)
        return int(xp.sum(both)) // 2, int(xp.sum(xp.astype(pairs, xp.int64))) // 2


def examine(known: KnownPoints, keep_going: KeepGoing = forever) -> Examination:
    """Find out which rows known points explain, and which rows hold each point.

    `OutOfTime` is raised when `keep_going` says no.
    """
    problem, xp = known.problem, known.problem.space.xp
    d, k = problem.dimension, known.count
    room = known.freedom >= 1
    rows = xp.nonzero(room)[0]
    looks = []
    for part in blocks(int(rows.shape[0]), d * (d + k), device=on_device(xp)):
        ask(keep_going)
        looks.append(_look(known, rows[part]))
    posed, good, shares, deviations = (
        _whole(xp, xp.concat([look[i] for look in looks], axis=0), rows, room) for i in range(4)
    )
    explained = good[:, 0] > 0
    inside = explained[:, None] & known.active
    sizes = xp.abs(shares)
    holds = inside & (sizes > xp.maximum(LOUD * deviations, SMALLEST))
    few = known.freedom >= d - max(POINTS, d // SHARE)
    counts = xp.maximum(xp.sum(xp.astype(holds, shares.dtype), axis=0), 1.0)
    usual = xp.sum(xp.where(holds, sizes, xp.zeros_like(sizes)), axis=0) / counts
    fine = UNSURE * deviations < ABSENT * usual
    sure = inside & known.surely_active(problem.layer, problem.layer_norms) & fine
    # a Gaussian share is below a small part of its mean size with less than that probability
    chances = xp.where(sure, UNSURE * deviations / xp.maximum(usual, SMALLEST), xp.zeros_like(deviations))
    told = holds | (explained[:, None] & ~known.active)
    return Examination(
        tested=posed[:, 0] > 0,
        explained=explained,
        shares=shares,
        holds=holds,
        clear=holds & (sizes > CLEAR * deviations) & few[:, None],
        refutes=sure & (sizes < UNSURE * deviations),
        dead=_count(xp, known.surely_active(problem.dead_layer, xp.ones_like(problem.dead_layer[:, 0]))),
        blur=_blur(known, told, (posed > 0) & ~explained[:, None]),
        doubtful=_count(xp, (posed > 0) & ~explained[:, None] & known.active),
        whole=_count(xp, holds & known.problem.first[:, None]),
        untested=_count(xp, ~(posed > 0) & known.active),
        hidden=xp.sum(chances, axis=0),
    )


def _blur(known: KnownPoints, told: Array, strange: Array) -> Array:
    """Error of the mean of two samples with so few boundaries between them, root mean square.

    Twins that are τ apart in each coordinate differ by τ g in the pre-activation of a row of unit norm, g
    standard normal: its boundary is between them with probability P(τ |g| > 2 · distance from their mean),
    which adds up to the number of rows at a distance of less than τ/√(2π). Rows that such twins would
    contradict are those of `told`, and those that are zero. Those that hold something else, `strange`, may be
    the ones that tell them: the next N boundaries exclude twins if u of them are strange, and u or fewer are
    rare where N are expected.
    """
    problem, xp = known.problem, known.problem.space.xp
    last, dead = problem.last / xp.sqrt(problem.last @ problem.last), problem.dead_layer
    silent = problem.first_dead[:, None] & (dead @ known.points.T < 0)
    first = problem.first[:, None]
    distances = [xp.zeros((NEAREST, known.count), dtype=last.dtype, device=problem.space.device) + math.inf]
    for layer, counts in ((problem.layer, (told | strange) & first), (dead, silent)):
        across = layer - (layer @ last)[:, None] * last
        apart = xp.abs(layer @ known.points.T) / xp.sqrt(xp.vecdot(across, across))[:, None]
        distances.append(xp.where(counts, apart, math.inf))
    other = xp.concat([distances[0] < 0, (strange & first) | (told & False), silent & False], axis=0)
    order = xp.argsort(xp.concat(distances, axis=0), axis=0)[:NEAREST, :]
    nearest = xp.take_along_axis(xp.concat(distances, axis=0), order, axis=0)
    others = xp.astype(xp.take_along_axis(other, order, axis=0), xp.int64)
    needed = xp.reshape(xp.cumulative_sum(others, axis=0), (-1,))
    needed = xp.reshape(xp.take(problem.space.asarray(EXCLUDING), needed), order.shape)
    number = xp.arange(1, NEAREST + 1, dtype=needed.dtype, device=problem.space.device)[:, None]
    nearest = xp.min(xp.where(needed <= number, nearest, math.inf), axis=0)
    eye = xp.eye(problem.dimension, dtype=known.points.dtype, device=problem.space.device)
    return (math.pi / 2) ** 0.5 * nearest * problem.bar_of_inputs(eye) * _faintness(problem)


def _faintness(problem: OvercompleteProblem) -> float:
    """How much fainter than on average the layer sees the change of inputs that it sees least.

    It is near 1 for random weights. Twins that differ by such a change lie on one side of as many times more
    boundaries, and of all of them where the weights of a feature are zero: then it is infinite.
    """
    xp, last = problem.space.xp, problem.last
    free = xp.linalg.qr(last[:, None], mode="complete").Q[:, 1:]
    change = (problem.basis[:-1, :] * problem.spread[:, None]) @ free
    seen = normalize(xp, problem.layer @ free, axis=1)
    back, valid = inverse(xp, xp.linalg.qr(change).R)
    even = seen @ back
    least = float(xp.linalg.eigh(even.T @ even)[0][0])
    average = float(xp.sum(seen**2)) / float(xp.sum(change**2))
    return (average / least) ** 0.5 if valid and least > SMALLEST * average else math.inf


def _look(known: KnownPoints, rows: Array) -> tuple[Array, Array, Array, Array]:
    """Some rows: whether they can be told, whether they are explained, shares and their deviations."""
    problem, xp, active = known.problem, known.problem.space.xp, known.active_on(rows)
    spans = known.spans(active)
    full, noise = xp.take(problem.rows, rows, axis=0), xp.take(problem.noise, rows)
    shares, left, noise = spans.split(xp, full, noise)
    freedom = xp.astype(xp.take(known.freedom, rows), full.dtype)
    posed = spans.well_posed(xp)
    good = posed & (xp.sqrt(xp.vecdot(left, left) / freedom) < EXPLAINED * noise)
    return (
        xp.astype(posed, full.dtype)[:, None],
        xp.astype(good, full.dtype)[:, None],
        _placed(xp, shares * xp.astype(good, full.dtype)[:, None], active),
        _placed(xp, spans.deviations(xp, noise), active),
    )


def _whole(xp: Namespace, values: Array, rows: Array, chosen: Array) -> Array:
    """Values of some rows at their places among all, zero at the others."""
    places = xp.argsort(xp.concat([rows, xp.nonzero(~chosen)[0]]))
    return xp.take(_filled(xp, values, chosen.shape[0]), places, axis=0)


def _placed(xp: Namespace, values: Array, active: Array) -> Array:
    """Values of the active columns of each row at the places of these columns."""
    order = xp.argsort(xp.astype(~active, xp.int64), axis=1, stable=True)
    values = _filled(xp, values.T, active.shape[1]).T
    return xp.take_along_axis(values, xp.argsort(order, axis=1), axis=1)


def _filled(xp: Namespace, values: Array, count: int) -> Array:
    """So many rows: those given, then zeros."""
    shape = (count - values.shape[0], values.shape[1])
    rest = xp.zeros(shape, dtype=values.dtype, device=values.device)
    return xp.concat([values, rest], axis=0)


def _count(xp: Namespace, found: Array) -> Array:
    return xp.sum(xp.astype(found, xp.int64), axis=0)

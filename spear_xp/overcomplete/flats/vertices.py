"""Enters: zero hyperplanes. Leaves: points that lie in most of them, candidates for samples."""

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.overcomplete.flats.hyperplanes import White, sparse

__all__ = ["STARTS", "refined", "vertices"]

STARTS = 160  # cosmetic: searches side by side
CLOSE = 0.02  # cosmetic: product of unit hyperplanes from which the first weights fall
WITHIN = 300.0  # chosen: product of point and hyperplane in units of the noise, up to which it lies in it
RESOLVED = 1e-6  # cosmetic: what reweighting resolves in double precision
OUTSIDE = 1e-3  # chosen: the same from which it does not, of unit vectors
APART = 0.03  # chosen: relative distance of two points
LEAST = 30  # chosen: rows on which the point must not be active
WRONG = 0.1  # chosen: share of them on which it may be: rows that lie in a hyperplane by chance
SURELY = 0.01  # chosen: pre-activation of a unit row of the layer, above which a point is active
SOME = 0.05  # chosen: share of the rows of a hyperplane on which a point in it is active
MOSTLY = 0.8  # chosen: share of such hyperplanes that it has to lie in
MOST = 24  # cosmetic: points handed back
NORMAL = 1e-9  # cosmetic: last coordinate of a vector that is no point at all
ROUNDS = 4  # chosen: of least squares
WIDER = 30.0  # measured: errors in units of those of least squares (lab.md, "Zero hyperplanes")


def vertices(
    white: White, hyperplanes: Array, holds: Array, known: Array, chunk: int, keep_going: KeepGoing = forever
) -> Array:
    """Points that lie in most hyperplanes and are inactive on the rows of the others, shape (k, d).

    Parameters
    ----------
    white : White
    hyperplanes : array, shape (J, d)
    holds : array of bool, shape (J, m_live)
        Rows in each of them.
    known : array, shape (k, d)
        Points that are not looked for.
    chunk : int
        Number of the call.
    keep_going : callable
        `OutOfTime` is raised when it says no.
    """
    problem, xp = white.problem, white.problem.space.xp
    level = _level(white)
    planes = normalize(xp, hyperplanes @ white.out, axis=1)
    met = xp.sum(xp.astype(_off(xp, hyperplanes, known), xp.int64), axis=1)
    easy = xp.argsort(met, stable=True)[: max(1, planes.shape[0] // 2) if known.shape[0] else planes.shape[0]]
    draw = generator(0, Stream.VERTICES, chunk)
    right = xp.take(
        planes, xp.take(easy, problem.space.indices(draw.integers(easy.shape[0], size=STARTS))), axis=0
    )
    weights = problem.space.asarray(draw.uniform(0.2, 1.0, (STARTS, planes.shape[0])))
    weights = weights / (CLOSE + xp.abs(right @ planes.T))
    floor = xp.zeros_like(right[:, 0]) + level / 10
    found = sparse(xp, planes[None, :, :], weights, right, floor, keep_going, fixed=True)
    zeros = xp.sum(xp.astype(xp.abs(found @ planes.T) < level, xp.int64), axis=1)
    points = found @ white.out.T
    scale = points @ problem.last
    usable = xp.abs(scale) > NORMAL * xp.sqrt(xp.vecdot(points, points))
    kept = known
    for k in _ranked(xp, zeros, usable):
        point = points[k, :] / scale[k]
        size = float(xp.sqrt(point @ point))
        apart = xp.sqrt(xp.sum((kept - point) ** 2, axis=1))
        if bool(xp.any(apart < APART * size)) or not _inactive(white, hyperplanes, holds, point):
            continue
        kept = xp.concat([kept, point[None, :]], axis=0)
        if kept.shape[0] - known.shape[0] == MOST:
            break
    return kept[known.shape[0] :, :]


def _ranked(xp: Namespace, zeros: Array, usable: Array) -> list[int]:
    order = xp.argsort(-zeros, stable=True)
    return [int(k) for k in order if bool(usable[int(k)])]


def _off(xp: Namespace, hyperplanes: Array, points: Array) -> Array:
    """Points that surely do not lie in hyperplanes, shape (J, k)."""
    sizes = xp.sqrt(xp.vecdot(points, points))
    return xp.abs(hyperplanes @ points.T) > OUTSIDE * sizes


def _inactive(white: White, hyperplanes: Array, holds: Array, point: Array) -> bool:
    """Whether a point is inactive on nearly all rows of the hyperplanes that it does not lie in."""
    xp = white.problem.space.xp
    off = _off(xp, hyperplanes, point[None, :])[:, 0]
    rows = xp.any(holds & off[:, None], axis=0)
    count = int(xp.sum(xp.astype(rows, xp.int64)))
    wrong = int(xp.sum(xp.astype(rows & (white.problem.layer @ point > 0), xp.int64)))
    return count >= LEAST and wrong <= WRONG * count


def refined(white: White, hyperplanes: Array, holds: Array, points: Array) -> tuple[Array, Array]:
    """Points by least squares on all hyperplanes that they lie in, and bounds of their errors, shape (k,).

    A point lies in a hyperplane if it is active on some rows of it. Points that do not lie in what their mask
    says are left out. Hyperplanes share rows, so that their errors are not independent: the bounds are wider
    than least squares would have them.
    """
    problem, xp = white.problem, white.problem.space.xp
    planes = normalize(xp, hyperplanes @ white.out, axis=1)
    floats = xp.astype(holds, planes.dtype)
    sizes = xp.sum(floats, axis=1)
    found, bars = [points[:0, :]], [points[:0, 0]]
    for k in range(points.shape[0]):
        point = points[k, :]
        for _ in range(ROUNDS):
            active = problem.layer @ point > SURELY * problem.layer_norms
            inside = floats @ xp.astype(active, planes.dtype) > SOME * sizes
            if int(xp.sum(xp.astype(inside, xp.int64))) < problem.dimension:
                break
            vector = normalize(xp, (white.turn.T @ point)[:, None])[:, 0]
            for _ in range(ROUNDS):
                off = xp.abs(planes[inside, :] @ vector)
                width = max(float(upper_median(xp, off)), problem.space.eps)
                weights = 1.0 / (off**2 + width**2)
                _, values, right = xp.linalg.svd(
                    planes[inside, :] * weights[:, None] ** 0.5, full_matrices=False
                )
                vector = right[-1, :]
            point = white.out @ vector
            point = point / (problem.last @ point)
        else:
            off = xp.abs(planes[inside, :] @ vector)
            fits = xp.mean(xp.astype(off < _level(white), planes.dtype))
            if float(fits) > MOSTLY:
                found.append(point[None, :])
                bar = xp.sqrt(xp.mean(point * point)) * xp.minimum(WIDER / values[-2], 1.0)
                bars.append(xp.reshape(bar, (1,)))
    return xp.concat(found, axis=0), xp.concat(bars)


def _level(white: White) -> float:
    """Product of a point and a hyperplane, unit vectors, up to which one lies in the other."""
    noise = upper_median(white.problem.space.xp, white.problem.noise)
    return max(WITHIN * float(noise), RESOLVED)

"""Enters: an overcomplete problem without quiet rows. Leaves: first points, from which peeling goes on."""

from collections.abc import Callable

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.work import (
    DOUBLE,
    KeepGoing,
    ask,
    calls,
    decompositions,
    forever,
    product,
    small_solves,
    weighted_grams,
)
from spear_xp.overcomplete.flats.confirmation import Group, confirmed, first_group
from spear_xp.overcomplete.flats.hyperplanes import STACK, STEPS, White
from spear_xp.overcomplete.flats.vertices import STARTS, refined, vertices
from spear_xp.overcomplete.problem import OvercompleteProblem

__all__ = ["first_points"]

LARGEST = 80  # chosen: dimensions; a search for hyperplanes takes their cube
CHUNKS, ENOUGH = 80, 8  # chosen: calls for hyperplanes at most, and hyperplanes for each dimension
EARLY, FEW = 8, 8  # chosen: after so many calls fewer hyperplanes than that are a sign that there are none
SAME = 1e-9  # chosen: 1 less the cosine of equal hyperplanes
SPAN = 1e-3  # chosen: share of the largest singular value, from which hyperplanes span a dimension
ROUNDS, IDLE = 20, 6  # chosen: of vertices, and of those in a row that find nothing
MORE = 4  # chosen: calls for more hyperplanes after such a round
LATEST = 150  # chosen: kernels of confirmed sets that count as hyperplanes, the latest
TESTED, SETS = 8, 300  # cosmetic: size and number of the sets that are tested in a round, for counted work
OPEN = 5  # chosen: samples that may be missing where peeling goes on


def first_points(
    problem: OvercompleteProblem,
    keep_going: KeepGoing = forever,
    count: Callable[[float], None] = lambda _: None,
) -> tuple[Array, Array] | None:
    """Samples of a batch with a few more of them than dimensions.

    Parameters
    ----------
    problem : OvercompleteProblem
    keep_going : callable
        `OutOfTime` is raised when it says no.
    count : callable
        Told the multiply-adds of each step.

    Returns
    -------
    points : array, shape (k, d)
    bars : array, shape (k,)
        Bounds of the error of an entry.
        None instead of both where zero hyperplanes do not determine any sample.
    """
    white, xp, d = White(problem), problem.space.xp, problem.dimension
    first = [] if d > LARGEST else _spanning(white, keep_going, count)
    if not first:
        return None
    group, idle = None, 0
    kernels: list[Array] = []
    points, bars = problem.rows[:0, :], problem.rows[:0, 0]
    for chunk in range(ROUNDS):
        ask(keep_going)
        planes = xp.stack([*first, *kernels])
        holds = xp.stack([white.inside(planes[k, :]) for k in range(planes.shape[0])])
        if group is not None:
            points, bars = refined(white, planes, holds, group.points)
            if points.shape[0] >= d - 1 + group.excess - OPEN or idle == IDLE:
                break
            group = Group(group.excess, points, [])
        more = vertices(white, planes, holds, points, chunk, keep_going)
        count(STEPS * (weighted_grams(int(planes.shape[0]), d, STARTS) + small_solves(d, STARTS)))
        if group is not None:
            group = confirmed(problem, group, more, chunk, keep_going)
        elif more.shape[0]:
            group = first_group(problem, more, chunk, keep_going)
        count(decompositions(TESTED * d, d, SETS))
        kernels = [] if group is None else (group.kernels + kernels)[:LATEST]
        found = 0 if group is None else int(group.points.shape[0])
        idle = 0 if found > points.shape[0] else idle + 1
        for later in range(MORE if idle else 0):
            _look(white, first, CHUNKS + MORE * chunk + later, None, count, keep_going)
    return (points, bars) if points.shape[0] else None


def _spanning(white: White, keep_going: KeepGoing, count: Callable[[float], None]) -> list[Array]:
    """Different hyperplanes that span all dimensions; none where they do not."""
    xp, d = white.problem.space.xp, white.problem.dimension
    found: list[Array] = []
    missing = None
    for chunk in range(CHUNKS):
        ask(keep_going)
        _look(white, found, chunk, missing if chunk % 2 else None, count, keep_going)
        if chunk + 1 == EARLY and len(found) < FEW:
            return []
        if len(found) >= d:
            missing = _outside(xp, normalize(xp, xp.stack(found) @ white.out, axis=1))
            if not missing.shape[1] and len(found) >= ENOUGH * d:
                break
    return found if missing is not None and not missing.shape[1] else []


def _look(
    white: White,
    found: list[Array],
    chunk: int,
    missing: Array | None,
    count: Callable[[float], None],
    keep_going: KeepGoing,
) -> None:
    """Add the hyperplanes of one call to those found before."""
    xp, d, m = white.problem.space.xp, white.problem.dimension, white.problem.width
    for plane in white.hyperplanes(chunk, missing, keep_going):
        if not found or float(xp.max(xp.abs(xp.stack(found) @ plane))) < 1 - SAME:
            found.append(plane)
    count(STEPS * (weighted_grams(white.neighbours, d, STACK) + small_solves(d, STACK)))
    count(decompositions(white.neighbours, d, STACK) + DOUBLE * product(STACK * m, d, 4) + calls(20 * STEPS))


def _outside(xp: Namespace, planes: Array) -> Array:
    """Vectors that all of these are orthogonal to, shape (d, k)."""
    _, values, right = xp.linalg.svd(planes, full_matrices=True)
    rank = int(xp.sum(xp.astype(values > SPAN * values[0], xp.int64)))
    return right[rank:, :].T

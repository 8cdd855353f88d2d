"""Enters: fewer directions than samples. Leaves: a full set, in which stand-ins hold the place of the rest.

Samples are rows of the inverse of all directions. Where some cannot be told apart, their directions are
open but the space that these span often is not: it is the kernel of the rows on which none of them is
active. Any basis of that space gives every other sample exactly.

Unless another sample has swallowed a twin: where the columns of D of both are proportional, as behind two
classes, the space holds no sample but the few rows on which the twins differ. It shows by a vector that
is active on far fewer rows than any sample, and such a space completes nothing.
"""

from spear_xp._arrays import Array
from spear_xp._linalg import balance, normalize
from spear_xp.filtering import WIDEN, kernel_space
from spear_xp.pool import Pool
from spear_xp.problem import Problem
from spear_xp.search.base import Known
from spear_xp.search.face import remainder_of
from spear_xp.search.sampling import draw_subsets, kernel_directions

__all__ = ["stand_ins"]

SUBSETS = 1024  # of rows, whose kernels show the least active vectors of a space
ACTIVE = 0.5  # of the active rows of the least active known sample, on which every vector has to be active
INDEPENDENT = 1e-3  # least sine of the angle between a stand-in and the directions before it


def stand_ins(pool: Pool, directions: Array) -> Array | None:
    """Directions that make a set complete.

    Parameters
    ----------
    pool : Pool
        Source of the kernels that several samples share, and of the duals that are known.
    directions : array, shape (b, k)
        Independent unit directions, k < b.

    Returns
    -------
    array, shape (b, b - k), or None
        Unit vectors within such kernels; None if these do not reach far enough, or hold a vector that is
        active on too few rows.
    """
    problem, xp = pool.problem, pool.problem.space.xp
    found: list[Array] = []
    missing = problem.rank - directions.shape[1]
    for space in _spaces(pool, directions):
        span = xp.linalg.qr(xp.concat([directions, *found], axis=1)).Q
        outside = space - span @ (span.T @ space)
        _, sines, right = xp.linalg.svd(outside, full_matrices=False)
        new = int(xp.sum(xp.astype(sines > INDEPENDENT, xp.int64)))
        found.append(space @ right[:new, :].T)
        missing -= new
        if missing <= 0:
            break
    if missing:
        return None
    others = normalize(xp, xp.concat(found, axis=1))
    known = xp.sum(xp.astype(~problem.zeros_of(directions), xp.int64), axis=0)
    return others if _least_active(problem, others) >= ACTIVE * int(xp.min(known)) else None


def _least_active(problem: Problem, space: Array) -> int:
    """Active rows of the least active vector of a space, shape (b, t), as far as sampling shows."""
    xp, t = problem.space.xp, space.shape[1]
    vectors = space
    if t > 1:
        basis = xp.linalg.qr(space).Q
        inside = problem.rows @ basis
        full = xp.nonzero(~xp.all(problem.zeros_of(basis), axis=1))[0]
        if full.shape[0] < t:
            return 0
        rows, change = balance(xp, xp.take(inside, full, axis=0))
        subsets, _ = draw_subsets(int(full.shape[0]), t - 1, SUBSETS, seed=0, chunk=0)
        kernels = kernel_directions(xp, rows, problem.space.indices(subsets))
        kernels = xp.where(xp.isfinite(kernels), kernels, xp.ones_like(kernels))
        vectors = xp.concat([space, normalize(xp, basis @ (change @ kernels))], axis=1)
    active = xp.sum(xp.astype(~problem.zeros_of(vectors, widen=WIDEN), xp.int64), axis=0)
    return int(xp.min(active))


def _spaces(pool: Pool, directions: Array) -> list[Array]:
    """Kernels that may hold what is missing, those that hold least beside it first."""
    xp = pool.problem.space.xp
    span = xp.linalg.qr(directions).Q
    spaces = sorted(pool.shared, key=lambda kernel: kernel.shape[1] - float(xp.sum((span.T @ kernel) ** 2)))
    rest = _rest(pool, pool.known)
    return spaces if rest is None else [rest, *spaces]


def _rest(pool: Pool, known: Known) -> Array | None:
    """Space of all unsolved directions, from the rows on which none of them is active."""
    problem, xp = pool.problem, pool.problem.space.xp
    remainder = remainder_of(problem, known)
    empty = xp.nonzero(~remainder.full)[0]
    if not any(known.solved) or empty.shape[0] < problem.rank:
        return None
    space = kernel_space(problem, xp.take(problem.rows, empty, axis=0))
    return space if space.shape[1] == remainder.frame.shape[1] else None

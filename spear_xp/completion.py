"""Enters: fewer directions than samples. Leaves: a full set, in which stand-ins hold the place of the rest.

Samples are rows of the inverse of all directions. Where some cannot be told apart, their directions are
open but the space that these span often is not: it is the kernel of the rows on which none of them is
active. Any basis of that space gives every other sample exactly.
"""

from spear_xp._arrays import Array
from spear_xp._linalg import normalize
from spear_xp.filtering import kernel_space
from spear_xp.pool import Pool
from spear_xp.search.base import Known
from spear_xp.search.face import remainder_of

__all__ = ["stand_ins"]

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
        Unit vectors within such kernels; None if these do not reach far enough.
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
    return normalize(xp, xp.concat(found, axis=1)) if missing == 0 else None


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

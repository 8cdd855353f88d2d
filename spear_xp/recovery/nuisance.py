"""Enters: fewer directions than samples. Leaves: a full set, completed by nuisance directions.

Samples are rows of the inverse of all directions. Where some cannot be told apart, their directions are
open but the space that these span often is not: it is the kernel of the rows on which none of them is
active. Any basis of that space gives every other sample exactly.

Unless another sample has swallowed a twin: where the columns of D of both are proportional, as behind two
classes, the space holds no sample but the few rows on which the twins differ. It shows by a vector that
is active on far fewer rows than any sample, and such a space proves nothing. So may a quiet sample.
"""

from typing import NamedTuple

from spear_xp.geometry.directions import NEW_NUISANCE, SAME_SPACE
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH, EXACT_FLIPS, SURE_MEAN, doubtful_zeros
from spear_xp.geometry.nullspaces import is_unique, kernel_of, same_space
from spear_xp.numerics.backend import Array, Host, Namespace, to_host
from spear_xp.numerics.elimination import random_kernels
from spear_xp.numerics.linalg import balance, normalize, outside, smallest_singular
from spear_xp.numerics.random import Stream
from spear_xp.reduction.problem import Problem

__all__ = ["Nuisance", "assembled", "extended", "last_direction", "parted", "same_nuisance", "stood_in"]

# chosen: row subsets whose kernels show the least active vectors of a space; fewer may miss them
SUBSETS = 1024
BARELY = 30.0  # chosen: factor on the zero test of vectors of a space; a smaller value takes more for samples
# measured: share of the active rows of the least active known sample, on which any vector of a space has to
# be active (lab.md, "Near-twins")
ACTIVE = 0.5
# measured: rows of a kernel on which a sample may be active that is taken to be in it (lab.md,
# "Near-twins")
FEW = 2
# chosen: samples may depend on each other where there are fewer dimensions than so many for each
CROWDED = 2


class Nuisance(NamedTuple):
    """Directions that only complete a set: they span what is missing, and are no samples themselves.

    Attributes
    ----------
    kept : NumPy array of bool, shape (k,)
        Given directions that stay; the others lie in a space that is open, and so do their samples.
    directions : array, shape (b, b - number kept)
        Unit vectors that span such spaces.
    whole : bool
        Whether these hold whole samples, as far as can be seen; nothing can be proven otherwise.
    tentative : array, shape (b, b - number kept), optional
        Directions that span the same.
    """

    kept: Host
    directions: Array
    whole: bool
    tentative: Array | None = None


def stood_in(problem: Problem, directions: Array, kept: Host) -> Nuisance:
    """A full set, shape (b, b), of which those not kept are tentative; any basis stands in for them."""
    stay, open_ = parted(problem, directions, kept)
    stand_ins = problem.space.xp.linalg.qr(open_).Q
    return Nuisance(kept, stand_ins, holds_samples(problem, stay, stand_ins), open_)


def parted(problem: Problem, directions: Array, kept: Host) -> tuple[Array, Array]:
    """Directions, shape (b, k), that are kept, and the others."""
    xp, space = problem.space.xp, problem.space
    stay, open_ = (xp.take(directions, space.indices(w.nonzero()[0]), axis=1) for w in (kept, ~kept))
    return stay, open_


def same_nuisance(xp: Namespace, one: Nuisance, other: Nuisance) -> bool:
    """Whether two completions keep the same directions beside the same space."""
    if (one.kept != other.kept).any():
        return False
    return same_space(xp, xp.linalg.qr(one.directions).Q, xp.linalg.qr(other.directions).Q)


def assembled(problem: Problem, directions: Array, spaces: list[Array]) -> Nuisance | None:
    """A set completed by kernels in turn; directions that lie in one of these are open."""
    xp = problem.space.xp
    found: list[Array] = []
    missing = problem.rank - directions.shape[1]
    kept = to_host(xp.ones((directions.shape[1],), dtype=xp.bool)).copy()
    for space in spaces:
        span = xp.linalg.qr(xp.concat([directions, *found], axis=1)).Q
        _, sines, right = xp.linalg.svd(outside(span, space), full_matrices=False)
        new = int(xp.sum(xp.astype(sines > NEW_NUISANCE, xp.int64)))
        if not new:
            continue
        found.append(space @ right[:new, :].T)
        kept &= to_host(xp.sum((space.T @ directions) ** 2, axis=0) < 1 - SAME_SPACE)
        missing -= new
        if missing == 1:  # its dual, and so its mask, is orthogonal to all others, whatever their basis is
            last = last_direction(problem, xp.concat([directions, *found], axis=1))
            if last is not None:
                found.append(last[:, None])
                missing = 0
        if missing <= 0:
            break
    if missing or not kept.any():
        return None
    stay, open_ = parted(problem, directions, kept)
    others = normalize(xp, xp.concat([open_, *found], axis=1))
    return Nuisance(kept, others, True) if holds_samples(problem, stay, others) else None


def extended(problem: Problem, kernel: Array, directions: Array) -> Array:
    """A kernel with all given directions that are active on a few of its rows only, shape (b, d).

    Several such samples can cancel on these rows, and then vectors of the kernel hold a bit of each of them.
    """
    xp = problem.space.xp
    active = xp.astype(~problem.zeros_of(directions), xp.int64)
    while True:
        rows = xp.all(problem.zeros_of(kernel), axis=1)
        on = xp.sum(active * xp.astype(rows, xp.int64)[:, None], axis=0)
        few = active * xp.astype(on <= FEW, xp.int64)
        off = xp.nonzero(rows & (xp.sum(few, axis=1) == 0))[0]
        larger = kernel_of(problem, xp.take(problem.rows, off, axis=0))
        if larger.shape[1] <= kernel.shape[1]:
            return kernel
        kernel = larger


def last_direction(problem: Problem, directions: Array) -> Array | None:
    """The one direction that b - 1 others leave to find, if it is the kernel of its own mask.

    Its dual is orthogonal to all others, so its mask is known. Near-twins may differ by a single row of it:
    no test that leaves rows out, and no dual read off rows, can tell them apart, but the mask does.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, b - 1)
        Independent unit directions.

    Returns
    -------
    array, shape (b,), or None
        Unit vector; None if no direction vanishes on just the mask, as where one of the others is false, or
        more than one, as where twins have the same mask.
    """
    xp = problem.space.xp
    dual = xp.linalg.qr(directions, mode="complete").Q[:, -1]
    z = problem.layer @ (dual / (problem.last @ dual))
    inactive = xp.nonzero(z < -SURE_MEAN * xp.mean(xp.abs(z)))[0]
    if inactive.shape[0] < problem.rank:
        return None
    rows = xp.take(problem.rows, inactive, axis=0)
    kernel = smallest_singular(xp, rows).vectors
    zero = problem.zeros_of(kernel[:, 0])
    near = problem.zeros_of(kernel[:, 0], widen=AMBIGUOUS_WIDTH)
    flips = int(xp.sum(xp.astype((z < 0) & ~near | (z > 0) & zero, xp.int64)))
    allowed = EXACT_FLIPS + int(doubtful_zeros(problem, (near & ~zero)[:, None])[0])
    if flips > allowed or not is_unique(problem, rows, kernel[:, 0], kernel[:, 1], influential=0):
        return None
    return kernel[:, 0]


def holds_samples(problem: Problem, known: Array, space: Array) -> bool:
    """Whether no vector of a space, shape (b, t), is active on far fewer rows than a sample.

    Where inputs have hardly more dimensions than the gradient has rank, the missing ones may depend on each
    other, and one of two twins may be among them without a direction of its own. Then more may not be
    missing than are known: a mean of the twins would pass.
    """
    xp, scarce = problem.space.xp, CROWDED * problem.rank > problem.right.shape[1]
    if scarce and space.shape[1] > known.shape[1]:
        return False
    least = xp.min(xp.sum(xp.astype(~problem.zeros_of(known), xp.int64), axis=0))
    vectors = _sparse_vectors(problem, xp.linalg.qr(space).Q)
    active = xp.sum(xp.astype(~problem.zeros_of(vectors, widen=BARELY), xp.int64), axis=0)
    return int(xp.min(active)) >= ACTIVE * int(least)


def _sparse_vectors(problem: Problem, basis: Array) -> Array:
    """Unit vectors of a space, shape (b, k), active on few rows: its basis, and kernels of t - 1 rows."""
    xp, t = problem.space.xp, basis.shape[1]
    full = xp.nonzero(~xp.all(problem.zeros_of(basis), axis=1))[0]
    if t == 1 or full.shape[0] < t:
        return basis
    rows, change = balance(xp, xp.take(problem.rows, full, axis=0) @ basis)
    kernels = random_kernels(problem.space, rows, SUBSETS, stream=Stream.NUISANCE, seed=0, chunk=0)
    return xp.concat([basis, normalize(xp, basis @ (change @ kernels))], axis=1)

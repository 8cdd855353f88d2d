"""Enters: a space that several directions span. Leaves: a basis of it, true as far as rows show.

Near-twins are active on almost the same rows, but on the few rows that tell them apart often a single one of
them is active, and such a row is that sample. Its mask has a kernel within the space: the direction.
"""

from spear_xp.geometry.deflation import remaining_activity
from spear_xp.geometry.directions import INDEPENDENT_OF_ROWS
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH, EXACT_FLIPS
from spear_xp.geometry.nullspaces import VANISHING
from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.linalg import inverse, smallest_singular
from spear_xp.numerics.random import Stream, generator
from spear_xp.reduction.problem import Problem

__all__ = ["basis_of"]

ROWS = 128  # chosen: least active rows that are looked at; more cost time, fewer miss samples


def basis_of(problem: Problem, beside: Array, space: Array, seed: int = 0) -> Array:
    """Unit directions that span a space, kernels of masks of single rows first.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    beside : array, shape (b, b - t)
        Directions that are not in the space.
    space : array, shape (b, t)
        Orthonormal basis of a space that holds the other directions.
    seed : int
        Of the choice among directions that fit equally well.

    Returns
    -------
    array, shape (b, t)
        Completed by orthonormal vectors where rows show fewer directions.
    """
    xp, t = problem.space.xp, space.shape[1]
    frame = xp.linalg.qr(beside, mode="complete").Q[:, beside.shape[1] :]
    back, valid = inverse(xp, space.T @ frame)
    if not valid:
        return space
    coordinates = problem.rows @ space
    rest = coordinates @ (frame @ back).T  # what the samples of the space add to each row
    full = to_host(~xp.all(problem.zeros_of(space), axis=1))
    order = to_host(xp.argsort(remaining_activity(problem, rest)))
    rows = order[full[order]][:ROWS]
    alone = xp.take(rest, problem.space.indices(rows), axis=0)
    z = (problem.layer @ alone.T) * xp.sign(alone @ problem.last)
    found = []
    for place, row in enumerate(rows):
        inactive = z[:, place] < 0
        picked = xp.nonzero(inactive)[0]
        if bool(inactive[int(row)]) or picked.shape[0] < t:
            continue
        kernel = smallest_singular(xp, xp.take(coordinates, picked, axis=0))
        vectors = space @ kernel.vectors
        noise = float(problem.noise_of(vectors)[-1]) * picked.shape[0] ** 0.5
        zero, near = (problem.zeros_of(vectors[:, 0], widen=widen) for widen in (1.0, AMBIGUOUS_WIDTH))
        wrong = int(xp.sum(xp.astype((inactive & ~near) | (~inactive & zero), xp.int64)))
        if wrong <= EXACT_FLIPS and kernel.values[1] > VANISHING * noise:
            found.append((wrong, vectors[:, 0]))
    return _independent(problem, space, found, seed)


def _independent(problem: Problem, space: Array, found: list[tuple[int, Array]], seed: int) -> Array:
    """Directions that contradict their masks least, while they are independent, and the rest of a space."""
    xp, t = problem.space.xp, space.shape[1]
    chosen: list[Array] = []
    span = space[:, :0]
    tie = generator(seed, Stream.SINGLE_ROWS, 0).permutation(len(found))
    for place in sorted(range(len(found)), key=lambda i: (found[i][0], tie[i])):
        direction = found[place][1]
        off = direction - span @ (span.T @ direction)
        size = float(xp.sqrt(xp.sum(off * off)))
        if size > INDEPENDENT_OF_ROWS and len(chosen) < t:
            chosen.append(direction)
            span = xp.concat([span, (off / size)[:, None]], axis=1)
    left, _, _ = xp.linalg.svd(space - span @ (span.T @ space), full_matrices=False)
    return xp.concat([*(d[:, None] for d in chosen), left[:, : t - len(chosen)]], axis=1)

"""Enters: rows that nearly vanish. Leaves: what their kernel is worth: one direction, or which several.

Samples with almost the same mask share a kernel of several dimensions, and any vector of it can be chosen to
vanish on a few rows more. What noise, chance or a single row could turn into something else is no direction.
"""

from spear_xp.geometry.directions import SAME_SPACE
from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import inverse, smallest_singular
from spear_xp.reduction.problem import TOLERANCE, Problem

__all__ = [
    "BEYOND_CHANCE",
    "BRIDGED",
    "CONFIRMING",
    "INFLUENTIAL",
    "NEARLY",
    "PLENTY",
    "VANISHING",
    "grown",
    "in_shared_nullspace",
    "is_unique",
    "kernel_of",
    "kernel_space",
    "left_open",
    "same_space",
    "stacked",
]

HANGING = 0.5  # chosen: leverage of a row from which it is taken to settle a dimension almost alone
PLENTY = 4  # chosen: spare rows, in multiples of `INFLUENTIAL`, from which leverages tell rows apart
# measured: zeros beyond the d - 1 rows that any vector of a kernel can vanish on; chance gives one or two
# (lab.md, "Near-twins")
BEYOND_CHANCE = 2
CONFIRMING = 2  # chosen: zero rows beyond b that a direction needs: b - 1 define its kernel, three confirm it
VANISHING = 3.0  # chosen: size of rows, over their noise, up to which a direction vanishes on them
# chosen: the same where noise is strong, over the largest singular value of noise alone; a smaller value
# lets chance in
BEYOND_NOISE = 1.5
BRIDGED = 8.0  # chosen: the same of few rows, over the noise of one
# measured: rows that may not decide alone that a kernel is one-dimensional (lab.md, "Near-twins")
INFLUENTIAL = 3
# chosen: tolerances within which a row may belong to the zero rows of a direction; a smaller value misses
# rows
NEARLY = 200.0


def is_unique(
    problem: Problem,
    rows: Array,
    kernel: Array,
    second: Array,
    *,
    influential: int = INFLUENTIAL,
    orthogonal: Array | None = None,
    strict: bool = True,
) -> bool:
    """Whether the kernel of some rows is one-dimensional beyond what noise or chance can bridge.

    Parameters
    ----------
    problem : Problem
        Source of the noise level.
    rows : array, shape (z, b)
        The near-zero rows.
    kernel, second : array, shape (b,)
        The two smallest right singular vectors of the rows (and of `orthogonal`, where given).
    influential : int
        Rows that may not decide alone.
    orthogonal : array, shape (k, b), optional
        Further rows to which the direction is orthogonal for other reasons; they always stay.
    strict : bool
        Whether both of the tests below have to hold, as a proof needs, or the second where there are rows
        enough for it: a search may take a direction on trust.

    Notes
    -----
    Samples with almost equal masks share a kernel of dimension k on the rows that exclude them all, and
    a vector of it can be chosen to vanish on k - 1 rows more, or on one or two beyond that by chance.
    So the kernel is solved again without the three rows that weigh most against the second direction, and
    without the three of largest leverage unless rows are so few that all leverages are large; it has to
    stay one-dimensional both times.
    """
    xp = problem.space.xp
    if problem.noise_hides and orthogonal is None:
        return _unique_in_noise(problem, rows, influential)
    if not _stands_out(problem, stacked(xp, rows, orthogonal), kernel, second):
        return False
    spare = rows.shape[0] - (problem.rank - 1)
    if spare < influential and orthogonal is None:
        return False
    weights = [(rows @ second) ** 2]
    if spare >= PLENTY * influential:
        leverage = _leverage(xp, stacked(xp, rows, orthogonal), kernel[:, None], rows)
        if leverage is None:
            return False
        weights = [*weights, leverage] if strict else [leverage]
    for weight in weights:
        rest = stacked(xp, _without_heaviest(problem, rows, weight, influential), orthogonal)
        vectors = smallest_singular(xp, rest).vectors
        if not _stands_out(problem, rest, vectors[:, 0], vectors[:, 1]):
            return False
    return True


def _unique_in_noise(problem: Problem, rows: Array, influential: int) -> bool:
    """The same where noise is strong: in coordinates where it is alike, and against its own edge.

    A direction of loud noise has large rows, and is none of the two smallest in the coordinates of U.
    """
    xp, b = problem.space.xp, problem.rank
    white = rows * problem.singular_values / problem.noise_level
    if rows.shape[0] - (b - 1) < influential:
        return False

    def vectors(some: Array) -> Array | None:
        values, turned = xp.linalg.eigh(some.T @ some)
        limit = max(BRIDGED, BEYOND_NOISE * (some.shape[0] ** 0.5 + b**0.5))
        return turned if float(values[1]) > limit**2 else None

    found = vectors(white)
    leverage = None if found is None else _leverage(xp, white, found[:, :1], white)
    if found is None or leverage is None:
        return False
    heaviest = (white @ found[:, 1]) ** 2, leverage
    return all(vectors(_without_heaviest(problem, white, one, influential)) is not None for one in heaviest)


def stacked(xp: Namespace, rows: Array, orthogonal: Array | None) -> Array:
    """Rows, with those below them to which a direction is orthogonal for other reasons."""
    return rows if orthogonal is None else xp.concat([rows, orthogonal], axis=0)


def _leverage(xp: Namespace, rows: Array, kernel: Array, of: Array) -> Array | None:
    """Variance of some rows as predicted from others with a kernel, shape (b, d); None if that is larger."""
    inverted, valid = inverse(xp, rows.T @ rows + kernel @ kernel.T)
    return xp.sum((of @ inverted) * of, axis=1) if valid else None


def _without_heaviest(problem: Problem, rows: Array, weight: Array, count: int) -> Array:
    xp = problem.space.xp
    return xp.take(rows, xp.argsort(weight)[: max(0, rows.shape[0] - count)], axis=0)


def _stands_out(problem: Problem, rows: Array, kernel: Array, second: Array) -> bool:
    """Whether `rows @ second` exceeds what noise in either direction can bridge."""
    xp = problem.space.xp
    size = float(xp.sqrt(xp.sum((rows @ second) ** 2)))
    level = max(float(problem.noise_of(second)), float(problem.noise_of(kernel)))
    return bool(size > max(BRIDGED, VANISHING * rows.shape[0] ** 0.5) * level)


def grown(
    problem: Problem, direction: Array, zero: Array, rows: Array, orthogonal: Array | None = None
) -> Array | None:
    """More zero rows for a direction, by what its own leave open.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    direction : array, shape (b,)
        Unit vector, the kernel of its zero rows.
    zero : array of bool, shape (m_live,)
        Its zero rows.
    rows : array, shape (z, b)
        These rows.
    orthogonal : array, shape (k, b), optional
        Further rows to which the direction is orthogonal for other reasons.

    Returns
    -------
    array of bool, shape (m_live,), or None
        At least two rows more; None if there are none.

    Notes
    -----
    A quiet sample hides in the zero rows of others, and their kernel may take up a bit of its direction,
    which shows on the few rows where that sample is not quiet. Predicted from the zero rows, such a row has a
    large variance; if it is added to these and another one vanishes with it, both belong there.
    """
    xp = problem.space.xp
    near = xp.nonzero(problem.zeros_of(direction, widen=NEARLY) & ~zero)[0]
    if near.shape[0] < 2:
        return None
    picked = xp.take(problem.rows, near, axis=0)
    leverage = _leverage(xp, rows, direction[:, None], picked)
    if leverage is None:
        return None
    open_ = left_open(problem, direction, near, leverage)
    if int(xp.sum(xp.astype(open_, xp.int64))) < 2:
        return None
    first = int(near[int(xp.argmax(xp.where(open_, leverage, xp.zeros_like(leverage))))])
    more_rows = xp.concat([rows, problem.rows[first, :][None, :]], axis=0)
    again = problem.zeros_of(smallest_singular(xp, stacked(xp, more_rows, orthogonal)).vectors[:, 0])
    more = int(xp.sum(xp.astype(again, xp.int64))) - int(xp.sum(xp.astype(zero, xp.int64)))
    return again if more >= 2 else None


def left_open(problem: Problem, direction: Array, near: Array, leverage: Array) -> Array:
    """Which rows, by their places, may be zero for all that the zero rows say of them by their leverage."""
    xp = problem.space.xp
    limit = TOLERANCE[problem.noise_model] * problem.noise_of(direction) * xp.take(problem.row_noise, near)
    return (xp.take(problem.rows, near, axis=0) @ direction) ** 2 < limit**2 * (1 + leverage)


def kernel_of(problem: Problem, rows: Array) -> Array:
    """Directions that nearly vanish on the rows, one at least; (b, k)."""
    xp = problem.space.xp
    _, vectors = xp.linalg.eigh(rows.T @ rows)
    energy = xp.sqrt(xp.sum((rows @ vectors) ** 2, axis=0))
    noise = VANISHING * rows.shape[0] ** 0.5 * problem.noise_of(vectors)
    return vectors[:, : max(1, int(xp.sum(xp.astype(energy < noise, xp.int64))))]


def kernel_space(problem: Problem, rows: Array) -> Array:
    """Directions that nearly vanish on the rows, those settling one almost alone left out; (b, k)."""
    xp = problem.space.xp
    for _ in range(3):
        space = kernel_of(problem, rows)
        leverage = _leverage(xp, rows, space, rows)
        if leverage is None or bool(xp.all(leverage < HANGING)):
            break
        rows = xp.take(rows, xp.nonzero(leverage < HANGING)[0], axis=0)
    return space


def same_space(xp: Namespace, first: Array, second: Array) -> bool:
    """Whether two orthonormal bases, shape (b, d) each, span the same space."""
    size = first.shape[1]
    return size == second.shape[1] and bool(xp.sum((first.T @ second) ** 2) > size - SAME_SPACE)


def in_shared_nullspace(problem: Problem, kernels: list[Array], directions: Array) -> Array:
    """Which unit directions vanish on no more rows than any vector of a shared kernel can, shape (k,).

    Parameters
    ----------
    problem : Problem
        Source of the zero test.
    kernels : list of array, shape (b, d) each
        Orthonormal bases of kernels that several samples share.
    directions : array, shape (b, k)
        Unit vectors; those outside of the kernel are not mixed.
    """
    xp = problem.space.xp
    counts = xp.sum(xp.astype(problem.zeros_of(directions), xp.int64), axis=0)
    found = counts < 0
    for kernel in kernels:
        common = xp.sum(xp.astype(xp.all(problem.zeros_of(kernel), axis=1), xp.int64))
        within = xp.sum((kernel.T @ directions) ** 2, axis=0) > 1 - SAME_SPACE
        found = found | (within & (counts < common + kernel.shape[1] - 1 + BEYOND_CHANCE))
    return found

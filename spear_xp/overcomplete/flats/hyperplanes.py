"""Enters: an overcomplete problem. Leaves: zero hyperplanes, vectors that vanish on many of its rows.

With b samples in d dimensions a vector that is orthogonal to d - 1 of them vanishes on each row on which the
others, b - d + 1, are inactive. Neurons that look alike leave the same samples out, so the search starts from
rows whose weights correlate.
"""

from collections.abc import Iterator

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.overcomplete.problem import OvercompleteProblem

__all__ = ["STACK", "STEPS", "White", "kernel", "sparse"]

SHARE, LEAST = 0.1, 4  # chosen: rows around one row, of all and of the dimension at least
PENALTIES = (-0.5, 0.0, 0.5, 1.0)  # chosen: how much loud rows count less, in turns
STACK = 32  # cosmetic: searches side by side
STEPS, SHRINK = 40, 0.6  # chosen: steps of reweighting, and what each does to the width
FAINT = 1e-3  # chosen: first weight of rows that are not the nearest
RIDGE = 1e-13  # cosmetic: keeps the equations solvable
FLOOR = 3.0  # chosen: narrowest width in units of the noise
INSIDE = 5.0  # chosen: standard deviations within which a row lies in a hyperplane
ROWS = 2  # chosen: rows of a hyperplane for each dimension
TINY = 1e-12  # cosmetic: of the largest second moment
GAP = 30.0  # chosen: ratio of the two smallest singular values of rows with one kernel
KERNEL = 4.0  # chosen: what is left of such rows in standard deviations


class White:
    """Coordinates in which the rows of a problem have unit second moments.

    Attributes
    ----------
    problem : OvercompleteProblem
    rows : array, shape (m_live, d)
        `rows @ w` is what row and hyperplane w have in common.
    out, turn : array, shape (d, d)
        `out @ u` is a point and `turn @ w` a hyperplane; the product of both is u · w.
    unit : float
        Median length of a hyperplane of unit length here, in the coordinates of the problem.
    """

    def __init__(self, problem: OvercompleteProblem) -> None:
        xp = problem.space.xp
        values, vectors = xp.linalg.eigh(problem.rows.T @ problem.rows)
        roots = xp.sqrt(xp.maximum(values, TINY * float(values[-1])))
        self.problem, self.out, self.turn = problem, vectors * roots, vectors / roots
        self.rows = problem.rows @ self.turn
        self.unit = float(upper_median(xp, 1.0 / roots))

    def hyperplanes(
        self, chunk: int, missing: Array | None = None, keep_going: KeepGoing = forever
    ) -> Iterator[Array]:
        """Unit vectors, shape (d,), each of which vanishes on many rows.

        `missing`, of shape (d, k), are vectors here that hyperplanes should not be orthogonal to. `OutOfTime`
        is raised when `keep_going` says no.
        """
        problem, xp = self.problem, self.problem.space.xp
        near = self._neighbours(chunk)
        count, d = int(near.shape[0]), problem.dimension
        stack = xp.reshape(xp.take(self.rows, xp.reshape(near, (-1,)), axis=0), (*near.shape, d))
        noise = xp.reshape(xp.take(problem.noise, xp.reshape(near, (-1,))), near.shape)
        weights = xp.where(xp.arange(near.shape[1], device=near.device) < ROWS * (d - 1), 1.0, FAINT)
        weights = xp.zeros_like(noise) + xp.astype(weights, noise.dtype)
        draw, towards = generator(1, Stream.FLATS, chunk), False
        if missing is not None and missing.shape[1]:
            start, towards = problem.space.normal(draw, (count, missing.shape[1])) @ missing.T, True
        else:
            start = problem.space.normal(draw, (count, d))
        floor = FLOOR * self.unit * xp.sort(noise, axis=1)[:, noise.shape[1] // 2]
        white = sparse(xp, stack, weights, start, floor, keep_going, fixed=towards)
        found = normalize(xp, white @ self.turn.T, axis=1)
        for k in range(count):
            ask(keep_going)
            inside = self.inside(found[k, :])
            if int(xp.sum(xp.astype(inside, xp.int64))) < ROWS * (d - 1):
                continue
            exact = kernel(problem, inside)
            if exact is not None:
                yield exact

    @property
    def neighbours(self) -> int:
        """Rows that a search starts from."""
        m, d = self.problem.width, self.problem.dimension
        return min(m, max(int(SHARE * m), LEAST * (d - 1)))

    def inside(self, hyperplane: Array) -> Array:
        """Rows that lie in a hyperplane within the noise."""
        return self.problem.space.xp.abs(self.problem.rows @ hyperplane) < INSIDE * self.problem.noise

    def _neighbours(self, chunk: int) -> Array:
        """Rows whose weights correlate with those of rows drawn at random, the nearest first."""
        problem, xp = self.problem, self.problem.space.xp
        m = problem.width
        draw = generator(0, Stream.FLATS, chunk)
        seeds = problem.space.indices(draw.integers(m, size=STACK))
        penalties = problem.space.asarray(draw.choice(PENALTIES, STACK), dtype=problem.rows.dtype)
        moments = problem.rows.T @ problem.rows
        mean = moments @ problem.last / (problem.last @ moments @ problem.last)
        spread = moments / (problem.last @ moments @ problem.last) - mean[:, None] * mean
        deviations = xp.sqrt(xp.maximum(xp.vecdot(problem.layer @ spread, problem.layer), TINY))
        layer = problem.layer / deviations[:, None]
        alike = xp.take(layer, seeds, axis=0) @ spread @ layer.T
        loud = xp.maximum(layer @ mean, -1.0)
        ranked = xp.argsort(-(alike - penalties[:, None] * loud), axis=1, stable=True)
        return ranked[:, : self.neighbours]


def sparse(
    xp: Namespace,
    stack: Array,
    weights: Array,
    right: Array,
    floor: Array,
    keep_going: KeepGoing = forever,
    *,
    fixed: bool = False,
) -> Array:
    """Unit vectors that nearly vanish on as many rows as possible, by reweighted least squares.

    Parameters
    ----------
    xp : module
    stack : array, shape (s, r, d), or (1, r, d) for all searches
    weights : array, shape (s, r)
        At the start.
    right : array, shape (s, d)
        Start of the inverse iteration, or, if `fixed`, the right-hand side: the vector of least squares among
        those with a given product with it.
    floor : array, shape (s,)
        Narrowest width of the weights.
    keep_going : callable
        Asked before each step; `OutOfTime` is raised when it says no.
    """
    d, vectors, width = stack.shape[2], right, None
    eye = xp.eye(d, dtype=stack.dtype, device=stack.device)
    place = min(stack.shape[1] - 1, 3 * d // 2)
    for _ in range(STEPS):
        ask(keep_going)
        gram = xp.matrix_transpose(stack * weights[:, :, None]) @ stack
        trace = xp.sum(xp.linalg.diagonal(gram), axis=1)
        gram = gram + RIDGE * trace[:, None, None] * eye
        vectors = xp.linalg.solve(gram, (right if fixed else vectors)[:, :, None])[:, :, 0]
        vectors = normalize(xp, vectors, axis=1)
        sizes = xp.abs((stack @ vectors[:, :, None])[:, :, 0])
        near = xp.sort(sizes, axis=1)[:, place]
        width = near if width is None else xp.minimum(width, xp.maximum(near, SHRINK * width))
        width = xp.maximum(width, floor)
        weights = 1.0 / (1.0 + (sizes / width[:, None]) ** 2)
    return vectors


def kernel(problem: OvercompleteProblem, rows: Array) -> Array | None:
    """The one hyperplane that holds all of some rows, True, within the noise; None without such a one."""
    xp = problem.space.xp
    scaled = problem.rows[rows] / problem.noise[rows][:, None]
    if scaled.shape[0] <= problem.dimension:
        return None
    _, values, right = xp.linalg.svd(scaled, full_matrices=False)
    least, next_one = float(values[-1]), float(values[-2])
    fits = least < KERNEL * scaled.shape[0] ** 0.5 and next_one > GAP * least
    return right[-1, :] if fits else None

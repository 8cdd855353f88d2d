"""Enters: rough directions under added noise. Leaves: candidates that vanish on one side of a hyperplane.

Noise hides small entries of active rows among the zeros, and the kernel of all rows that seem to vanish is
off by them. A hyperplane in the coordinates of the layer that fits the clear signs hardly minds these rows.
The kernel of the rows behind it is nearer to a column of D, its signs are clearer, and so on.
"""

from spear_xp.candidates.candidate import Candidate
from spear_xp.geometry.directions import SAME_PROPOSAL
from spear_xp.geometry.nullspaces import CONFIRMING
from spear_xp.numerics.backend import Array, Namespace, on_device, to_host
from spear_xp.numerics.classifiers import hyperplanes, separation_work
from spear_xp.numerics.linalg import normalize, weighted_gram
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.parts.threads import each
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import DOUBLE, KeepGoing, elementwise, forever, small_solves, weighted_grams
from spear_xp.reduction.problem import Problem

__all__ = ["behind_hyperplanes", "half_space_work"]

# measured: rounds, of which the last so many in coordinates in which noise is the same (lab.md, "Strong
# noise")
ROUNDS, LAST = 8, 3
STEPS = 40  # chosen: steps towards the hyperplane in each round; more take longer and change little
# chosen: noise levels up to which an entry may be zero, and those between which it says nothing
ZERO, CLEAR = 3.0, (2.0, 4.0)
# derived: the first quartile of entries half of which are noise is the median of these: .674 noise levels
QUARTILE, LEVEL = 4, 1 / 0.674
# chosen: margins over their median from which a row is behind the hyperplane, to solve and to judge
BEHIND, SURE = 0.05, 0.1
# chosen: noise levels that a row behind may hold, half as many more for each median margin, two at most:
# a smaller value leaves rows out that belong, a larger one lets one wrong row turn a direction
REACH, DEEPER, DEEPEST = 3.5, 0.5, 2.0
TURNS = 2  # chosen: inverse iterations a round; the next round goes on from there
SHIFT = 1e-9  # cosmetic: share of the largest diagonal element, with which no matrix is singular
# chosen: share of the rows behind that may hold anything, and mean square in noise levels of the others up
# to which all of it is noise, with so many of its standard deviations
EXCUSED, SURPRISE, DEVIATIONS = 0.02, 1.25, 5.0


def behind_hyperplanes(
    problem: Problem, directions: Array, source: str = "", keep_going: KeepGoing = forever
) -> list[Candidate]:
    """Candidates next to rough directions, those first that leave least on the rows behind.

    Parameters
    ----------
    problem : Problem
        The reduced gradient, of rank 2 at least, with added noise.
    directions : array, shape (b, k)
        Unit vectors; columns that are not finite are passed over.
    source : str
        Name to keep with the candidates.
    keep_going : callable
        Asked before each part of the directions; the others are passed over when it says no.

    Returns
    -------
    list of Candidate
        Their zero rows are those behind that vanish; no two are parallel.
    """
    xp, b = problem.space.xp, problem.rank
    finite = xp.nonzero(xp.all(xp.isfinite(directions), axis=0))[0]
    directions = xp.take(directions, finite, axis=1)
    size = problem.width * b
    shares = blocks(int(directions.shape[1]), size, device=on_device(xp))
    parts = each(lambda part: _settled(problem, directions[:, part]) if keep_going() else None, shares)
    told = [part for part in parts if part is not None]
    if not told:
        return []
    found, zero, surprise, second = (xp.concat(columns, axis=-1) for columns in zip(*told, strict=True))
    counts = to_host(xp.sum(xp.astype(zero, xp.int64), axis=0))
    fits = counts >= b + CONFIRMING
    fits &= to_host(surprise) < SURPRISE + DEVIATIONS * (2 / counts.clip(min=1)) ** 0.5
    fits &= to_host(second) > (counts**0.5 + b**0.5) ** 2  # the edge of noise alone
    order = [k for k in to_host(xp.argsort(surprise)).tolist() if fits[k]]
    parallel = to_host(xp.abs(found.T @ found) > 1 - SAME_PROPOSAL)
    chosen: list[int] = []
    for k in order:
        if not parallel[k, chosen].any():
            chosen.append(k)
    return [Candidate(found[:, k], zero[:, k], int(counts[k]), source) for k in chosen]


def _settled(problem: Problem, directions: Array) -> tuple[Array, Array, Array, Array]:
    """Directions, their zero rows, and of the rows behind mean square and second singular value squared."""
    xp, values = problem.space.xp, problem.singular_values[:, None]
    rows = problem.rows / problem.row_noise[:, None]
    white = problem.rows * problem.singular_values / (problem.noise_level * problem.row_noise[:, None])
    basis = xp.astype(problem.layer_basis, xp.float32)
    current = directions
    for turn in range(ROUNDS):
        size = xp.abs(white @ normalize(xp, current / values))
        quartile = xp.sort(size, axis=0)[problem.width // QUARTILE, :]
        size = size / xp.maximum(LEVEL * quartile, xp.ones_like(quartile))  # rough directions hold more
        margin = _margins(xp, basis, size)
        depth = xp.minimum(xp.maximum(-margin, xp.zeros_like(margin)), xp.full_like(margin, DEEPEST))
        on = (margin < -BEHIND) & (size < REACH * (1 + DEEPER * depth))
        if turn < ROUNDS - LAST:  # rough directions end at quiet dimensions, where all rows are noise
            current, _ = _kernels(problem, rows, on, current)
        else:
            kernel, gram = _kernels(problem, white, on, current / values)
            current = normalize(xp, kernel * values)
    size = xp.abs(white @ normalize(xp, current / values))
    second = xp.linalg.eigh(gram)[0][:, 1]
    return current, (margin < 0) & (size < 2 * ZERO), _mean_square(xp, size, margin < -SURE), second


def _margins(xp: Namespace, basis: Array, size: Array) -> Array:
    """Margins of hyperplanes over their median, from entries in units of the noise, shape (m_live, k)."""
    sure = xp.astype((size < CLEAR[0]) | (size > CLEAR[1]), xp.float32)
    label = xp.where(size < ZERO, -xp.ones_like(sure), xp.ones_like(sure))
    margin = xp.astype(hyperplanes(xp, basis, label, sure, STEPS), size.dtype)
    return margin / upper_median(xp, xp.abs(margin))


def _kernels(problem: Problem, rows: Array, on: Array, start: Array) -> tuple[Array, Array]:
    """Unit vectors, shape (b, k), that vanish best on some of the rows, from a start, and the matrices."""
    xp, b = problem.space.xp, problem.rank
    gram = weighted_gram(xp, rows, xp.astype(on, rows.dtype).T)
    largest = xp.max(xp.linalg.diagonal(gram), axis=1)
    shift = SHIFT * xp.where(largest > 0, largest, xp.ones_like(largest))  # no row at all: any vector does
    shifted = gram + shift[:, None, None] * xp.eye(b, dtype=rows.dtype, device=rows.device)
    current = start.T[:, :, None]
    for _ in range(TURNS):
        current = normalize(xp, xp.linalg.solve(shifted, current), axis=1)
    return current[:, :, 0].T, gram


def _mean_square(xp: Namespace, size: Array, behind: Array) -> Array:
    """Of the entries behind, without the largest ones, shape (k,)."""
    squares = xp.sort(xp.where(behind, size**2, xp.zeros_like(size)), axis=0)
    count = xp.sum(xp.astype(behind, size.dtype), axis=0)
    excused = xp.ceil(EXCUSED * count)
    place = xp.arange(size.shape[0], dtype=size.dtype, device=size.device)[:, None]
    kept = xp.where(place < size.shape[0] - excused, squares, xp.zeros_like(squares))
    return xp.sum(kept, axis=0) / xp.maximum(count - excused, xp.ones_like(count))


def half_space_work(problem: Problem, count: int) -> float:
    """Multiply-adds of `behind_hyperplanes` for so many directions."""
    m, b = problem.width, problem.rank
    kernels = DOUBLE * (weighted_grams(m, b, count) + TURNS * small_solves(b, count))
    fits = separation_work(m, b, count, STEPS) + elementwise(m * count, 20)
    return ROUNDS * (fits + kernels) if count else 0.0

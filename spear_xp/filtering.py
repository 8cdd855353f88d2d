"""Enters: proposed directions. Leaves: candidates, directions refitted on all of their zero rows.

A column of D is zero on many rows and a mixture of columns on fewer. A proposal that makes at least
`threshold` rows vanish is solved again as the kernel of all its near-zero rows, until that set is
stable; kernels that noise could turn into something else are rejected.
"""

from dataclasses import dataclass

from spear_xp._arrays import Array, to_host
from spear_xp._linalg import normalize, smallest_singular
from spear_xp.problem import Problem

__all__ = ["Candidate", "filter_directions", "is_unique", "refit"]

WIDEN = 30.0  # a kernel of b-1 rows alone carries their noise amplified, with a heavy tail
ROUNDS = 6
SPARE = 2  # zero rows beyond the b-1 that define a kernel, and one that confirms it
PARALLEL = 1e-5  # 1 - |cos| below which two unit directions are the same
INFLUENTIAL = 3  # rows that may not decide alone that a kernel is one-dimensional


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A direction that passed the filter.

    Attributes
    ----------
    direction : array, shape (b,)
        Unit vector q with `rows @ q` a column of D up to scale.
    zero : array of bool, shape (m_live,)
        Rows on which it vanishes within the noise.
    zeros : int
        Their number.
    source : str
        Name of the strategy that proposed it.
    """

    direction: Array
    zero: Array
    zeros: int
    source: str


def is_unique(problem: Problem, rows: Array, kernel: Array, second: Array) -> bool:
    """Whether the kernel of some rows is one-dimensional beyond what noise can bridge.

    Parameters
    ----------
    problem : Problem
        Source of the noise level.
    rows : array, shape (z, b)
        The near-zero rows.
    kernel, second : array, shape (b,)
        Their two smallest right singular vectors.

    Notes
    -----
    The second direction must stand out of the noise even without its three most influential rows:
    a kernel that one or two rows keep from being two-dimensional is an arbitrary mixture as soon as
    those rows are in the set by mistake.
    """
    xp = problem.space.xp
    energy = xp.sort((rows @ second) ** 2)
    rest = float(xp.sum(energy[: max(0, energy.shape[0] - INFLUENTIAL)])) ** 0.5
    noise = max(
        8 * float(problem.noise_of(second)), 3 * rows.shape[0] ** 0.5 * float(problem.noise_of(kernel))
    )
    return bool(rest > noise)


def refit(
    problem: Problem, direction: Array, zero: Array, *, source: str = "", spare: int = SPARE
) -> Candidate | None:
    """Solve a direction again on all of its near-zero rows until the set is stable.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    direction : array, shape (b,)
        First guess.
    zero : array of bool, shape (m_live,)
        Rows on which it is taken to vanish.
    source : str
        Name to keep with the candidate.
    spare : int
        Zero rows needed beyond b.

    Returns
    -------
    Candidate or None
        None if too few rows vanish or their kernel is not unique.
    """
    xp, b = problem.space.xp, problem.rank
    least = b + spare if b > 1 else 0
    for _ in range(ROUNDS):
        index = xp.nonzero(zero)[0]
        if index.shape[0] < least:
            return None
        if b == 1:
            break
        rows = xp.take(problem.rows, index, axis=0)
        kernel = smallest_singular(xp, rows).vectors
        direction = kernel[:, 0]
        again = problem.zeros_of(direction)
        if bool(xp.all(again == zero)):
            break
        zero = again
    count = int(xp.sum(xp.astype(zero, xp.int64)))
    if count < least or (b > 1 and not is_unique(problem, rows, direction, kernel[:, 1])):
        return None
    return Candidate(normalize(xp, direction), zero, count, source)


def filter_directions(
    problem: Problem, directions: Array, *, threshold: int, source: str = "", widen: float = WIDEN
) -> list[Candidate]:
    """Candidates among proposed directions, distinct, sparsest first.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, k)
        Proposals; columns that are not finite are passed over.
    threshold : int
        Zero rows that a candidate needs.
    source : str
        Name to keep with the candidates.
    widen : float
        Factor on the zero test for the first count, before the refit.

    Returns
    -------
    list of Candidate
    """
    xp = problem.space.xp
    zero = problem.zeros_of(directions, widen=widen)
    counts = to_host(xp.sum(xp.astype(zero, xp.int64), axis=0))
    order = [int(i) for i in (-counts).argsort(kind="stable") if counts[i] >= threshold]
    found: list[Candidate] = []
    while order:
        first, rest = order[0], order[1:]
        candidate = refit(problem, directions[:, first], zero[:, first], source=source)
        if candidate is not None and candidate.zeros >= threshold:
            found.append(candidate)
        # Proposals parallel to the one just solved would give the same candidate again.
        parallel = to_host(xp.abs(directions[:, first] @ directions)) > 1 - PARALLEL
        order = [i for i in rest if not parallel[i]]
    return found

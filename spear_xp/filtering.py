"""Enters: proposed directions. Leaves: candidates, directions refitted on all of their zero rows.

A column of D is zero on many rows and a mixture of columns on fewer. A proposal that makes at least
`threshold` rows vanish is solved again as the kernel of all its near-zero rows, until that set is
stable; kernels that noise could turn into something else are rejected.
"""

from collections.abc import Callable
from dataclasses import dataclass

from spear_xp._arrays import Array, to_host
from spear_xp._linalg import inverse, normalize, smallest_singular
from spear_xp.problem import Problem

__all__ = [
    "SAME_SPACE",
    "WIDEN",
    "Candidate",
    "filter_directions",
    "is_unique",
    "kernel_space",
    "mixed",
    "refit",
]

WIDEN = 30.0  # a kernel of b-1 rows alone carries their noise amplified, with a heavy tail
ROUNDS = 6
SPARE = 2  # zero rows beyond the b-1 that define a kernel, and one that confirms it
PARALLEL = 1e-5  # 1 - |cos| below which two unit directions are the same
HANGING = 0.5  # leverage of a row from which it is taken to settle a dimension almost alone
PLENTY = 4  # spare rows, in multiples of these, from which leverages tell rows apart
LIGHT = 1e-2  # weight of a known dual against a typical row
SAME_SPACE = 1e-3  # squared sine of the angle within which a direction lies in a kernel
MORE = 2  # rows beyond what every vector of a kernel can be chosen to vanish on
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
    misfit : float
        Share of rows on which the best hyperplane contradicts the zero pattern, where it was asked for.
    """

    direction: Array
    zero: Array
    zeros: int
    source: str
    misfit: float = 0.0


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

    def with_orthogonal(part: Array) -> Array:
        return part if orthogonal is None else xp.concat([part, orthogonal], axis=0)

    if not _stands_out(problem, with_orthogonal(rows), kernel, second):
        return False
    spare = rows.shape[0] - (problem.rank - 1)
    if spare < influential and orthogonal is None:
        return False
    weights = [(rows @ second) ** 2]
    if spare >= PLENTY * influential:
        whole = with_orthogonal(rows)
        inverted, valid = inverse(xp, whole.T @ whole + kernel[:, None] * kernel[None, :])
        if not valid:
            return False
        leverage = xp.sum((rows @ inverted) * rows, axis=1)
        weights = [*weights, leverage] if strict else [leverage]
    for weight in weights:
        rest = with_orthogonal(_without_heaviest(problem, rows, weight, influential))
        vectors = smallest_singular(xp, rest).vectors
        if not _stands_out(problem, rest, vectors[:, 0], vectors[:, 1]):
            return False
    return True


def _without_heaviest(problem: Problem, rows: Array, weight: Array, count: int) -> Array:
    xp = problem.space.xp
    return xp.take(rows, xp.argsort(weight)[: max(0, rows.shape[0] - count)], axis=0)


def _stands_out(problem: Problem, rows: Array, kernel: Array, second: Array) -> bool:
    """Whether `rows @ second` exceeds what noise in either direction can bridge."""
    xp = problem.space.xp
    size = float(xp.sqrt(xp.sum((rows @ second) ** 2)))
    level = max(float(problem.noise_of(second)), float(problem.noise_of(kernel)))
    return bool(size > max(8.0, 3 * rows.shape[0] ** 0.5) * level)


def refit(
    problem: Problem,
    direction: Array,
    zero: Array,
    *,
    source: str = "",
    spare: int = SPARE,
    duals: Array | None = None,
    shared: list[Array] | None = None,
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
    duals : array, shape (b, k), optional
        Duals of other samples that are known: the direction is orthogonal to each. They settle what the
        rows alone leave to a few of them, as between samples with almost the same mask.
    shared : list, optional
        Receives the kernel, shape (b, k), of the near-zero rows where it is not one-dimensional.

    Returns
    -------
    Candidate or None
        None if too few rows vanish or their kernel is not unique.
    """
    xp, b = problem.space.xp, problem.rank
    least = b + spare if b > 1 else 0
    orthogonal = None
    if duals is not None and duals.shape[1]:
        # Light enough not to bring the errors of the duals in where the rows decide.
        orthogonal = LIGHT * (b / problem.width) ** 0.5 * normalize(xp, duals).T
    for _ in range(ROUNDS):
        index = xp.nonzero(zero)[0]
        if index.shape[0] < least:
            return None
        if b == 1:
            break
        rows = xp.take(problem.rows, index, axis=0)
        stacked = rows if orthogonal is None else xp.concat([rows, orthogonal], axis=0)
        kernel = smallest_singular(xp, stacked).vectors
        direction = kernel[:, 0]
        again = problem.zeros_of(direction)
        if bool(xp.all(again == zero)):
            break
        zero = again
    count = int(xp.sum(xp.astype(zero, xp.int64)))
    if count < least:
        return None
    if b > 1:
        influential = min(INFLUENTIAL, (count - b + 1) // 3)  # narrow layers have no rows to give away
        second = kernel[:, 1]
        if not is_unique(
            problem, rows, direction, second, influential=influential, orthogonal=orthogonal, strict=False
        ):
            if shared is not None:
                shared.append(kernel_space(problem, rows))
            return None
    return Candidate(normalize(xp, direction), zero, count, source)


def kernel_space(problem: Problem, rows: Array) -> Array:
    """Directions that nearly vanish on the rows, those settling one almost alone left out; (b, k)."""
    xp = problem.space.xp
    for _ in range(3):
        _, vectors = xp.linalg.eigh(rows.T @ rows)
        energy = xp.sqrt(xp.sum((rows @ vectors) ** 2, axis=0))
        noise = 3 * rows.shape[0] ** 0.5 * problem.noise_of(vectors)
        space = vectors[:, : max(1, int(xp.sum(xp.astype(energy < noise, xp.int64))))]
        inverted, valid = inverse(xp, rows.T @ rows + space @ space.T)
        if not valid:
            break
        leverage = xp.sum((rows @ inverted) * rows, axis=1)
        rows = xp.take(rows, xp.nonzero(leverage < HANGING)[0], axis=0)
    return space


def filter_directions(
    problem: Problem,
    directions: Array,
    *,
    threshold: int,
    source: str = "",
    widen: float = WIDEN,
    duals: Array | None = None,
    shared: list[Array] | None = None,
    keep_going: Callable[[], bool] = lambda: True,
) -> list[Candidate]:
    """Candidates among proposed directions, distinct, sparsest first.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, k)
        Proposals, of any norm; columns that are not finite are passed over.
    threshold : int
        Zero rows that a candidate needs.
    source : str
        Name to keep with the candidates.
    widen : float
        Factor on the zero test for the first count, before the refit.
    duals : array, shape (b, k), optional
        Duals of samples that are known already, see `refit`.
    shared : list, optional
        Receives the kernels, shape (b, k), that rows left open between several directions.
    keep_going : callable
        Asked before each refit; False ends the filter with what it has.

    Returns
    -------
    list of Candidate
    """
    xp = problem.space.xp
    finite = xp.all(xp.isfinite(directions), axis=0)
    directions = normalize(xp, xp.take(directions, xp.nonzero(finite)[0], axis=1))
    zero = problem.zeros_of(directions, widen=widen)
    counts = to_host(xp.sum(xp.astype(zero, xp.int64), axis=0))
    order = [int(i) for i in (-counts).argsort(kind="stable") if counts[i] >= threshold]
    found: list[Candidate] = []
    while order and keep_going():
        first, rest = order[0], order[1:]
        guess = (problem, directions[:, first], zero[:, first])
        open_: list[Array] = []
        candidate = refit(*guess, source=source, shared=open_)
        if candidate is None and duals is not None and duals.shape[1]:
            candidate = refit(*guess, source=source, duals=duals)
        if candidate is not None and candidate.zeros >= threshold:
            found.append(candidate)
        # Proposals parallel to the one just solved would give the same candidate again.
        passed = to_host(xp.abs(directions[:, first] @ directions) > 1 - PARALLEL)
        if open_:  # and so would other mixtures of the same samples
            passed = passed | to_host(mixed(problem, open_, directions))
        order = [i for i in rest if not passed[i]]
        if shared is not None:
            shared += open_
    return found


def mixed(problem: Problem, kernels: list[Array], directions: Array) -> Array:
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
        found = found | (within & (counts < common + kernel.shape[1] + MORE))
    return found

"""Enters: proposed directions. Leaves: candidates, directions refitted on all of their zero rows.

A column of D is zero on many rows and a mixture of columns on fewer. A proposal that makes at least
`threshold` rows vanish is solved again as the kernel of all its near-zero rows, until that set is
stable; kernels that noise could turn into something else are rejected.
"""

from dataclasses import dataclass

from spear_xp.candidates.candidate import Candidate
from spear_xp.geometry.directions import SAME_PROPOSAL, WIDEN
from spear_xp.geometry.kernels import Kernels, batches
from spear_xp.geometry.nullspaces import (
    CONFIRMING,
    INFLUENTIAL,
    grown,
    in_shared_nullspace,
    is_unique,
    kernel_space,
    stacked,
)
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.linalg import kernel_pair_work, normalize, smallest_singular
from spear_xp.numerics.parts.threads import each
from spear_xp.numerics.work import KeepGoing, forever, product
from spear_xp.reduction.problem import Problem

__all__ = ["Outcome", "filter_directions", "refit", "refit_many", "screening_work"]

ROUNDS = 6  # chosen: most solutions until the zero rows are stable; more would follow sets that do not settle
# measured: least singular pairs that one refit takes, with those that confirm it (lab.md, "Counted work")
SOLVED = 6
# chosen: how often zero rows may grow by what they leave open; fewer leave a bit of a quiet sample
GROWTHS = 3
WAVE = 32  # cosmetic: proposals that are solved at once, between two looks at the clock
LIGHT = 1e-2  # chosen: weight of a known dual against a typical row; a heavier one brings its errors in


def refit(
    problem: Problem,
    direction: Array,
    zero: Array,
    *,
    source: str = "",
    spare: int = CONFIRMING,
    duals: Array | None = None,
    shared: list[Array] | None = None,
) -> Candidate | None:
    """Solve a direction again on all of its near-zero rows until the set is stable.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    direction : array, shape (b,)
        Where to start.
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

    def solved(zero: Array) -> tuple[Array, Array]:
        """Some rows, and the right singular vectors of their least singular values."""
        rows = xp.take(problem.rows, xp.nonzero(zero)[0], axis=0)
        return rows, smallest_singular(xp, stacked(xp, rows, orthogonal)).vectors

    for _ in range(ROUNDS if b > 1 else 0):
        if int(xp.sum(xp.astype(zero, xp.int64))) < least:
            return None
        rows, kernel = solved(zero)
        direction, before = kernel[:, 0], zero
        zero = problem.zeros_of(direction)
        if bool(xp.all(zero == before)):
            break
    count = int(xp.sum(xp.astype(zero, xp.int64)))
    if count < least:
        return None
    if b > 1:
        for _ in range(GROWTHS):
            more = grown(problem, direction, zero, rows, orthogonal)
            if more is None:
                break
            rows, kernel = solved(more)
            direction = kernel[:, 0]
            zero = problem.zeros_of(direction)
        count = int(xp.sum(xp.astype(zero, xp.int64)))
        second = kernel[:, 1]
        if not is_unique(
            problem,
            rows,
            direction,
            second,
            influential=int(_influential(problem, to_host([count]))[0]),
            orthogonal=orthogonal,
            strict=False,
        ):
            if shared is not None:
                shared.append(kernel_space(problem, rows))
            return None
    return Candidate(normalize(xp, direction), zero, count, source)


def _influential(problem: Problem, counts: Host) -> Host:
    """Rows of so many that may not decide alone: narrow layers have none to give away."""
    most: Host = ((counts - problem.rank + 1) // 3).clip(max=INFLUENTIAL)
    return most


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a refit, where that is clear at a glance.

    Attributes
    ----------
    clear : bool
        Whether it is; `refit` has to be asked otherwise.
    candidate : Candidate or None
        What `refit` gives.
    shared : array of bool, shape (m_live,), or None
        Zero rows whose kernel is not one-dimensional.
    """

    clear: bool = False
    candidate: Candidate | None = None
    shared: Array | None = None


def refit_many(problem: Problem, directions: Array, zero: Array, source: str = "") -> list[Outcome]:
    """Refit many directions at once, as far as one inverse for each makes clear what becomes of them.

    Parameters
    ----------
    problem : Problem
        The reduced gradient, of rank 2 at least.
    directions : array, shape (b, s)
        Unit vectors, where to start.
    zero : array of bool, shape (m_live, s)
        Rows on which each is taken to vanish.
    source : str
        Name to keep with the candidates.
    """
    xp, b = problem.space.xp, problem.rank

    def solved(part: slice) -> list[Outcome]:
        before, guesses = zero[:, part], directions[:, part]
        found = [Outcome()] * (part.stop - part.start)
        places = to_host(range(len(found)))
        for _ in range(ROUNDS):
            enough = to_host(xp.sum(xp.astype(before, xp.int64), axis=0)) >= b + CONFIRMING
            for place in places[~enough].tolist():
                found[place] = Outcome(True)
            if not enough.any():
                break
            index = problem.space.indices(enough.nonzero()[0])
            places, before = places[enough], xp.take(before, index, axis=1)
            kernels = Kernels.of(problem, before, xp.take(guesses, index, axis=1))
            guesses = kernels.directions.T
            after = problem.zeros_of(guesses)
            stable = to_host(xp.all(after == before, axis=0))
            counts = to_host(xp.sum(xp.astype(after, xp.int64), axis=0))
            settled = stable | ~kernels.valid  # of others nobody asks
            shared = kernels.surely_shared() if settled.any() else settled
            done = stable & (shared | ~to_host(kernels.may_grow(after)))
            if done.any():
                some, influential = kernels.take(done), _influential(problem, counts[done])
                tests = some.tests(influential, strict=False)
                unique, several = some.surely_unique(influential, tests), shared[done]
                if not (unique | several).all():
                    several = several | (~unique & some.surely_bridged(influential, tests))
                for k, alone, mixed in zip(done.nonzero()[0].tolist(), unique, several, strict=True):
                    if alone:
                        candidate = Candidate(guesses[:, k], after[:, k], int(counts[k]), source)
                        found[int(places[k])] = Outcome(True, candidate)
                    elif mixed:
                        found[int(places[k])] = Outcome(True, shared=after[:, k])
            again = ~stable & (kernels.valid | shared)  # any vector of a shared kernel will do
            if not again.any():
                break
            index = problem.space.indices(again.nonzero()[0])
            places, before = places[again], xp.take(after, index, axis=1)
            guesses = xp.take(guesses, index, axis=1)
        return found

    return [one for found in each(solved, batches(problem, int(directions.shape[1]))) for one in found]


def filter_directions(
    problem: Problem,
    directions: Array,
    *,
    threshold: int,
    source: str = "",
    widen: float | None = None,
    duals: Array | None = None,
    shared: list[Array] | None = None,
    keep_going: KeepGoing = forever,
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
        Factor on the zero test for the first count, before the refit; `WIDEN` where not given.
    duals : array, shape (b, k), optional
        Duals of samples that are known already, see `refit`.
    shared : list, optional
        Receives the kernels, shape (b, k), that rows left open between several directions.
    keep_going : callable
        Asked before each wave of refits and each one by itself; False ends it with what it has.

    Returns
    -------
    list of Candidate
    """
    xp = problem.space.xp
    finite = xp.all(xp.isfinite(directions), axis=0)
    directions = normalize(xp, xp.take(directions, xp.nonzero(finite)[0], axis=1))
    zero = problem.zeros_of(directions, widen=WIDEN[problem.noise_model] if widen is None else widen)
    counts = to_host(xp.sum(xp.astype(zero, xp.int64), axis=0))
    order = [int(i) for i in (-counts).argsort(kind="stable") if counts[i] >= threshold]
    if not order:
        return []
    parallel = to_host(xp.abs(directions.T @ directions) > 1 - SAME_PROPOSAL)
    found: list[Candidate] = []
    wave: dict[int, Outcome] = {}
    while order and keep_going():
        first, rest = order[0], order[1:]
        if first not in wave:
            wave = _wave(problem, directions, zero, order, parallel, source)
        open_: list[Array] = []
        outcome, start = wave[first], (problem, directions[:, first], zero[:, first])
        candidate = outcome.candidate if outcome.clear else refit(*start, source=source, shared=open_)
        if outcome.shared is not None:
            rows = xp.take(problem.rows, xp.nonzero(outcome.shared)[0], axis=0)
            open_.append(kernel_space(problem, rows))
        if candidate is None and duals is not None and duals.shape[1]:
            candidate = refit(*start, source=source, duals=duals)
        if candidate is not None and candidate.zeros >= threshold:
            found.append(candidate)
        # Proposals parallel to the one just solved would give the same candidate again.
        passed = parallel[first]
        if open_:  # and so would other mixtures of the same samples
            passed = passed | to_host(in_shared_nullspace(problem, open_, directions))
        order = [i for i in rest if not passed[i]]
        if shared is not None:
            shared += open_
    return found


def _wave(
    problem: Problem, directions: Array, zero: Array, order: list[int], parallel: Host, source: str
) -> dict[int, Outcome]:
    """The next proposals that are not parallel to each other, and what becomes of them."""
    chosen: list[int] = []
    for i in order:
        if len(chosen) == WAVE:
            break
        if not parallel[i, chosen].any():
            chosen.append(i)
    if problem.rank == 1:
        return dict.fromkeys(chosen, Outcome())
    xp, index = problem.space.xp, problem.space.indices(chosen)
    outcomes = refit_many(problem, xp.take(directions, index, axis=1), xp.take(zero, index, axis=1), source)
    return dict(zip(chosen, outcomes, strict=True))


def screening_work(problem: Problem, proposed: int, refitted: int) -> float:
    """Multiply-adds of `filter_directions` for so many proposals, of which so many were solved again."""
    m, b = problem.width, problem.rank
    return product(m, b, proposed) + refitted * SOLVED * kernel_pair_work(m // 2, b)

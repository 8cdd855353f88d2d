"""Enters: what a search has proven and guessed. Leaves: the arrays and sentences of a `Result`.

Proven samples come first, then those of the same set that are not, then guesses: directions in the place of
stand-ins, which span the same space, so that nothing before them changes. A guess is returned where its own
mask agrees with its zero pattern; what is left is named.
"""

import math
from typing import NamedTuple

from spear_xp._arrays import Array, Host, Namespace, to_host
from spear_xp._linalg import normalize
from spear_xp.accuracy import unresolved
from spear_xp.alternation import SOURCE, Alternation
from spear_xp.evidence import Evidence
from spear_xp.judging import Best
from spear_xp.pool import Pool
from spear_xp.problem import Problem
from spear_xp.recovery import Recovery, recover
from spear_xp.selection import sparsest_independent

__all__ = ["Outcome", "outcome_of"]

ALONE = "its rows determine it, but a certificate needs a full set of directions"
GUESS = "a guess: its mask fits, but hardly a row tells it from other samples"
NOT_FOUND = "no direction was found for it in time"
FITS = 0.05  # share of rows on which the mask of a guess may contradict its zero pattern


class Outcome(NamedTuple):
    """Arrays and sentences of a `Result` by the names that they have there; `duals` give the inputs."""

    duals: Array
    directions: Array
    certified: Host
    error_bars: Host
    reasons: tuple[str, ...]
    unresolved: tuple[str, ...]
    sources: tuple[str, ...]
    residuals: Host
    evidence: Evidence | None


def outcome_of(problem: Problem, best: Best | None, pool: Pool) -> Outcome:
    """What a search has found: its best full set, or the samples that rows alone determine."""
    xp, space = problem.space.xp, problem.space
    if best is None:
        duals = pool.solved
        duals = duals / (problem.last @ duals)
        count = int(duals.shape[1])
        candidates = sparsest_independent(problem, pool.candidates)
        sources = [entry.candidate.source for entry in pool.entries if entry.dual is not None]
        return Outcome(
            duals,
            Pool(problem, tuple(candidates)).directions,
            _filled(count, False),
            _filled(count, math.inf),
            (ALONE,) * count,
            (NOT_FOUND,) * (problem.rank - count),
            tuple(sources),
            _filled(0, 0.0),
            None,
        )
    certificate, known = best.certificate, problem.rank - best.recovery.stand_ins
    whole = _with_guesses(problem, best)
    count, guesses = problem.rank - whole.stand_ins, problem.rank - whole.stand_ins - known
    proven = certificate.certified[:known]
    ranking = to_host([*(~proven).argsort(kind="stable"), *range(known, count)])
    order = space.indices(ranking)
    bars = to_host([*certificate.error_bars[:known], *_filled(guesses, math.inf)])
    reasons = [certificate.reason(k) for k in range(known)] + [GUESS] * guesses
    sources = best.sources[:known] + [SOURCE] * guesses
    return Outcome(
        xp.take(_kept(xp, best.recovery.duals, whole.duals, known), order, axis=1),
        xp.take(_kept(xp, best.recovery.directions, whole.directions, known), order, axis=1),
        to_host([*proven, *_filled(guesses, False)])[ranking],
        bars[ranking],
        tuple(reasons[int(k)] for k in ranking),
        unresolved(problem, whole),
        tuple(sources[int(k)] for k in ranking),
        certificate.residuals,
        certificate.evidence.take(ranking),
    )


def _with_guesses(problem: Problem, best: Best) -> Recovery:
    """The best set, with those guesses for stand-ins whose masks fit; the others stay stand-ins."""
    xp, recovery = problem.space.xp, best.recovery
    if best.guesses is None:
        return recovery
    known = problem.rank - recovery.stand_ins
    directions = xp.concat([recovery.directions[:, :known], best.guesses], axis=1)
    judged = Alternation.of(problem, normalize(xp, directions))
    if judged is None:
        return recovery
    fits = judged.wrong[known:] <= FITS * problem.width
    order = [
        *range(known),
        *(known + k for k in fits.nonzero()[0]),
        *(known + k for k in (~fits).nonzero()[0]),
    ]
    whole = recover(problem, xp.take(directions, problem.space.indices(order), axis=1), int((~fits).sum()))
    return recovery if whole is None else whole


def _kept(xp: Namespace, first: Array, then: Array, count: int) -> Array:
    """So many columns of one array, and those after them of the other: nothing proven changes for a guess."""
    return xp.concat([first[:, :count], then[:, count:]], axis=1)


def _filled(count: int, value: float) -> Host:
    return to_host([value] * count).astype(type(value))

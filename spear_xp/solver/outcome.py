"""Enters: what a search has proven and guessed. Leaves: the arrays and sentences of a `Result`.

Proven samples come first, then those of the same set that are not, then guesses: directions in the place of
stand-ins, which span the same space, so that nothing before them changes. A guess is returned where its own
mask agrees with its zero pattern; what is left is named.
"""

import math
from typing import NamedTuple

from spear_xp.candidates.pool import Pool
from spear_xp.candidates.selection import sparsest_independent
from spear_xp.certification.evidence import Evidence
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH
from spear_xp.numerics.backend import Array, Host, Namespace, to_host
from spear_xp.numerics.linalg import normalize
from spear_xp.recovery.mask_fit import SOURCE, MaskFit
from spear_xp.recovery.samples import SampleSet, recover, samples_of
from spear_xp.reduction.problem import TOLERANCE, Problem
from spear_xp.solver.incumbent import Best

__all__ = ["Outcome", "missing_samples", "outcome_of"]

ALONE = "its rows determine it, but a certificate needs a full set of directions"
GUESS = "a guess: its mask fits, but hardly a row tells it from other samples"
NOT_FOUND = "no direction was found for it in time"
FITS = 0.05  # share of rows on which the mask of a guess may contradict its zero pattern
OPEN = "no direction was found for it: hardly a row tells it from other samples, or time was too short"
FAINT = "it is too quiet: on nine rows of ten it does not show above the noise"
TINY = 1e-300  # keeps logarithms finite
LOUDER = 0.9  # share of rows that hold less of a sample than the row by which its loudness is told


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
        missing_samples(problem, whole),
        tuple(sources[int(k)] for k in ranking),
        certificate.residuals,
        certificate.evidence.take(ranking),
    )


def _with_guesses(problem: Problem, best: Best) -> SampleSet:
    """The best set, with those guesses for stand-ins whose masks fit; the others stay stand-ins."""
    xp, recovery = problem.space.xp, best.recovery
    if best.guesses is None:
        return recovery
    known = problem.rank - recovery.stand_ins
    directions = xp.concat([recovery.directions[:, :known], best.guesses], axis=1)
    judged = MaskFit.of(problem, normalize(xp, directions))
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


def missing_samples(problem: Problem, recovery: SampleSet) -> tuple[str, ...]:
    """Why samples that stand-ins hold the place of were not found, one sentence each, the loudest first.

    Stand-ins say what all of these together add to the gradient. The SNR of a singular triplet of it is taken
    where a tenth of the rows hold more: a sample is active on more of them, unless hardly any.
    """
    xp = problem.space.xp
    if not recovery.stand_ins:
        return ()
    first = problem.rank - recovery.stand_ins
    samples, _ = samples_of(problem, recovery)
    triangle = xp.linalg.qr(samples[:, first:]).R
    added = problem.rows @ recovery.directions[:, first:] @ triangle.T
    left, shares, _ = xp.linalg.svd(added / problem.noise_level, full_matrices=False)
    entries = to_host(xp.sort(xp.abs(left), axis=0)[int(LOUDER * problem.width), :] * shares)
    found = []
    for entry in entries.clip(min=TINY):
        why = FAINT if entry < AMBIGUOUS_WIDTH * TOLERANCE[problem.noise_model] else OPEN
        snr = 20 * math.log10(entry) - 10 * math.log10(problem.right.shape[1])
        found.append(f"{why} (SNR {max(snr, -99):.0f} dB)")
    return tuple(found)

"""Enters: the state of a search that has ended. Leaves: the `Result`.

Certified samples come first, then those of the same set that are not, then tentative ones: directions in the
place of nuisance, which span the same space, so that nothing before them changes. A tentative direction is
returned where its own mask agrees with its zero pattern; what is left is named.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from spear_xp.candidates.candidate import stacked_directions
from spear_xp.candidates.pool import Pool
from spear_xp.candidates.selection import sparsest_independent
from spear_xp.certification.evidence import Evidence
from spear_xp.certification.mask_test import ScaleProof
from spear_xp.certification.split_half import SURE, TINY
from spear_xp.diagnosis.causes import Cause
from spear_xp.diagnosis.findings import of_search
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH
from spear_xp.numerics.backend import Array, Host, Namespace, Space, to_host
from spear_xp.numerics.linalg import normalize
from spear_xp.recovery.mask_fit import SOURCE, MaskFit
from spear_xp.recovery.samples import SampleSet, recover, to_inputs
from spear_xp.recovery.scales import reported_size
from spear_xp.reduction.problem import ACCURACY, TOLERANCE, Problem
from spear_xp.solver.assessment import Assessment
from spear_xp.solver.result import Result, Status, Trace
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.solver import Search

__all__ = [
    "Outcome",
    "missing_samples",
    "outcome_of",
    "predicted_psnr",
    "range_of",
    "result_of",
    "status_of",
    "unread",
]

ALONE = "its rows determine it, but a certificate needs a full set of directions"
TENTATIVE = "tentative: its mask fits, but hardly a row tells it from other samples"
NOT_FOUND = "no direction was found for it in time"
RANK_UNKNOWN = "the gradient was not read to the end: its rank, and with it the batch size, is unknown"
OPEN = "no direction was found for it: hardly a row tells it from other samples, or time was too short"
TOO_QUIET = "it is too quiet: on nine rows of ten it does not show above the noise"
CONDITIONS = ("masks", "kernel", "accuracy", "row_span")  # of the certificate, (a) to (d)
FITS = 0.05  # chosen: share of rows on which a tentative direction's mask may contradict its zero pattern
LOUDER = 0.9  # derived: nine rows of ten, as `TOO_QUIET` says, hold less of a sample than the row that counts


class Outcome(NamedTuple):
    """Fields as in `Result`; `duals` become the inputs, and samples may be off by `merged` of their size."""

    duals: Array
    directions: Array
    certified: Host
    direction_certified: Host
    error_bars: Host
    merged: Host
    reasons: tuple[str, ...]
    missing: tuple[str, ...]
    sources: tuple[str, ...]
    residuals: Host
    evidence: Evidence | None
    conditions: dict[str, Host]


def status_of(search: Search, problem: Problem, clock: Clock) -> Status:
    """Status of a search that was not interrupted."""
    best, certified, scale = search.best.best, search.best.certified, search.best.scale
    if search.obstacle is not None:
        return Status.HOPELESS
    if not scale.told:
        return Status.SCALE_OPEN
    if best is not None and certified == problem.rank:
        exact = best.certificate.exact.all() and SURE * scale.bar < ACCURACY
        return Status.EXACT if exact else Status.CERTIFIED
    if not clock.searching() and (best is None or (best.samples.nuisance and not certified)):
        return Status.TIME_LIMIT
    return Status.PARTIAL if certified else Status.UNCERTIFIED


def result_of(
    problem: Problem,
    search: Search,
    status: Status,
    clock: Clock,
    *,
    seed: int | None,
    dtype: Any,
    leave: Callable[[Array], Array],
    origin: dict[str, Any],
    data_range: float | None = None,
) -> Result:
    """Everything found so far, in the caller's library and dtype."""
    scale, best = search.best.scale, search.best.best
    outcome = outcome_of(problem, best, search.pool, scale)
    size = reported_size(problem, outcome.duals)
    bars = outcome.error_bars * to_host(size)
    if search.obstacle is not None:
        outcome = outcome._replace(missing=(search.obstacle.sentence,) * len(outcome.missing))
    asarray, xp = problem.space.asarray, problem.space.xp
    with clock.stage("inputs"):
        inputs = to_inputs(problem, outcome.duals * size)
    return Result(
        inputs=leave(xp.astype(inputs, dtype)),
        certified=leave(asarray(outcome.certified, dtype=xp.bool)),
        direction_certified=leave(asarray(outcome.direction_certified, dtype=xp.bool)),
        error_bars=leave(asarray(scale.widened(bars, problem, outcome.duals, outcome.merged))),
        status=status,
        batch_size=problem.rank,
        reasons=outcome.reasons,
        missing=outcome.missing,
        evidence=outcome.evidence,
        seed=seed,
        trace=Trace(
            directions=leave(outcome.directions),
            sources=outcome.sources,
            samples_drawn=search.drawn,
            candidates=len(search.pool),
            score=0.0 if best is None else best.score,
            noise_level=problem.relative_noise,
            noise_model=problem.noise_model,
            threshold=search.threshold,
            expected=search.expected,
            weight_decay=search.weight_decay,
            completed=search.completed,
            numerical_rank=problem.numerical_rank,
            seconds={**clock.seconds, "total": clock.elapsed},
            work=clock.work,
            residuals=outcome.residuals,
            singular_values=to_host(search.spectrum),
            zeros=tuple(to_host(problem.zeros_of(outcome.directions)).sum(axis=0).tolist()),
            conditions=outcome.conditions,
            own_bars=bars,
            **origin,
        ),
        psnr=predicted_psnr(bars, data_range or range_of(problem.space, inputs, outcome.certified)),
        diagnosis=_diagnosis(problem, search, status, clock),
    )


def _diagnosis(problem: Problem, search: Search, status: Status, clock: Clock) -> tuple[Cause, ...]:
    """What is wrong with the update, the obstacle first."""
    if search.obstacle is not None:
        return (search.obstacle, *(one for one in search.diagnosis if one.name != search.obstacle.name))
    if status is Status.INTERRUPTED:
        return search.diagnosis
    best = search.best.best
    set_ = (None, None) if best is None else (best.samples, best.certificate)
    about = problem, search.diagnosis, search.pool.candidates, *set_
    with clock.stage("diagnosis"):
        return of_search(*about, scale=search.best.scale, keep_going=clock.shortly_after)


def predicted_psnr(error_bars: Host, peak: float) -> Host:
    """PSNR in dB that error bars, shape (k,), predict for a peak in the units of the inputs.

    NaN where the peak is 0, that is, unknown; minus infinity for tentative samples, whose bar is infinite.
    """
    if not peak:
        return _filled(len(error_bars), math.nan)
    return to_host([-20 * math.log10(bar / peak) if bar else math.inf for bar in error_bars.tolist()])


def range_of(space: Space, inputs: Array, certified: Host) -> float:
    """Of the entries of certified inputs; 0 where there are none."""
    if not certified.any():
        return 0.0
    proven = space.xp.take(inputs, space.indices(certified.nonzero()[0]), axis=0)
    return float(space.xp.max(proven) - space.xp.min(proven))


def unread(
    space: Space,
    columns: int,
    status: Status,
    clock: Clock,
    *,
    diagnosis: tuple[Cause, ...] = (),
    seed: int | None,
    dtype: Any,
    leave: Callable[[Array], Array],
    origin: dict[str, Any],
    data_range: float | None = None,  # noqa: ARG001  # there is no sample to speak of
) -> Result:
    """The result where a limit or an interruption came before the rank was known."""
    xp = space.xp
    nothing = xp.zeros((0,), dtype=space.dtype, device=space.device)
    return Result(
        inputs=leave(xp.zeros((0, columns), dtype=dtype, device=space.device)),
        certified=leave(xp.zeros((0,), dtype=xp.bool, device=space.device)),
        direction_certified=leave(xp.zeros((0,), dtype=xp.bool, device=space.device)),
        error_bars=leave(nothing),
        status=status,
        batch_size=None,
        reasons=(),
        missing=(diagnosis[0].sentence if status is Status.HOPELESS else RANK_UNKNOWN,),
        evidence=None,
        seed=seed,
        trace=Trace(
            directions=leave(nothing[:, None]),
            seconds={**clock.seconds, "total": clock.elapsed},
            work=clock.work,
            residuals=to_host(nothing),
            singular_values=to_host(nothing),
            **origin,
        ),
        psnr=to_host(nothing),
        diagnosis=diagnosis,
    )


def outcome_of(problem: Problem, best: Assessment | None, pool: Pool, scale: ScaleProof) -> Outcome:
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
            stacked_directions(problem, candidates),
            _filled(count, False),
            _filled(count, False),
            _filled(count, math.inf),
            _filled(count, 0.0),
            (ALONE,) * count,
            (NOT_FOUND,) * (problem.rank - count),
            tuple(sources),
            _filled(0, 0.0),
            None,
            {},
        )
    certificate, known = best.certificate, best.samples.count
    whole = _with_tentative(problem, best)
    tentative = whole.count - known
    certified = certificate.certified[:known]
    ranking = to_host([*(~certified).argsort(kind="stable"), *range(known, whole.count)])
    order = space.indices(ranking)
    bars = to_host([*certificate.error_bars[:known], *_filled(tentative, math.inf)])
    wide = problem.noise_hides and problem.accuracy > ACCURACY  # else what may have merged is below 1 %
    merged = to_host([*(wide * certificate.merged[:known]), *_filled(tentative, 0.0)])
    scales = ("",) * known if scale.told else scale.in_words(best.samples)
    reasons = [certificate.reason(k) or scales[k] for k in range(known)]
    reasons += [TENTATIVE] * tentative
    directions_certified = to_host([*certified, *_filled(tentative, False)])[ranking]
    sources = [*best.sources[:known], *[SOURCE] * tentative]
    return Outcome(
        xp.take(_kept(xp, best.samples.duals, whole.duals, known), order, axis=1),
        xp.take(_kept(xp, best.samples.directions, whole.directions, known), order, axis=1),
        directions_certified & scale.told,
        directions_certified,
        bars[ranking],
        merged[ranking],
        tuple(reasons[int(k)] for k in ranking),
        missing_samples(whole),
        tuple(sources[int(k)] for k in ranking),
        certificate.residuals,
        certificate.evidence.take(ranking),
        {
            name: to_host([*getattr(certificate, name)[:known], *_filled(tentative, False)])[ranking]
            for name in CONDITIONS
        },
    )


def _with_tentative(problem: Problem, best: Assessment) -> SampleSet:
    """The best set, with those tentative directions for nuisance whose masks fit."""
    xp, samples = problem.space.xp, best.samples
    if best.tentative is None:
        return samples
    known, directions = samples.count, best.whole
    fit = MaskFit.of(problem, normalize(xp, directions))
    if fit is None:
        return samples
    fits = fit.contradictions[known:] <= FITS * problem.width
    order = [
        *range(known),
        *(known + k for k in fits.nonzero()[0]),
        *(known + k for k in (~fits).nonzero()[0]),
    ]
    whole = recover(problem, xp.take(directions, problem.space.indices(order), axis=1), int((~fits).sum()))
    return samples if whole is None else whole


def _kept(xp: Namespace, first: Array, then: Array, count: int) -> Array:
    """So many columns of one array, and those after them of the other: what is certified stays as it is."""
    return xp.concat([first[:, :count], then[:, count:]], axis=1)


def _filled(count: int, value: float) -> Host:
    return to_host([value] * count).astype(type(value))


def missing_samples(samples: SampleSet) -> tuple[str, ...]:
    """Why samples that nuisance holds the place of were not found, one sentence each, the loudest first.

    Nuisance says what all of these together add to the gradient. The SNR of a singular triplet of it is taken
    where a tenth of the rows hold more: a sample is active on more of them, unless hardly any.
    """
    problem, xp, first = samples.problem, samples.problem.space.xp, samples.count
    if not samples.nuisance:
        return ()
    triangle = xp.linalg.qr(samples.coordinates[:, first:]).R
    added = samples.columns[:, first:] @ triangle.T
    left, shares, _ = xp.linalg.svd(added / problem.noise_level, full_matrices=False)
    entries = to_host(xp.sort(xp.abs(left), axis=0)[int(LOUDER * problem.width), :] * shares)
    found = []
    for entry in entries.clip(min=TINY):
        why = TOO_QUIET if entry < AMBIGUOUS_WIDTH * TOLERANCE[problem.noise_model] else OPEN
        snr = 20 * math.log10(entry) - 10 * math.log10(problem.right.shape[1])
        found.append(f"{why} (SNR {max(snr, -99):.0f} dB)")
    return tuple(found)

"""Enters: the result of a search, and the layers behind. Leaves: the result with what these prove."""

from dataclasses import replace

import numpy as np

from spear_xp.certification.behind.columns import SINGLE, Columns
from spear_xp.certification.behind.judgement import Verdict, verdict_of
from spear_xp.certification.split_half import SURE, TINY
from spear_xp.numerics.backend import Host, enter, to_host
from spear_xp.numerics.work import Meter
from spear_xp.overcomplete.behind.chain import Chain
from spear_xp.overcomplete.table import Table
from spear_xp.reduction.problem import ACCURACY, Problem
from spear_xp.solver.call.factors import LowRank
from spear_xp.solver.outcome import predicted_psnr, range_of
from spear_xp.solver.result import Result, Status
from spear_xp.solver.runtime.clock import Clock

__all__ = ["with_layers_behind"]

ERRORS = 6.0  # chosen: error bars within which a size is as it was, and a sign of a pre-activation is open
OPEN = 64.0  # chosen: roundings of a pre-activation, within which its sign is open; more judges fewer rows
SEVERAL = (
    "the layers behind send back {:.2g} times what a single sample does: it is several samples in one, or "
    "batch_size is wrong"
)
NO_SAMPLE = "the layers behind send no such column back for a single sample: it may be several in one"
ENDED = {Status.EXACT, Status.CERTIFIED, Status.PARTIAL, Status.SCALE_OPEN}


def with_layers_behind(
    result: Result,
    problem: Problem,
    factors: LowRank | Table | None,
    chain: Chain | None,
    clock: Clock,
    data_range: float | None = None,
) -> Result:
    """The result of a search of a full set, judged by the layers behind; as it is where these say nothing.

    Parameters
    ----------
    result : Result
        With arrays of the caller's library.
    problem : Problem
        That was searched.
    factors : LowRank
        Of the gradient from which it comes.
    chain : Chain or None
        The layers behind.
    clock : Clock
        Of samples that come after the limit nothing is said.
    data_range : float, optional
        As for `invert`.

    Returns
    -------
    Result
    """
    judged = to_host(result.direction_certified).astype(bool).nonzero()[0]
    if chain is None or not isinstance(factors, tuple) or problem.drift is not None:
        return result
    if result.status not in ENDED or not len(judged):
        return result
    told = result.status is not Status.SCALE_OPEN
    given = problem.scale == "given"
    with clock.stage("layers behind"):
        columns, noise = _columns(result, problem, factors, chain, judged)
        verdict = verdict_of(
            columns,
            noise,
            roundoff=problem.unit_roundoff,
            accuracy=problem.accuracy,
            told=told,
            given=given,
            rank=problem.rank,
            meter=Meter(clock.before_limit, clock.count),
        )
    seconds = {**clock.seconds, "total": clock.elapsed}
    found = replace(result, trace=replace(result.trace, seconds=seconds, work=clock.work))
    return found if verdict.silent else _judged(found, verdict, judged, data_range, given=given, told=told)


def _columns(
    result: Result, problem: Problem, factors: LowRank, chain: Chain, judged: Host
) -> tuple[Columns, Host]:
    """Samples with their columns of D, and the noise of these."""
    gradient, fact, _ = factors
    space, xp = problem.space, problem.space.xp
    inputs = space.asarray(to_host(result.inputs)[judged], dtype=space.dtype)
    ones = xp.ones((len(judged), 1), dtype=space.dtype, device=space.device)
    duals = (problem.right @ xp.concat([inputs, ones], axis=1).T) / problem.singular_values[:, None]
    directions = xp.take(
        space.asarray(result.trace.directions, dtype=space.dtype), space.indices(judged), axis=1
    )
    directions = directions / xp.sum(directions * duals, axis=0)
    live, dead = to_host(gradient.live), to_host(gradient.dead)
    bias, scale = to_host(gradient.bias).astype(float), to_host(fact.scale).astype(float)
    values, norms = np.zeros((len(judged), len(bias))), np.zeros(len(bias))
    last = 0 * to_host(problem.last @ duals) if problem.scale == "made up" else to_host(problem.last @ duals)
    for rows, layer, size in (
        (live, problem.layer, problem.layer_norms),
        (dead, problem.dead_layer, problem.dead_norms),
    ):
        values[:, rows] = (to_host(layer @ duals) - bias[rows][:, None] * last).T
        norms[rows] = to_host(size)
    found, weights = to_host(problem.rows @ directions) / scale[:, None], scale / to_host(problem.row_noise)
    sizes = np.maximum(to_host(xp.linalg.vector_norm(inputs, axis=1)), TINY)
    bars = to_host(result.trace.own_bars)[judged] * inputs.shape[1] ** 0.5
    extended = np.sqrt(sizes**2 + 1)
    errors, rounding = OPEN * problem.unit_roundoff * extended + ERRORS * bars, SINGLE * extended
    unsure, rounding = errors[:, None] * norms, rounding[:, None] * norms
    columns = Columns(chain, values, bias, live, found.T, weights, unsure, rounding)
    largest = np.maximum(np.linalg.norm(columns.found * weights, axis=1), TINY)
    noise = to_host(problem.noise_of(directions)) * len(weights) ** 0.5 / largest
    return columns, np.sqrt(noise**2 + (bars / sizes) ** 2)


def _judged(
    result: Result, verdict: Verdict, judged: Host, data_range: float | None, *, given: bool, told: bool
) -> Result:
    """The result with scales, labels and doubts; `given` by a bias gradient, `told` by masks as well."""
    count = len(result.reasons)
    factors, spread, labels = np.ones(count), np.zeros(count), np.full(count, -1)
    proven, refuted = to_host(result.certified).astype(bool).copy(), np.zeros(count, bool)
    labels[judged], refuted[judged] = verdict.labels, verdict.refuted
    # What the bias gradient says is the more exact of two sizes that agree.
    moved = (np.abs(np.log(verdict.sizes)) > ERRORS * verdict.bars) | (not given)
    use = verdict.confirmed & verdict.sized & (moved | (not told))
    spread[judged[use]] = verdict.bars[use]
    factors[judged[use & moved]] = verdict.sizes[use & moved]
    proven[judged[use]] = True
    proven[refuted] = False
    why = {int(k): _why(float(share)) for k, share in zip(judged, verdict.shares, strict=True)}
    reasons = tuple(why[k] if refuted[k] else "" if proven[k] else result.reasons[k] for k in range(count))
    space, arrays, leave = enter(inputs=result.inputs)
    xp, inputs = space.xp, arrays["inputs"]
    sizes = to_host(xp.linalg.vector_norm(xp.astype(inputs, space.dtype), axis=1)) / inputs.shape[1] ** 0.5
    own = to_host(result.trace.own_bars)
    told_here = factors * np.hypot(own, spread * sizes)
    bars = np.where(spread > 0, told_here, to_host(result.error_bars))
    own = np.where(factors == 1, own, told_here)
    scaled = xp.astype(inputs * space.asarray(factors)[:, None], inputs.dtype)
    peak = data_range or range_of(space, scaled, proven)
    exact = bool((SURE * bars < ACCURACY * factors * sizes).all())
    return replace(
        result,
        inputs=leave(scaled),
        certified=leave(space.asarray(proven, dtype=xp.bool)),
        direction_certified=leave(
            space.asarray(to_host(result.direction_certified) & ~refuted, dtype=xp.bool)
        ),
        error_bars=leave(space.asarray(bars)),
        status=_status(result, proven, exact=exact),
        reasons=reasons,
        trace=replace(result.trace, own_bars=own),
        psnr=predicted_psnr(own, peak),
        labels=labels,
    )


def _why(share: float) -> str:
    return SEVERAL.format(share) if share > 1 else NO_SAMPLE


def _status(result: Result, proven: Host, *, exact: bool) -> Status:
    """Status of what is proven now."""
    if result.status is Status.SCALE_OPEN and not proven.any():
        return result.status
    if result.batch_size is None or proven.sum() < result.batch_size:
        return Status.PARTIAL if proven.any() else Status.UNCERTIFIED
    if result.status is Status.SCALE_OPEN:
        return Status.EXACT if exact else Status.CERTIFIED
    return result.status

"""Enters: a checked gradient and its update. Leaves: its factors, with missing entries completed.

Which are missing is told, or shows in the arrays.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from spear_xp.certification.split_half import SURE, TINY
from spear_xp.diagnosis.arrays import LOUD, drowned
from spear_xp.diagnosis.causes import Cause, cause
from spear_xp.diagnosis.entries import of_entries
from spear_xp.diagnosis.missing import missing_in
from spear_xp.errors import RankError
from spear_xp.numerics.backend import Array, enter, to_host
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.work import KeepGoing, Meter, OutOfTime, ask
from spear_xp.reduction.completion.complete import Completion, complete
from spear_xp.reduction.completion.mask import entries_of, most_samples
from spear_xp.reduction.decay import Decay
from spear_xp.reduction.gradient import Gradient
from spear_xp.reduction.problem import ACCURACY
from spear_xp.solver.call.factors import LowRank, low_rank
from spear_xp.solver.result import Result, Status
from spear_xp.solver.runtime.clock import Clock
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["Reading", "read_factors", "without_lost"]

TIME = 0.5  # chosen: share of the limits, after which missing entries that nobody told are given up
# measured: noise over the usual entry of a row, from which nothing comes back (lab.md, "Missing entries")
DROWNED = 0.25
OPEN = "{}{} of its {} entries are not determined: too little came of these columns of grad_w"
PROVEN = "proven in all others, but "
UNSEEN = "nothing came of {} columns of grad_w, and what was dropped there could be {:.1%} of it"


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The factors of an update, or why there are none.

    Attributes
    ----------
    gradient : Gradient
        Of these factors, if there are any: as it came, or completed.
    factors : LowRank or RankError
    completion : Completion or None
        Where missing entries were completed: the factors are those of it.
    obstacle : Cause or None
        Why no search can succeed: what is missing hides the rest.
    entries : tuple of Cause or None
        What the entries show, where they were looked at.
    unseen : tuple of int and float
        Columns of grad_w of which nothing came although small entries were dropped, and the least that came.
    """

    gradient: Gradient
    factors: LowRank | RankError
    completion: Completion | None = None
    obstacle: Cause | None = None
    entries: tuple[Cause, ...] | None = None
    unseen: tuple[int, float] = (0, 0.0)

    @classmethod
    def of(cls, completion: Completion, **more: Any) -> "Reading":
        """Of what was completed."""
        factors = completion.gradient, completion.factorization, Decay()
        return cls(completion.gradient, factors, completion, **more)

    @property
    def whole(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.completion is None and self.obstacle is None

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The obstacle, if there is one."""
        return () if self.obstacle is None else (self.obstacle,)

    @property
    def hopeless(self) -> bool:
        """Whether there is an obstacle, and there are no factors either."""
        return self.obstacle is not None and isinstance(self.factors, RankError)


def read_factors(gradient: Gradient, update: LayerUpdate, batch_size: int | None, clock: Clock) -> Reading:
    """Factor a gradient; complete it where entries are missing.

    Where nobody tells, it is looked at. What is missing hides as noise, or as a higher rank: what completion
    finds has to have less of either.
    """
    told = update.observed is not None
    known = entries_of(gradient.space, gradient.grad_w.shape, update.observed) if told else None
    if known is not None:
        return _told(gradient, known, batch_size, clock)
    factors = low_rank(gradient, batch_size, update.noise, clock)
    if told or update.noise is not None:
        return Reading(gradient, factors)
    return _shown(gradient, factors, batch_size, clock)


def _told(gradient: Gradient, known: Array, batch_size: int | None, clock: Clock) -> Reading:
    """Of a mask: what is not known cannot stay as it is."""
    completion = _completed(gradient, known, batch_size, clock, clock.before_limit)
    if completion is not None:
        return Reading.of(completion)
    xp = gradient.space.xp
    share = 1 - float(xp.mean(xp.astype(known, gradient.space.dtype)))
    why = cause("entries missing", share, hopeless=True)
    return Reading(gradient, RankError(str(why)), obstacle=why)


def _shown(gradient: Gradient, factors: LowRank | RankError, batch_size: int | None, clock: Clock) -> Reading:
    """Of what the arrays show."""
    noise = math.inf if isinstance(factors, RankError) else factors[1].noise_level * gradient.columns**0.5
    with clock.stage("diagnosis"):
        entries = of_entries(gradient, noisy=noise > LOUD)
        found = missing_in(gradient, entries)
    if found is None:
        return Reading(gradient, factors, entries=entries)
    try:
        completion = _completed(gradient, found[1], batch_size, clock, clock.within(TIME))
    except OutOfTime:  # which proves nothing
        ask(clock.before_limit)
        return Reading(gradient, factors, entries=entries)
    if completion is not None and (
        isinstance(factors, RankError) or completion.factorization.rank < factors[1].rank or noise > LOUD
    ):
        dropped = any(one.name == "entries dropped" for one in entries)
        unseen = _unseen(gradient, completion) if dropped else (0, 0.0)
        return Reading.of(completion, entries=entries, unseen=unseen)
    if completion is None and (isinstance(factors, RankError) or drowned(gradient, factors[1], DROWNED)):
        return Reading(gradient, factors, obstacle=_open(gradient, *found), entries=entries)
    return Reading(gradient, factors, entries=entries)


def _unseen(gradient: Gradient, completion: Completion) -> tuple[int, float]:
    """Columns of grad_w of which nothing came where small entries were dropped, and the least size that came.

    They were dropped because they are small if most of what was completed is below all that came.
    """
    xp, fact, live = gradient.space.xp, completion.factorization, completion.gradient.live
    came = xp.abs(gradient.grad_w)
    least = float(xp.min(xp.where(came > 0, came, math.inf)))
    left, found = fact.left * fact.singular_values / fact.scale[:, None], [0, 0]
    for part in blocks(int(came.shape[1]), int(live.shape[0])):
        whole = xp.abs(left @ fact.right[:, :-1][:, part])
        completed = (xp.take(came[:, part], live, axis=0) == 0) & (whole > 0)
        for k, some in enumerate((completed, completed & (whole > least))):
            found[k] += int(xp.sum(xp.astype(some, xp.int64)))
    if 2 * found[1] > found[0]:
        return 0, least
    return int(xp.sum(xp.astype(xp.all(came == 0, axis=0), xp.int64))), least


def _open(gradient: Gradient, why: Cause, known: Array) -> Cause:
    """An obstacle, with what would be needed."""
    most = most_samples(gradient.space, known & gradient.filled)
    return replace(why, hopeless=True, advice=f"{why.advice}; those that came tell {most} samples at most")


def _completed(
    gradient: Gradient, known: Array, batch_size: int | None, clock: Clock, keep_going: KeepGoing
) -> Completion | None:
    """The completed gradient; None where what is known does not determine it."""
    with clock.stage("complete"):
        return complete(gradient, known, batch_size, meter=Meter(keep_going, clock.count))


def without_lost(result: Result, reading: Reading, accuracy: float) -> Result:
    """A result whose inputs are NaN, and not certified, where too little of a column came to tell them.

    Directions stay proven. Where nothing came of a column at all, error bars hold what may have been there.
    """
    result = _with_unseen(result, reading, accuracy)
    if reading.gradient.lost is None or not len(result.inputs):
        return result
    lost = to_host(reading.gradient.lost).tolist()
    inputs, n = result.inputs, int(result.inputs.shape[1])
    for column in lost:
        inputs[:, column] = math.nan
    sure = result.status in {Status.EXACT, Status.CERTIFIED, Status.PARTIAL}
    counts = len(lost), n
    return replace(
        result,
        inputs=inputs,
        certified=result.certified & False,
        status=Status.UNCERTIFIED if sure else result.status,
        reasons=tuple(reason or OPEN.format(PROVEN, *counts) for reason in result.reasons),
    )


def _with_unseen(result: Result, reading: Reading, accuracy: float) -> Result:
    """A result whose error bars hold what columns of which nothing came may have had.

    Entries that were dropped because they are small are below the least that came, τ. With D the columns of D
    such a column x of the batch has |D x| < τ on m rows, and so |x_k| < τ √m ‖row k of D⁺‖.
    """
    count, least = reading.unseen
    if not count or not len(result.inputs):
        return result
    gradient = reading.gradient
    space, arrays, leave = enter(inputs=result.inputs)
    xp = space.xp
    inputs = xp.astype(arrays["inputs"], space.dtype)
    m, n = gradient.grad_w.shape
    columns = space.asarray(gradient.grad_w, dtype=space.dtype) @ xp.linalg.pinv(inputs)
    most = least * m**0.5 * to_host(xp.linalg.vector_norm(xp.linalg.pinv(columns), axis=1))
    open_ = (count / n) ** 0.5 * most
    shares = open_ / (to_host(xp.linalg.vector_norm(inputs, axis=1)) / n**0.5).clip(min=TINY)
    certified = to_host(result.certified).astype(bool) & (shares < accuracy)
    bars, own = (
        (to_host(part).astype(float) ** 2 + (open_ / SURE) ** 2) ** 0.5
        for part in (result.error_bars, result.trace.own_bars)
    )
    before = to_host(result.trace.own_bars).tolist()
    lower = [20 * math.log10(b / a) if 0 < a < math.inf else 0.0 for a, b in zip(before, own, strict=True)]
    exact = certified.all() and (shares < ACCURACY).all()
    reasons = [
        reason or ("" if sure else UNSEEN.format(count, share))
        for reason, sure, share in zip(result.reasons, certified, shares, strict=True)
    ]
    narrower = {Status.EXACT, Status.CERTIFIED, Status.PARTIAL}
    status = result.status
    if status in narrower and not certified.all():
        status = Status.PARTIAL if certified.any() else Status.UNCERTIFIED
    elif status is Status.EXACT and not exact:
        status = Status.CERTIFIED
    return replace(
        result,
        certified=leave(space.asarray(certified, dtype=xp.bool)),
        error_bars=leave(space.asarray(bars)),
        status=status,
        reasons=tuple(reasons),
        trace=replace(result.trace, own_bars=own),
        psnr=result.psnr - to_host(lower),
    )

"""Enters: a checked gradient and its update. Leaves: its factors, with missing entries completed.

Which are missing is told, or shows in the arrays.
"""

import math
from dataclasses import dataclass, replace

from spear_xp.diagnosis.arrays import LOUD, drowned
from spear_xp.diagnosis.causes import Cause, cause
from spear_xp.diagnosis.entries import of_entries
from spear_xp.diagnosis.missing import missing_in
from spear_xp.errors import RankError
from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.work import KeepGoing, Meter, OutOfTime, ask
from spear_xp.reduction.completion.complete import Completion, complete
from spear_xp.reduction.completion.mask import entries_of, most_samples
from spear_xp.reduction.decay import Decay
from spear_xp.reduction.gradient import Gradient
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
    """

    gradient: Gradient
    factors: LowRank | RankError
    completion: Completion | None = None
    obstacle: Cause | None = None
    entries: tuple[Cause, ...] | None = None

    @classmethod
    def of(cls, completion: Completion, entries: tuple[Cause, ...] | None = None) -> "Reading":
        """Of what was completed."""
        factors = completion.gradient, completion.factorization, Decay()
        return cls(completion.gradient, factors, completion, entries=entries)

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
        return Reading.of(completion, entries)
    if completion is None and (isinstance(factors, RankError) or drowned(gradient, factors[1], DROWNED)):
        return Reading(gradient, factors, obstacle=_open(gradient, *found), entries=entries)
    return Reading(gradient, factors, entries=entries)


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


def without_lost(result: Result, reading: Reading) -> Result:
    """A result whose inputs are NaN, and not certified, where too little of a column came to tell them.

    Directions stay proven.
    """
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

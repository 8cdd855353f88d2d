"""Enters: a checked gradient and its update. Leaves: its factors, with missing entries completed.

Which are missing is told, or shows in the arrays.
"""

import math
from dataclasses import dataclass, replace

from spear_xp.diagnosis.causes import Cause, cause
from spear_xp.diagnosis.missing import missing_in
from spear_xp.errors import RankError
from spear_xp.numerics.backend import Array, to_host
from spear_xp.reduction.completion.complete import Completion, complete
from spear_xp.reduction.completion.mask import entries_of
from spear_xp.reduction.decay import Decay
from spear_xp.reduction.gradient import Gradient
from spear_xp.solver.call.factors import LowRank, low_rank
from spear_xp.solver.result import Result, Status
from spear_xp.solver.runtime.clock import Clock
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["Reading", "read_factors", "without_lost"]

SHOWN = 1e-4  # chosen: noise over the usual entry of a row, from which missing entries are looked for
DROWNED = 0.25  # measured: the same, from which nothing comes back (lab.md, "Missing entries")
OPEN = "{} of its {} entries are not determined: too little came of these columns of grad_w"


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
    """

    gradient: Gradient
    factors: LowRank | RankError
    completion: Completion | None = None
    obstacle: Cause | None = None

    @classmethod
    def of(cls, completion: Completion) -> "Reading":
        """Of what was completed."""
        factors = completion.gradient, completion.factorization, Decay()
        return cls(completion.gradient, factors, completion)

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

    Where nobody tells, it is looked at only if there is more noise than rounding, and none that is known.
    """
    known = None if update.observed is None else entries_of(gradient, update.observed)
    if known is not None:
        completion = _completed(gradient, known, batch_size, clock)
        if completion is not None:
            return Reading.of(completion)
        xp = gradient.space.xp
        share = 1 - float(xp.mean(xp.astype(known, gradient.space.dtype)))
        why = cause("entries missing", share, hopeless=True)
        return Reading(gradient, RankError(str(why)), obstacle=why)
    factors = low_rank(gradient, batch_size, update.noise, clock)
    noise = math.inf if isinstance(factors, RankError) else factors[1].noise_level * gradient.columns**0.5
    if update.observed is not None or update.noise is not None or noise < SHOWN:
        return Reading(gradient, factors)
    with clock.stage("diagnosis"):
        found = missing_in(gradient)
    if found is None:
        return Reading(gradient, factors)
    completion = _completed(gradient, found[1], batch_size, clock)
    if completion is not None:
        return Reading.of(completion)
    return Reading(gradient, factors, None, replace(found[0], hopeless=True) if noise > DROWNED else None)


def _completed(gradient: Gradient, known: Array, batch_size: int | None, clock: Clock) -> Completion | None:
    with clock.stage("complete"):
        completion, work = complete(gradient, known, batch_size, keep_going=clock.before_limit)
    clock.count(work)
    return completion


def without_lost(result: Result, reading: Reading) -> Result:
    """A result whose inputs are NaN, and not certified, where too little of a column came to tell them."""
    lost = [] if reading.completion is None else to_host(reading.completion.lost).tolist()
    if not lost or not len(result.inputs):
        return result
    inputs, n = result.inputs, int(result.inputs.shape[1])
    inputs[:, lost] = math.nan
    sure = result.status in {Status.EXACT, Status.CERTIFIED, Status.PARTIAL, Status.SCALE_OPEN}
    return replace(
        result,
        inputs=inputs,
        certified=result.certified & False,
        direction_certified=result.direction_certified & False,
        status=Status.UNCERTIFIED if sure else result.status,
        reasons=tuple(reason or OPEN.format(len(lost), n) for reason in result.reasons),
    )

"""Enters: what the layers behind say of each sample of a set. Leaves: what that proves and what it refutes.

A sample is *confirmed* where its column is that of one sample of one size and one label, up to noise, and of
no other. Nothing is said at all unless several equations agree that nobody could have known beforehand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from spear_xp.certification.behind.columns import HERE, NEXT, SIZES, UNMETERED, Columns, Fit
from spear_xp.numerics.backend import Host
from spear_xp.numerics.work import Meter, OutOfTime
from spear_xp.overcomplete.behind.chain import Chain

__all__ = ["Verdict", "verdict_of"]

Level = Callable[[Fit], float]  # what a right column leaves at most, relative to it

# measured: roundings of a column, and noise of it, that a right one leaves at most (lab.md, "The layers
# behind a full set"), and how many times what rounding does in trials (lab.md, "Columns that cancel")
ROUNDINGS, NOISES, TRIALS = 16.0, 6.0, 6.0
FAR = 30.0  # chosen: of that, what any other label or size has to leave; more proves more
SPARE = 3.0  # chosen: of that, what the error bar of a size allows for; less leaves bars wider
BARS = 6.0  # chosen: error bars of a size that have to fit into the accuracy, as elsewhere
EQUATIONS = 6  # chosen: that have to agree over all samples together, before anything is believed
HALF = 2  # chosen: one sample of so many has to be confirmed for others to be refuted
SEVERAL, NEAR, ALIKE = 1.75, 0.1, 0.1  # chosen: shares of merged samples, how whole, and what is left of them


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the layers behind say of the samples of a set, shape (k,) each.

    Attributes
    ----------
    confirmed : NumPy array of bool
        Columns are those of single samples, in the size that `sizes` has.
    sized : NumPy array of bool
        The layers behind alone tell their size.
    sizes, bars : NumPy array
        Factor of the sample, and the relative error of that; 1 and infinity where it is not told.
    labels : NumPy array of int
        -1 where it is not told.
    refuted : NumPy array of bool
        Columns that no single sample sends back.
    shares : NumPy array
        What was found over what one sample sends back; NaN where nothing fits.
    """

    confirmed: Host
    sized: Host
    sizes: Host
    bars: Host
    labels: Host
    refuted: Host
    shares: Host

    @property
    def silent(self) -> bool:
        """Whether nothing follows from it."""
        return not (self.confirmed.any() or self.refuted.any())


def verdict_of(
    columns: Columns,
    noise: Host,
    *,
    roundoff: float,
    accuracy: float,
    told: bool,
    given: bool,
    rank: int,
    meter: Meter = UNMETERED,
) -> Verdict:
    """Judge each sample by its column.

    Parameters
    ----------
    columns : Columns
    noise : NumPy array, shape (k,)
        Of each column, relative to it.
    roundoff : float
        Unit of the gradient.
    accuracy : float
        Relative error that a size may have.
    told, given : bool
        Whether something else tells the size of the samples, and whether a bias gradient says one.
    rank : int
        Number of samples that the gradient tells apart.
    meter : Meter
        Asked before each part; of samples after a no nothing is said, and nothing is refuted.
    """
    count, chain = len(noise), columns.chain
    found = Verdict(
        np.zeros(count, bool),
        np.zeros(count, bool),
        np.ones(count),
        np.full(count, np.inf),
        np.full(count, -1),
        np.zeros(count, bool),
        np.full(count, np.nan),
    )
    poor, equations, whole = np.zeros(count, bool), 0, True
    for k in range(count):
        level = partial(_level, roundoff=roundoff, noise=float(noise[k]))
        try:
            fit, bar = _found(columns, k, found, level, accuracy, meter, told=told, given=given)
        except OutOfTime:
            whole = False
            break
        if fit is None:
            poor[k] = True
            continue
        found.shares[k] = fit.share
        if bar is None:
            poor[k] = fit.residual > FAR * level(fit) or _merged(fit)
            continue
        found.confirmed[k], found.labels[k] = True, fit.label
        if bar:
            found.sized[k], found.sizes[k], found.bars[k] = True, fit.size, bar
        equations += _numbers(chain) - (bar > 0 and fit.size != 1)
    if whole and rank < chain.batch_size:  # a doubt needs less than a proof
        found.refuted[:] = _refuted(found, poor, chain.batch_size)
    if equations < EQUATIONS:
        found.confirmed[:], found.sized[:], found.labels[:] = False, False, -1
    return found


def _found(
    columns: Columns,
    k: int,
    before: Verdict,
    level: Level,
    accuracy: float,
    meter: Meter,
    *,
    told: bool,
    given: bool,
) -> tuple[Fit | None, float | None]:
    """What fits a sample best, and the error bar of its size.

    The bar is 0 for a size that was told before, and None where the fit proves nothing.
    """
    fit = columns.fit(k, HERE, meter) if told or given else None
    if told and fit is not None and _fits(fit, level(fit), level(fit)):
        return fit, 0.0
    if given and _tells(fit, level, accuracy):
        return fit, _bar(fit, level)
    if given and (bar := _bar_of_share(fit, level)) * BARS < accuracy:
        return fit, bar
    tries = [SIZES]
    if before.sized.any():  # sizes of one batch are not far apart
        tries.insert(0, np.log(np.median(before.sizes[before.sized])) + NEXT)
    for sizes in tries:
        free = columns.fit(k, sizes, meter)
        if _tells(free, level, accuracy):
            return free, _bar(free, level)
    return (fit or free) if told else free, None


def _level(fit: Fit, roundoff: float, noise: float) -> float:
    return max(ROUNDINGS, TRIALS * fit.roundings) * roundoff + NOISES * noise


def _tells(fit: Fit | None, level: Level, accuracy: float) -> bool:
    """Whether a fit proves a size to the accuracy."""
    bar = _bar(fit, level)
    return fit is not None and BARS * bar < accuracy and _fits(fit, level(fit), bar)


def _bar(fit: Fit | None, level: Level) -> float:
    if fit is None:
        return float(np.inf)
    return max(fit.residual, level(fit) / SPARE) / max(fit.slope, level(fit))


def _bar_of_share(fit: Fit | None, level: Level) -> float:
    """Error bar of a size that was given, where the length of the column bears it out; infinite elsewhere.

    Nobody else knows that size: where both agree to rounding neither is off. Columns of two classes have one
    direction at all sizes, and nothing but a length.
    """
    if fit is None or abs(fit.share - 1) > BARS * level(fit) / SPARE or not _alone(fit, level(fit)):
        return float(np.inf)
    return level(fit) / SPARE / max(fit.growth, level(fit))


def _numbers(chain: Chain) -> int:
    """How many numbers a column of one sample and one size is: those of a softmax add up to zero."""
    outputs = len(chain.biases[0])
    return outputs - (len(chain.biases) == 1 and outputs > 1)


def _fits(fit: Fit, level: float, bar: float) -> bool:
    """Whether one size and label explain a column as that of one sample, and no others do."""
    return _alone(fit, level) and abs(fit.share - 1) < BARS * (level + max(1.0, fit.growth) * bar)


def _alone(fit: Fit, level: float) -> bool:
    """Whether one size and label explain the direction of a column, and no others do."""
    return fit.residual < level and fit.other > FAR * level


def _merged(fit: Fit) -> bool:
    """Whether a column is near a multiple of that of one sample."""
    return fit.share > SEVERAL and abs(fit.share - round(fit.share)) < NEAR and fit.residual < ALIKE


def _refuted(found: Verdict, poor: Host, batch_size: int) -> Host:
    """Columns that no single sample sends back.

    The layers behind explain half of the set, and these not; or these are multiples, and all shares together
    are the batch. Where neither is so, the layers behind may be others, or the batch.
    """
    shares = np.where(found.confirmed, 1.0, np.round(found.shares))
    whole = bool((found.confirmed | poor).all() and shares.sum() == batch_size)
    known = bool(found.confirmed.sum() * HALF >= len(poor))
    several = poor & (found.shares > SEVERAL)
    return poor if known else several & whole

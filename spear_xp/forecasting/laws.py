"""Enters: sizes, or a `Pilot`. Leaves: how likely the default search completes a batch, how long it takes.

The forms are simple, the constants of `fitted.py` were measured. They hold for the strategies whose digest
stands there.
"""

import math
from hashlib import sha256
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any

from spear_xp.forecasting import fitted
from spear_xp.forecasting.pilot import Pilot
from spear_xp.numerics.parts.blocks import BLOCK
from spear_xp.strategies import portfolio as registry
from spear_xp.strategies.descent import SHARPENED, TEMPERATURES, Descent

__all__ = [
    "PROBABILITIES",
    "completion",
    "completion_after",
    "in_time",
    "log_seconds",
    "log_seconds_after",
    "quantiles",
    "strategies_digest",
    "working_memory",
]

PROBABILITIES = (0.1, 0.5, 0.9)  # cosmetic: quantiles that a forecast shows
STARTS = Descent().starts
# measured: single-precision arrays of m x starts; double ones of m x b for each sharpened iterate, up to
# a block; the same for the problem; single ones of the size of grad_w (lab.md, "Forecast")
ITERATES, REFITTED, COPIES, LAYERS = 4, 2, 5, 1.1
_NORMAL = NormalDist()


def completion(batch_size: int, width: int) -> float:
    """Probability that the search finds all directions if zeros determine them, on centred inputs."""
    factor, power, steepness = fitted.EDGE
    return _logistic(steepness * (math.log(factor) + power * math.log(width) - math.log(batch_size)))


def log_seconds(batch_size: int, width: int) -> float:
    """Natural log of the median seconds of searches that complete, on centred inputs."""
    factor, power, _ = fitted.EDGE
    constant, of_width, of_batch, of_ratio = fitted.TIME
    ratio = batch_size / (factor * width**power)
    sizes = of_width * math.log(width) + of_batch * math.log(batch_size)
    return float(constant + sizes + of_ratio * ratio**3)


def completion_after(pilot: Pilot) -> float:
    """Probability of the whole batch after a pilot that found so much of it, whether determined or not."""
    if pilot.found >= pilot.batch_size:
        return fitted.PILOT_WHOLE
    constant, of_odds, of_width, of_closeness = fitted.PILOT
    evidence = of_odds * _log_odds(pilot) + of_width * math.log(pilot.width) + of_closeness * pilot.closeness
    return min(fitted.PILOT_WHOLE, _logistic(constant + evidence))


def log_seconds_after(pilot: Pilot) -> float:
    """Natural log of the median seconds of searches that complete after such a pilot.

    Near-twins count where everything is found: what is left is to prove them apart.
    """
    constant, of_work, of_odds, of_closeness = fitted.PILOT_TIME
    closeness = pilot.closeness if pilot.found >= pilot.batch_size else 0.0
    work = math.log(max(1.0, pilot.work))
    return constant + of_work * work + of_odds * _log_odds(pilot) + of_closeness * closeness


def _log_odds(pilot: Pilot) -> float:
    """Of the share of the batch that a pilot found."""
    return math.log((pilot.found + 0.5) / (max(0, pilot.batch_size - pilot.found) + 0.5))


def quantiles(log_median: float, spread: float, probability: float) -> dict[float, float]:
    """Seconds until success with some probabilities; infinite beyond the probability of success.

    Parameters
    ----------
    log_median : float
        Natural log of the median seconds of searches that succeed.
    spread : float
        Standard deviation of the logarithm.
    probability : float
        Of success with any amount of time.

    Returns
    -------
    dict of float to float
    """

    def at(level: float) -> float:
        if math.isnan(probability):
            return math.nan
        if level >= probability:
            return math.inf
        log_value = log_median + spread * _NORMAL.inv_cdf(level / probability)
        return math.exp(log_value) if log_value < 700 else math.inf

    return {level: at(level) for level in PROBABILITIES}


def in_time(log_median: float, spread: float, seconds: float) -> float:
    """Probability that a search which succeeds does so within some seconds."""
    return _NORMAL.cdf((math.log(seconds) - log_median) / spread)


def working_memory(batch_size: int, width: int, features: int) -> int:
    """Bytes that a search takes beside its arguments, where their arrays live."""
    rows = 8 * width * batch_size
    refitted = REFITTED * min(SHARPENED * rows, 8 * BLOCK)
    return int(4 * LAYERS * width * features + 4 * ITERATES * width * STARTS + COPIES * rows + refitted)


def strategies_digest() -> str:
    """What changes when the default search does: its strategies with their fields, and when each runs."""
    shapes: list[Any] = [SimpleNamespace(rank=10, width=width) for width in (40, 100, 1000)]
    parts = [repr(registry.portfolio(shape)) for shape in shapes]
    described = [*parts, registry.FEW_ROWS, registry.MANY_ROWS, TEMPERATURES]
    return sha256(repr(described).encode()).hexdigest()[:16]


def _logistic(x: float) -> float:
    return math.exp(-_softplus(-x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))

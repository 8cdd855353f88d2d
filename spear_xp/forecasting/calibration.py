"""Enters: the shape of a problem. Leaves: how fast this machine samples, and how fast it computes."""

import time
from collections.abc import Callable
from functools import lru_cache

from spear_xp.candidates.pool import Pool
from spear_xp.numerics.work import KeepGoing
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.strategies.descent import Descent
from spear_xp.strategies.sampling import Sampling
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient

__all__ = ["calibrate", "measure_rate", "until"]

# chosen: the largest batch that is timed; larger ones are scaled with the cost of elimination, b² a sample
CALIBRATION_BATCH = 24
RATED_BATCH, RATED_WIDTH = (
    40,
    300,
)  # chosen: sizes on which the machine is timed; smaller ones time calls alone
REPEATS = 3  # chosen: chunks that are timed; the fastest counts


@lru_cache(maxsize=32)
def calibrate(batch_size: int, width: int, *, seconds: float = 0.25) -> float:
    """Samples per second of the NumPy sampler on this machine, for one batch size and width.

    Parameters
    ----------
    batch_size, width : int
        Shape of the problem; batches above 24 are scaled with b² from 24.
    seconds : float
        How long to measure.
    """
    b = min(batch_size, CALIBRATION_BATCH)
    truth = mlp_gradient(gaussian_inputs(b, 64, rng=0), width=max(2 * b, min(width, 1000)), rng=0)
    problem, sampler = reduce(validate(*truth.observed)), Sampling()
    sampler.propose(problem, None, 0, 0)
    drawn, chunk, start = 0, 1, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds or not drawn:
        drawn += sampler.propose(problem, None, 0, chunk).drawn
        chunk += 1
    return drawn / spent * min(1.0, (CALIBRATION_BATCH / batch_size) ** 2)


def measure_rate() -> float:
    """Multiply-adds a second of this machine, as `numerics.work` counts them, in chunks of descent.

    Takes a few tenths of a second; for ``estimate(machine_rate=...)``.
    """
    truth = mlp_gradient(gaussian_inputs(RATED_BATCH, 2 * RATED_BATCH, rng=0), width=RATED_WIDTH, rng=0)
    problem, descent = reduce(validate(*truth.observed)), Descent()
    nothing = Pool(problem).known
    best = 0.0
    for chunk in range(REPEATS):
        start = time.perf_counter()
        work = descent.propose(problem, nothing, 0, chunk).work
        best = max(best, work / (time.perf_counter() - start))
    return best


def until(seconds: float, now: Callable[[], float] = time.perf_counter) -> KeepGoing:
    """A `KeepGoing` that says no after so many seconds of a clock."""
    end = now() + seconds
    return lambda: now() < end

"""Enters: the shape of a problem. Leaves: how many samples a second this machine draws."""

import time
from functools import lru_cache

from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.strategies.sampling import Sampling
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient

__all__ = ["calibrate"]

# chosen: the largest batch that is timed; larger ones are scaled with the cost of elimination, b³
CALIBRATION_BATCH = 24


@lru_cache(maxsize=32)
def calibrate(batch_size: int, width: int, *, seconds: float = 0.25) -> float:
    """Samples per second of the NumPy sampler on this machine, for one batch size and width.

    Parameters
    ----------
    batch_size, width : int
        Shape of the problem; batches above 24 are scaled with b³ from 24.
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
    return drawn / spent * min(1.0, (CALIBRATION_BATCH / batch_size) ** 3)

"""Enters: a batch size and a width, or a gradient. Leaves: what a search will cost, before it runs.

The one bridge to `theory`: nothing else in the library imports it.
"""

import math
import time
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Literal

import theory
from spear_xp._arrays import Array, Host, to_host
from spear_xp.errors import ArgumentRangeError
from spear_xp.factorize import factorize
from spear_xp.gradient import validate
from spear_xp.problem import Problem, reduce
from spear_xp.search.sampling import Sampling
from spear_xp.synthetic import gaussian_inputs, mlp_gradient

__all__ = [
    "Estimate",
    "Feasibility",
    "calibrate",
    "estimate",
    "median_map",
    "row_zero_probability",
    "sparsity_threshold",
]

PROBABILITIES = (0.1, 0.5, 0.9)
SPARE = 2  # zero rows beyond b that the refit needs to confirm a direction
CALIBRATION_BATCH = 24  # larger batches are scaled with the cost of elimination, b³


class Feasibility(Enum):
    """Verdict on the published sampler; each value is a sentence."""

    FEASIBLE = "The sampler finds the whole batch within the time limit with probability above 90 %."
    UNCERTAIN = (
        "The sampler may find the whole batch within the time limit, with probability from 10 to 90 %."
    )
    INFEASIBLE = "The sampler finds the whole batch within the time limit with probability below 10 %."


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of the published sampler on one layer.

    Attributes
    ----------
    batch_size, width : int
        b and m (live rows, where a gradient is given).
    tier : {"iid", "measured"}
        From b and m alone, or from the activity of the rows of a given gradient.
    assumptions : tuple of str
        What the figures take for granted.
    zero_share : float
        Share of zero entries of D.
    log_direction_probability : float
        Natural log of q1, the probability that one sample finds a given direction.
    log_expected_samples : float
        Natural log of H_b / q1; a mean over equal columns, below the median for narrow layers.
    log_samples : dict of float to float
        Natural log of the samples that find everything with probability .1, .5 and .9.
    samples_per_second : float
        Rate of this machine's sampler, measured or given.
    success_probability : float
        Probability of a full set within the time limit.
    largest_batch : int
        Largest batch found with probability 1/2 within the time limit on this width (iid tier).
    threshold : int
        Zero rows that a direction needs.
    time_limit : float
        Seconds that the verdict is about.
    verdict : Feasibility
    """

    batch_size: int
    width: int
    tier: Literal["iid", "measured"]
    assumptions: tuple[str, ...]
    zero_share: float
    log_direction_probability: float
    log_expected_samples: float
    log_samples: dict[float, float]
    samples_per_second: float
    success_probability: float
    largest_batch: int
    threshold: int
    time_limit: float
    verdict: Feasibility

    def seconds(self, probability: float = 0.5) -> float:
        """Seconds of sampling until everything is found with probability .1, .5 or .9."""
        log_seconds = self.log_samples[probability] - math.log(self.samples_per_second)
        return math.exp(log_seconds) if log_seconds < 700 else math.inf


def sparsity_threshold(width: int, rank: int, false_rejection: float = 1e-9, zero_share: float = 0.5) -> int:
    """Zero rows that a direction needs: the published threshold, and enough rows to confirm the kernel.

    Parameters
    ----------
    width : int
        Live rows m.
    rank : int
        Batch size b.
    false_rejection : float
        Probability in (0, 1) that a true direction has fewer zeros.
    zero_share : float
        Probability in (0, 1) of a zero entry of D.
    """
    return max(int(theory.minimum_zero_count(width, false_rejection, zero_share)), rank + SPARE)


def row_zero_probability(problem: Problem) -> Array:
    """Probability that a sample does not activate each live row, from the gradient and the layer alone.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.

    Returns
    -------
    array, shape (m_live,)

    Notes
    -----
    Where the columns of D have comparable size, Σ_k [x_k|1][x_k|1]ᵀ is proportional to V S² Vᵀ. Mean and
    variance of a pre-activation over the batch follow in factor coordinates, and a normal law of the
    pre-activations turns them into a probability.
    """
    xp = problem.space.xp
    square = problem.last @ problem.last
    mean = problem.layer @ problem.last / square
    variance = xp.sum(problem.layer**2, axis=1) / square - mean**2
    spread = (
        xp.sqrt(xp.where(variance > 0, variance, xp.zeros_like(variance))) + 1e-12 * xp.abs(mean) + 1e-300
    )
    ratio = to_host(mean / spread)
    return problem.space.asarray([0.5 * math.erfc(float(r) / math.sqrt(2)) for r in ratio])


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


def estimate(
    batch_size: int | None = None,
    width: int | None = None,
    *,
    gradient: tuple[Array, Array, Array, Array] | None = None,
    time_limit: float = 60.0,
    samples_per_second: float | None = None,
    false_rejection: float = 1e-9,
) -> Estimate:
    """Say what the published search will cost, before it runs.

    Parameters
    ----------
    batch_size, width : int
        b >= 2 and m >= b - 1; with a gradient, found from it where not given.
    gradient : tuple of arrays, optional
        `(grad_w, grad_b, weight, bias)`: the figures then come from the activity of its rows.
    time_limit : float
        Seconds that the verdict is about, positive.
    samples_per_second : float, optional
        Rate of the sampler, positive; measured on this machine where not given (a quarter of a second).
    false_rejection : float
        For the sparsity threshold, in (0, 1).

    Returns
    -------
    Estimate

    Raises
    ------
    ArgumentRangeError, theory.ParameterError
        On bad sizes; on a bad gradient what `validate` and `factorize` raise.

    Examples
    --------
    >>> forecast = estimate(10, 200, samples_per_second=1e5)
    >>> forecast.verdict.name, round(forecast.log_samples[0.5] / math.log(2), 2)
    ('FEASIBLE', 11.29)
    """
    for name, value in (("time_limit", time_limit), ("samples_per_second", samples_per_second)):
        if value is not None and not (0 < value < math.inf):
            msg = f"{name}={value!r}: need a positive number"
            raise ArgumentRangeError(msg)
    if gradient is None:
        if batch_size is None or width is None:
            msg = f"batch_size={batch_size}, width={width}: need both, or a gradient"
            raise ArgumentRangeError(msg)
        return _from_sizes(batch_size, width, time_limit, samples_per_second, false_rejection)
    checked = validate(*gradient)
    problem = reduce(checked, factorize(checked, batch_size))
    return _from_rows(problem, time_limit, samples_per_second, false_rejection)


def median_map(batch_sizes: Host, widths: Host) -> Host:
    """Base-2 logarithm of the median number of samples over a grid (iid tier).

    Parameters
    ----------
    batch_sizes, widths : NumPy int arrays, shape (r,) and (c,)

    Returns
    -------
    NumPy array, shape (r, c)
        Infinite where no number of samples reaches even odds.
    """
    log_samples = theory.log_sample_quantile(batch_sizes[:, None], widths[None, :], 0.5)
    return to_host(log_samples / math.log(2))


def _from_sizes(b: int, m: int, time_limit: float, rate: float | None, false_rejection: float) -> Estimate:
    log_samples = {u: float(theory.log_sample_quantile(b, m, u)) for u in PROBABILITIES}
    rate = calibrate(b, m) if rate is None else rate
    budget = math.log(max(1.0, rate * time_limit))
    return _estimate(
        b,
        m,
        "iid",
        (
            "entries of D are zero independently with probability 1/2",
            "inputs are centred: raw pixels are not",
        ),
        0.5,
        float(theory.log_direction_probability(b)),
        float(theory.log_expected_samples(b, m)),
        log_samples,
        rate,
        float(theory.success_probability(b, m, log_samples=max(budget, math.log(b)))),
        time_limit,
        false_rejection,
    )


def _from_rows(problem: Problem, time_limit: float, rate: float | None, false_rejection: float) -> Estimate:
    b, m = problem.rank, problem.width
    if b < 2:
        msg = f"batch_size={b}: one sample needs no search; need at least 2"
        raise ArgumentRangeError(msg)
    rows: Host = to_host(row_zero_probability(problem))
    log_rate = float(theory.log_zero_given_rows(rows, b - 1))
    log_samples = {
        u: float(theory.log_draws_quantile_equal(log_rate, b, u)) if log_rate > -math.inf else math.inf
        for u in PROBABILITIES
    }
    rate = calibrate(b, m) if rate is None else rate
    budget = math.log(max(1.0, rate * time_limit))
    chance = -math.expm1(-math.exp(min(budget + log_rate, 700.0)))
    return _estimate(
        b,
        m,
        "measured",
        (
            "row activities from the mean and covariance that gradient and layer imply, normal law",
            "all samples of the batch alike: a sample that activates more rows than the others takes longer",
        ),
        float(rows.mean()),
        log_rate,
        float(theory.log_expected_draws_equal(log_rate, b)) if log_rate > -math.inf else math.inf,
        log_samples,
        rate,
        chance**b,
        time_limit,
        false_rejection,
    )


def _estimate(
    b: int,
    m: int,
    tier: Literal["iid", "measured"],
    assumptions: tuple[str, ...],
    zero_share: float,
    log_rate: float,
    log_expected: float,
    log_samples: dict[float, float],
    rate: float,
    chance: float,
    time_limit: float,
    false_rejection: float,
) -> Estimate:
    low, high = PROBABILITIES[0], PROBABILITIES[-1]
    return Estimate(
        batch_size=b,
        width=m,
        tier=tier,
        assumptions=assumptions,
        zero_share=zero_share,
        log_direction_probability=log_rate,
        log_expected_samples=log_expected,
        log_samples=log_samples,
        samples_per_second=rate,
        success_probability=chance,
        largest_batch=int(theory.largest_batch(m, max(2.0, rate * time_limit), 0.5)),
        threshold=sparsity_threshold(m, b, false_rejection),
        time_limit=time_limit,
        verdict=Feasibility.FEASIBLE
        if chance > high
        else Feasibility.UNCERTAIN
        if chance >= low
        else Feasibility.INFEASIBLE,
    )

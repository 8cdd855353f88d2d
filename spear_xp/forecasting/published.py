"""Enters: sizes, or a `Problem`. Leaves: what the published search, ``search="sampling"``, will cost."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any, Literal

import theory
from spear_xp.candidates.threshold import sparsity_threshold
from spear_xp.errors import ArgumentRangeError
from spear_xp.forecasting.activity import row_zero_probability
from spear_xp.forecasting.calibration import calibrate
from spear_xp.numerics.backend import Host, to_host
from spear_xp.reduction.problem import Problem

__all__ = ["Estimate", "Feasibility", "median_map", "published_from_problem", "published_from_sizes"]

PROBABILITIES = (0.1, 0.5, 0.9)  # cosmetic: quantiles that an estimate shows
UNCENTRED = (
    "from batch size and width alone; on inputs that are not centred, such as raw pixels, these figures are "
    "wrong by orders of magnitude: give a gradient instead"
)
ROWS = (
    "row activities from the mean and covariance that gradient and layer imply, normal law, and all samples "
    "alike: on raw images, whose samples are not, medians were 2 to 25 times higher"
)
SCREEN = (
    "the sampler's look at a few rows and the filter's tests of a kernel lose nothing: the look costs some "
    "5 % more samples at m = 200, up to twice as many below m = 5b; there the tests may cost directions"
)


class Feasibility(Enum):
    """Verdict on the published sampler; each value is a sentence."""

    FEASIBLE = "The sampler finds the whole batch within the time limit with probability above 90 %."
    UNCERTAIN = (
        "The sampler may find the whole batch within the time limit, with probability from 10 to 90 %."
    )
    INFEASIBLE = "The sampler finds the whole batch within the time limit with probability below 10 %."


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of the published sampler on one layer; other searches need far less.

    Attributes
    ----------
    batch_size, width : int
        b and m (live rows, where a gradient is given).
    tier : {"iid", "measured"}
        From b and m alone, or from the activity of the rows of a given gradient.
    assumptions : tuple of str
        What the figures take for granted.
    remarks : tuple of str
        What the reader should not miss.
    zero_share : float
        Share of zero entries of D.
    log_direction_probability : float
        Natural log of q1, the probability that one sample finds a given direction.
    log_expected_samples : float
        Natural log of H_b / q1; a mean over equal columns, below the median for narrow layers.
    log_samples : dict of float to float
        Natural log of the samples that find everything with probability .1, .5 and .9; infinite where none
        do.
    log_samples_low, log_samples_high, interval : dict of float to float, the same, and str
        Limits on `log_samples`, and what they mean.
    log_iid_factor : float
        Natural log of the median over that of the iid tier, both without the threshold; 0 in the iid tier.
    ceiling, success_probability : float
        Probability of a full set with an unlimited budget, and within the time limit.
    samples_per_second, time_limit : float
        Rate of this machine's sampler, measured or given, and the seconds that the verdict is about.
    largest_batch : int
        Largest batch found with probability 1/2 within the time limit on this width (iid tier).
    threshold : int
        Zero rows that a direction needs.
    verdict : Feasibility
    """

    batch_size: int
    width: int
    tier: Literal["iid", "measured"]
    assumptions: tuple[str, ...]
    remarks: tuple[str, ...]
    zero_share: float
    log_direction_probability: float
    log_expected_samples: float
    log_samples: dict[float, float]
    log_samples_low: dict[float, float]
    log_samples_high: dict[float, float]
    interval: str
    log_iid_factor: float
    ceiling: float
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


def median_map(batch_sizes: Host, widths: Host) -> Host:
    """Base-2 logarithm of the median number of samples over a grid (iid tier).

    For int arrays of shape (r,) and (c,) an array of shape (r, c), infinite where even odds are out of reach.
    """
    log_samples = theory.log_sample_quantile(batch_sizes[:, None], widths[None, :], 0.5)
    return to_host(log_samples / math.log(2))


def published_from_sizes(
    batch_size: int, width: int, time_limit: float, rate: float | None, false_rejection: float
) -> Estimate:
    """From batch size and width alone; the rate is samples a second, measured where it is None."""
    b = theory.numerics.checks.check_scalar_batch_size(batch_size)
    m = theory.numerics.checks.check_scalar_width(width, b)
    share = _threshold_share(b, m, false_rejection)
    chance = partial(theory.success_probability, b, m, threshold=share)
    forecast = theory.forecast(b, m, threshold=share)
    forecast = replace(forecast, remarks=(UNCENTRED, *forecast.remarks))
    return _estimate(forecast, 0.5, chance, time_limit, rate, false_rejection)


def published_from_problem(
    problem: Problem, time_limit: float, rate: float | None, false_rejection: float
) -> Estimate:
    """From how many samples activate each row of a gradient."""
    b, m = problem.rank, problem.width
    if b < 2:
        msg = f"batch_size={b}: one sample needs no search; need at least 2"
        raise ArgumentRangeError(msg)
    zero = to_host(row_zero_probability(problem)).clip(1e-12, 1 - 1e-12).tolist()
    # Of live rows: at least one sample activates each.
    activity = [b * (1 - share) / -math.expm1(b * math.log(share)) for share in zero]
    share = _threshold_share(b, m, false_rejection)
    chance = partial(theory.success_from_row_activity, activity, b, threshold=share)
    forecast = theory.forecast_from_row_activity(activity, b, threshold=share)
    unfiltered = theory.forecast_from_row_activity(activity, b)
    remarks = unfiltered.remarks
    zero_share = 1 - sum(activity) / (b * m)
    if forecast.ceiling < PROBABILITIES[-1]:
        counts = f"{forecast.minimum_zero_count} zero rows, and columns have {zero_share * m:.0f} on average"
        remarks = (f"the threshold asks for {counts}: it may reject true directions", *remarks)
    forecast = replace(forecast, assumptions=(ROWS, *forecast.assumptions), remarks=remarks)
    factor = unfiltered.log_samples[1] - float(theory.log_sample_quantile(b, m, 0.5))
    return _estimate(forecast, zero_share, chance, time_limit, rate, false_rejection, factor)


def _estimate(
    forecast: theory.Forecast,
    zero_share: float,
    chance: Callable[..., Any],
    time_limit: float,
    rate: float | None,
    false_rejection: float,
    log_iid_factor: float = 0.0,
) -> Estimate:
    b, m = forecast.batch_size, forecast.width
    rate = calibrate(b, m) if rate is None else rate
    budget = math.log(max(1.0, rate * time_limit))
    success = float(chance(log_samples=budget))
    # Forecasts state H_b / q1: the logarithm of q1 is what is left.
    log_rate = math.log(sum(1 / k for k in range(1, b + 1))) - forecast.log_expected
    return Estimate(
        batch_size=b,
        width=m,
        tier=forecast.tier,
        assumptions=(*forecast.assumptions, SCREEN),
        remarks=forecast.remarks,
        zero_share=zero_share,
        log_direction_probability=log_rate,
        log_expected_samples=forecast.log_expected,
        log_samples=_by_level(forecast.log_samples),
        log_samples_low=_by_level(forecast.log_samples_low),
        log_samples_high=_by_level(forecast.log_samples_high),
        interval=forecast.interval,
        log_iid_factor=log_iid_factor,
        ceiling=forecast.ceiling,
        samples_per_second=rate,
        success_probability=success,
        largest_batch=_largest_batch(m, budget, false_rejection),
        threshold=sparsity_threshold(m, b, false_rejection),
        time_limit=time_limit,
        verdict=_verdict(success),
    )


def _verdict(success: float) -> Feasibility:
    if success > PROBABILITIES[-1]:
        return Feasibility.FEASIBLE
    return Feasibility.UNCERTAIN if success >= PROBABILITIES[0] else Feasibility.INFEASIBLE


def _by_level(values: tuple[float, float, float]) -> dict[float, float]:
    return dict(zip(PROBABILITIES, values, strict=True))


def _threshold_share(b: int, m: int, false_rejection: float) -> float:
    """The threshold as a share of the rows, as `theory` takes it."""
    return min(1.0, sparsity_threshold(m, b, false_rejection) / m)


def _largest_batch(m: int, budget: float, false_rejection: float) -> int:
    largest = int(theory.largest_batch(m, log_samples=budget, false_rejection=false_rejection))
    while largest > 1:  # the filter asks for a few zeros more than that on narrow layers
        share = _threshold_share(largest, m, false_rejection)
        if float(theory.success_probability(largest, m, log_samples=budget, threshold=share)) >= 0.5:
            break
        largest -= 1
    return largest

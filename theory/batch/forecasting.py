"""A search in, one frozen result out: what it rests on, samples at 10, 50 and 90 %, and their interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from theory.batch.budget import least_zero_count
from theory.batch.failure import unlimited_success
from theory.batch.inverse_queries import log_seconds
from theory.batch.samples_needed import log_expected_samples, log_sample_quantile
from theory.numerics.checks import (
    FloatArray,
    check_scalar_batch_size,
    check_scalar_probability,
    check_scalar_width,
)

LEVELS = (0.1, 0.5, 0.9)
GENERIC = "nonzero entries in general position, no noise"
UNIFORM = "samples drawn uniformly and independently from the rows that are not entirely zero"
_LN10 = math.log(10.0)
_DISAGREE = math.log(10.0)  # a factor of ten in the median is worth a remark

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What a search will cost, the tier the answer is from, and its limits.

    Attributes
    ----------
    tier : {"iid", "measured"}
        "iid" uses batch size, width and zero probability alone; "measured" uses zeros of an actual gradient.
    batch_size, width : int
        Of the search: rows without any nonzero do not count in the measured tier.
    assumptions : tuple of str
        What must hold for the figures to be right.
    minimum_zero_count : int
        Zeros that a direction needs to be accepted.
    log_samples : tuple of 3 floats
        Natural log of the samples that succeed with probability 10, 50 and 90 %; inf where none do.
    log_samples_low, log_samples_high : tuple of 3 floats
        Limits on `log_samples`.
    interval : str
        What those limits mean.
    log_expected : float
        Natural log of the expected samples; for the iid tier the average-rate figure H_b / q1.
    ceiling : float
        Success probability with an unlimited budget.
    remarks : tuple of str
        Anything the reader should not miss.
    """

    tier: Literal["iid", "measured"]
    batch_size: int
    width: int
    assumptions: tuple[str, ...]
    minimum_zero_count: int
    log_samples: Triple
    log_samples_low: Triple
    log_samples_high: Triple
    interval: str
    log_expected: float
    ceiling: float
    remarks: tuple[str, ...] = ()

    @property
    def samples(self) -> Triple:
        """Samples at 10, 50 and 90 %; inf also beyond the float range."""
        low, middle, high = (math.exp(x) if x < 709.0 else math.inf for x in self.log_samples)
        return low, middle, high

    def log_seconds(self, samples_per_second: float) -> Triple:
        """Natural log of the wall time at 10, 50 and 90 % for a sampler of the given rate."""
        low, middle, high = (float(t) for t in np.asarray(log_seconds(self.log_samples, samples_per_second)))
        return low, middle, high

    def __str__(self) -> str:
        """Return a summary of a few lines."""
        rows = [f"b = {self.batch_size}, m = {self.width}: {self.tier} tier"]
        for level, middle, low, high in zip(
            LEVELS, self.log_samples, self.log_samples_low, self.log_samples_high, strict=True
        ):
            limits = f"[{_power_of_ten(low)}, {_power_of_ten(high)}]"
            rows.append(f"  {level:4.0%}: {_power_of_ten(middle)} samples {limits}")
        rows.append(f"  interval: {self.interval}")
        rows.append(f"  with an unlimited budget: {self.ceiling:.4g}")
        rows.extend(f"  assumes {text}" for text in self.assumptions)
        rows.extend(f"  note: {text}" for text in self.remarks)
        return "\n".join(rows)


def _power_of_ten(log_value: float) -> str:
    return f"10^{log_value / _LN10:.2f}" if math.isfinite(log_value) else "never"


def triple(values: Any) -> Triple:
    """Three numbers of an array as Python floats."""
    low, middle, high = (float(v) for v in np.asarray(values))
    return low, middle, high


def forecast(
    batch_size: int,
    width: int,
    *,
    p: float = 0.5,
    threshold: float | None = None,
    false_rejection: float | None = None,
) -> Forecast:
    """Predict the cost of a search before anything is seen (iid tier).

    Parameters
    ----------
    batch_size : int
        b >= 2.
    width : int
        Rows m >= b - 1 of the gradient.
    p : float
        Probability of a zero entry, in (0, 1).
    threshold, false_rejection : float, optional
        As in `theory.success_probability`.

    Returns
    -------
    Forecast

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    On real inputs the zero probability differs from row to row and from column to column, and this tier can
    be wrong by orders of magnitude; `theory.forecast_from_zeros` and its siblings take the actual zeros.

    Examples
    --------
    >>> answer = forecast(20, 200)
    >>> answer.tier, [round(x / math.log(2), 2) for x in answer.log_samples]
    ('iid', [23.01, 24.63, 26.69])
    """
    b = check_scalar_batch_size(batch_size)
    m = check_scalar_width(width, b)
    zero = check_scalar_probability(p)
    options: dict[str, Any] = {"p": zero, "threshold": threshold, "false_rejection": false_rejection}
    least = least_zero_count(np.asarray(b), np.asarray(m), np.asarray(zero), threshold, false_rejection)
    ceiling = float(np.asarray(unlimited_success(b, m, **options)))
    middle, low, high = (
        triple(log_sample_quantile(b, m, LEVELS, kind=kind, **options))
        for kind in ("estimate", "upper", "lower")
    )
    remarks = [] if ceiling >= LEVELS[-1] else [short_of_rows(ceiling)]
    return Forecast(
        tier="iid",
        batch_size=b,
        width=m,
        assumptions=(
            f"every entry of dL/dZ is zero with probability {zero:g}, independently of all others",
            GENERIC,
            "samples drawn uniformly and independently",
        ),
        minimum_zero_count=int(least),
        log_samples=middle,
        log_samples_low=low,
        log_samples_high=high,
        interval="rigorous under the assumptions (union bound above, all sampled blocks nonsingular below)",
        log_expected=float(np.asarray(log_expected_samples(b, m, p=zero))),
        ceiling=ceiling,
        remarks=tuple(remarks),
    )


def short_of_rows(ceiling: float) -> str:
    """Say that some direction may never be found."""
    return f"even an unlimited budget succeeds with probability {ceiling:.3g} only: more rows are needed"


def against_iid(batch_size: int, width: int, measured: Triple, shares: FloatArray) -> tuple[str, ...]:
    """Say so if independent zeros of probability 1/2 would have been a wrong guess."""
    levels = np.array([0.001, 0.5, 0.999])
    low, iid, high = triple(log_sample_quantile(batch_size, width, levels))
    median = measured[1]
    if low <= median <= high or abs(median - iid) < _DISAGREE:
        return ()  # within the luck of the draw, or not worth a word
    described = f"zero shares per column {shares.min():.2f} to {shares.max():.2f}, mean {shares.mean():.2f}"
    if math.isinf(iid) or math.isinf(median):
        wrong = "possible" if math.isinf(median) else "impossible"
        return (f"the iid tier (p = 1/2) would have called the search {wrong}: {described}",)
    factor = f"10^{abs(median - iid) / _LN10:.1f}"
    direction = "more" if median > iid else "fewer"
    return (f"the iid tier (p = 1/2) is wrong here: {factor} times {direction} samples at 50 %; {described}",)

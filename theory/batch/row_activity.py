"""Number of samples that activate each row in, forecast or success probability out (measured tier).

Neither the batch size nor the mean activity tells how uneven rows are, and a sample of quiet rows is worth
orders of magnitude more than one of busy rows.  Here columns are exchangeable and rows are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.batch.averaged import ColumnLaw, Kind, law_of_counts, log_samples_for_law
from theory.batch.budget import check_log_samples, least_zero_count
from theory.batch.forecasting import (
    GENERIC,
    LEVELS,
    UNIFORM,
    Forecast,
    Triple,
    against_iid,
    short_of_rows,
    triple,
)
from theory.draws.coupon_collector import log_expected_draws
from theory.draws.uneven_rows import log_zero_given_rows
from theory.numerics.binomial import tail_reach
from theory.numerics.checks import (
    FloatArray,
    IntArray,
    ParameterError,
    check_real,
    check_scalar_batch_size,
    check_scalar_width,
)
from theory.numerics.logmath import LOG_TINY, as_output
from theory.patterns.rank_failure import log_matching


def forecast_from_row_activity(
    activity: npt.ArrayLike,
    batch_size: int,
    *,
    threshold: float | None = None,
    false_rejection: float | None = None,
) -> Forecast:
    """Forecast from the number of samples that activate each row (measured tier).

    Parameters
    ----------
    activity : array_like, shape (m,)
        Nonzeros per row of dL/dZ, counted or expected, in [0, batch_size]; rows without any are dropped.
    batch_size : int
        b >= 2.
    threshold, false_rejection : float, optional
        As in `theory.success_probability`; `false_rejection` uses the mean share of zeros.

    Returns
    -------
    Forecast

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Row j is zero in a given column with probability 1 - activity_j / b, so that the zero count of a column is
    a sum of unequal coin flips; the rows of an all-zero sample lean towards inactive ones, and their other
    columns are zero more often by the same token, which lowers the chance of full rank.

    Examples
    --------
    >>> answer = forecast_from_row_activity([4] * 300, 20)
    >>> answer.remarks[0][:56]
    'the iid tier (p = 1/2) is wrong here: 10^4.2 times fewer'
    """
    rows = _Rows.checked(activity, batch_size, threshold, false_rejection)
    b, m = rows.batch_size, rows.zero.size
    results: dict[str, Triple] = {}
    hopeless = 1.0
    for kind in ("estimate", "upper", "lower"):
        law = rows.law(kind)
        results[kind] = triple(log_samples_for_law(law, b, np.array(LEVELS), kind))
        if kind == "estimate":
            hopeless = float(law.hopeless[0])
    log_rate = log_zero_given_rows(rows.zero, b - 1) + float(np.asarray(log_matching(b - 1, rows.within)))
    ceiling = max(0.0, 1.0 - hopeless) ** b
    remarks = [] if ceiling >= LEVELS[-1] else [short_of_rows(ceiling)]
    return Forecast(
        tier="measured",
        batch_size=b,
        width=m,
        assumptions=(
            "within a row, every sample equally likely to be active, independently between rows",
            f"samples of zero rows have rank as if zeros had probability {rows.within:.3g}",
            GENERIC,
            UNIFORM,
        ),
        minimum_zero_count=rows.least,
        log_samples=results["estimate"],
        log_samples_low=results["upper"],
        log_samples_high=results["lower"],
        interval="limits on the rank of sampled blocks, under the assumptions",
        log_expected=log_expected_draws(np.full(b, min(log_rate, 0.0))),
        ceiling=ceiling,
        remarks=(*remarks, *against_iid(b, m, results["estimate"], np.array([rows.zero.mean()]))),
    )


def success_from_row_activity(
    activity: npt.ArrayLike,
    batch_size: int,
    samples: npt.ArrayLike | None = None,
    *,
    log_samples: npt.ArrayLike | None = None,
    threshold: float | None = None,
    false_rejection: float | None = None,
) -> float | FloatArray:
    """Probability that a budget of samples finds every direction, from the activity of each row.

    Parameters
    ----------
    activity, batch_size, threshold, false_rejection
        As in `forecast_from_row_activity`.
    samples, log_samples : array_like
        Samples N >= 1 or their natural log: exactly one of them.

    Returns
    -------
    float or ndarray
        Shape of the samples.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(success_from_row_activity([4] * 200, 8, 1480), 3)
    0.963
    """
    rows = _Rows.checked(activity, batch_size, threshold, false_rejection)
    draws = check_log_samples(samples, log_samples)
    flat = draws.ravel()
    found, _, _ = rows.law("estimate").evaluate(np.zeros(flat.size, np.int64), flat)
    enough = flat >= math.log(rows.batch_size) * (1 - 1e-15)  # one sample yields one direction
    return as_output(np.where(enough, found**rows.batch_size, 0.0).reshape(draws.shape))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Checked arguments: zero probability of each live row, their mean within samples, least zero count."""

    batch_size: int
    zero: FloatArray
    within: float
    least: int

    @classmethod
    def checked(
        cls,
        activity: npt.ArrayLike,
        batch_size: int,
        threshold: float | None,
        false_rejection: float | None,
    ) -> _Rows:
        b = check_scalar_batch_size(batch_size)
        need = f"a number in [0, batch_size] = [0, {b}]"
        active = np.atleast_1d(check_real("activity", activity, 0, b, need=need))
        if active.ndim != 1:
            raise ParameterError(f"activity has shape {active.shape}, out of range: need one dimension")
        active = active[active > 0]
        m = check_scalar_width(active.size, b)
        zero = 1.0 - active / b
        # rows of an all-zero sample are drawn in proportion to their zero probability
        within = float(np.clip((zero**2).sum() / max(zero.sum(), 1e-300), 1e-6, 1 - 1e-6))
        guess = np.clip(zero.mean(), 1e-6, 1 - 1e-6)
        least = least_zero_count(np.asarray(b), np.asarray(m), guess, threshold, false_rejection)
        return cls(b, zero, within, int(least))

    def law(self, kind: Kind) -> ColumnLaw:
        z, probability = _sum_of_flips(self.zero)
        below = np.array([probability[z < self.least].sum()])
        batch, leasts = np.array([self.batch_size]), np.array([self.least])
        return law_of_counts(z, probability, below, self.zero.size, self.within, batch, leasts, kind)


def _sum_of_flips(probabilities: FloatArray) -> tuple[IntArray, FloatArray]:
    """Law of the number of successes of independent unequal trials: counts and their probabilities.

    Inverts the characteristic function on a window as wide as the law, where it does not vanish.
    """
    values, weights = np.unique(probabilities, return_counts=True)
    mean = float((weights * values).sum())
    variance = float((weights * values * (1 - values)).sum())
    reach = float(tail_reach(variance))
    first = max(0, math.floor(mean - reach))
    last = min(probabilities.size, math.ceil(mean + reach))
    period = last - first + 1
    transform = np.zeros(period // 2 + 1, complex)
    for k in range(transform.size):
        angle = 2 * math.pi * k / period
        if variance * (1 - math.cos(angle)) > LOG_TINY:
            break
        factors = 1.0 + values * complex(math.cos(angle) - 1.0, -math.sin(angle))
        with np.errstate(divide="ignore"):
            transform[k] = np.exp((weights * np.log(factors)).sum() + 1j * angle * first)
    return np.arange(first, last + 1), np.maximum(np.fft.irfft(transform, period), 0.0)

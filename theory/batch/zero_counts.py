"""Zeros of an actual gradient in, forecast out: from zero counts, zero patterns, or a layer.

Given its zero count z, column i is hit by a sample with probability h(z) = C(z,n) / C(m,n) exactly, however
the zeros came about.  Only the share of those hits with a nonsingular rest needs more: a pattern settles it
by exact matchings on random subsets, counts alone leave it to the independence of the other columns.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.batch.budget import least_zero_count
from theory.batch.forecasting import GENERIC, LEVELS, UNIFORM, Forecast, against_iid, triple
from theory.draws.coupon_collector import log_draws_quantile, log_expected_draws
from theory.numerics.binomial import log_zero_subset
from theory.numerics.checks import (
    FloatArray,
    IntArray,
    ParameterError,
    check_count,
    check_integer,
    check_real,
    check_scalar_batch_size,
    check_scalar_probability,
    check_scalar_width,
)
from theory.patterns.matching import check_zeros, structural_rank
from theory.patterns.rank_failure import log_matching
from theory.patterns.sampling import draw_rows

_CONFIDENCE = 0.99
_ENTRIES = 4_000_000  # entries of sampled blocks that the matching may look at in all


def forecast_from_zero_counts(
    zero_counts: npt.ArrayLike,
    width: int,
    *,
    p: float | None = None,
    threshold: float | None = None,
    false_rejection: float | None = None,
) -> Forecast:
    """Forecast from the number of zeros in each column of dL/dZ (measured tier).

    Parameters
    ----------
    zero_counts : array_like of int, shape (b,)
        Zeros per column, in [0, width], among rows that are not entirely zero.
    width : int
        Number of those rows, m >= b - 1.
    p : float, optional
        Zero probability of the other columns within a sample, in (0, 1); by default the mean share of zeros.
    threshold, false_rejection : float, optional
        As in `theory.success_probability`; `false_rejection` uses `p`.

    Returns
    -------
    Forecast

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> answer = forecast_from_zero_counts([100, 95, 90, 102, 88, 110, 99, 100], 200)
    >>> answer.tier, round(answer.samples[1])
    ('measured', 567)
    """
    counts = np.atleast_1d(check_integer("zero_counts", zero_counts, 0))
    if counts.ndim != 1:
        raise ParameterError(f"zero_counts has shape {counts.shape}, out of range: need one dimension")
    b = check_scalar_batch_size(counts.size)
    m = check_scalar_width(width, b)
    counts = check_count("zero_counts", counts, m, "width")
    share = min(max(float(counts.mean()) / m, 1e-6), 1 - 1e-6)
    zero = share if p is None else check_scalar_probability(p)
    full = np.full(b, float(np.exp(log_matching(b - 1, zero))))
    return _from_rates(
        counts,
        m,
        zero,
        (full, np.zeros(b), np.ones(b)),
        (f"the other columns zero with probability {zero:.3g}, independently (rank of samples only)",),
        "below: every all-zero sample has a nonsingular rest; above: no limit from counts alone",
        threshold,
        false_rejection,
    )


def forecast_from_zeros(
    zeros: npt.ArrayLike,
    *,
    threshold: float | None = None,
    false_rejection: float | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Forecast:
    """Forecast from the zero pattern of dL/dZ (measured tier).

    Parameters
    ----------
    zeros : array of bool, shape (m, b)
        True where dL/dZ is zero; rows of zeros only are dropped, as they are from a gradient.
    threshold, false_rejection : float, optional
        As in `theory.success_probability`; `false_rejection` uses the mean share of zeros.
    rng : numpy.random.Generator, int or None
        Source of the subsets on which ranks are checked; a fixed seed by default, so that answers repeat.

    Returns
    -------
    Forecast

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    For each column, random subsets of its zero rows are checked for full structural rank by matching.  The
    interval carries the Clopper-Pearson limits of those shares into the quantiles.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> answer = forecast_from_zeros(rng.random((200, 8)) < 0.5)
    >>> answer.tier, answer.ceiling
    ('measured', 1.0)
    """
    pattern = check_zeros(zeros)
    live = pattern[~pattern.all(axis=1)]
    b = check_scalar_batch_size(pattern.shape[1])
    m = check_scalar_width(live.shape[0], b)
    generator = np.random.default_rng(rng)
    shares = _full_rank_shares(live, generator)
    dropped = pattern.shape[0] - m
    remarks = (f"{dropped} rows are zero for every sample and were left out",) if dropped else ()
    return _from_rates(
        live.sum(axis=0),
        m,
        float(np.clip(live.mean(), 1e-6, 1 - 1e-6)),
        shares,
        (),
        f"{_CONFIDENCE:.0%} confidence on the rank of sampled blocks, column by column",
        threshold,
        false_rejection,
        remarks,
    )


def _full_rank_shares(
    zeros: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Share of all-zero samples with a nonsingular rest, per column: estimate, lower and upper limit."""
    b = zeros.shape[1]
    n = b - 1
    draws = int(np.clip(_ENTRIES // (b * n * n), 4, 400))
    middle, low, high = np.zeros(b), np.zeros(b), np.zeros(b)
    tail = (1 - _CONFIDENCE) / 2
    for i in range(b):
        rows = np.flatnonzero(zeros[:, i])
        if rows.size < n:
            continue
        rest = np.delete(zeros[rows], i, axis=1)
        if int(structural_rank(rest[None])[0]) < n:
            continue  # no subset can do better than all rows
        full = int((structural_rank(rest[draw_rows(rows.size, n, draws, rng=rng)]) == n).sum())
        middle[i] = (full + 0.5) / (draws + 1.0)  # never 0: some subset does have full rank
        low[i] = special.betaincinv(full, draws - full + 1.0, tail) if full else 0.0
        high[i] = special.betaincinv(full + 1.0, draws - full, 1 - tail) if full < draws else 1.0
    return middle, low, high


def _from_rates(
    counts: IntArray,
    width: int,
    p: float,
    shares: tuple[FloatArray, FloatArray, FloatArray],
    assumptions: tuple[str, ...],
    interval: str,
    threshold: float | None,
    false_rejection: float | None,
    remarks: tuple[str, ...] = (),
) -> Forecast:
    """Assemble a forecast for known zero counts and known or bounded full-rank shares."""
    b = counts.size
    least = int(least_zero_count(np.asarray(b), np.asarray(width), np.asarray(p), threshold, false_rejection))
    log_hits = np.where(counts >= least, log_zero_subset(counts, b - 1, width), -np.inf)
    with np.errstate(divide="ignore"):
        rates = [np.minimum(log_hits + np.log(share), 0.0) for share in shares]
    middle, most, fewest = (triple([log_draws_quantile(rate, u) for u in LEVELS]) for rate in rates)
    lost = int(np.isneginf(rates[0]).sum())
    if lost:
        remarks = (
            *remarks,
            f"{lost} of {b} directions can never be found: too few zeros, or zero rows of deficient rank",
        )
    return Forecast(
        tier="measured",
        batch_size=b,
        width=width,
        assumptions=(*assumptions, GENERIC, UNIFORM),
        minimum_zero_count=least,
        log_samples=middle,
        log_samples_low=fewest,
        log_samples_high=most,
        interval=interval,
        log_expected=log_expected_draws(rates[0]),
        ceiling=float(lost == 0),
        remarks=(*remarks, *against_iid(b, width, middle, counts / width)),
    )


def forecast_from_layer(
    weight: npt.ArrayLike,
    bias: npt.ArrayLike,
    inputs: npt.ArrayLike,
    *,
    threshold: float | None = None,
    false_rejection: float | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Forecast:
    """Forecast from a ReLU layer and inputs like those to be protected (measured tier).

    Parameters
    ----------
    weight : array_like, shape (m, d)
        W of the layer ``relu(W x + bias)``.
    bias : array_like, shape (m,)
    inputs : array_like, shape (b, d)
        A batch of the size in question, drawn from data like the real one.
    threshold, false_rejection, rng
        As in `forecast_from_zeros`.

    Returns
    -------
    Forecast

    Raises
    ------
    ParameterError
        If shapes do not fit, or a number is not finite.

    Notes
    -----
    Neuron j is inactive on sample i where its pre-activation is not positive, and dL/dZ is zero exactly
    there, whatever the loss (unless a later layer blocks the neuron as well).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weight, inputs = rng.standard_normal((300, 20)), rng.random((8, 20))  # pixels in [0, 1]
    >>> forecast_from_layer(weight, np.zeros(300), inputs).tier
    'measured'
    """
    w, beta, x = (
        check_real(
            name, value, -math.inf, math.inf, include_low=False, include_high=False, need="finite numbers"
        )
        for name, value in (("weight", weight), ("bias", bias), ("inputs", inputs))
    )
    if w.ndim != 2 or x.ndim != 2 or beta.shape != w.shape[:1] or x.shape[1] != w.shape[1]:
        raise ParameterError(
            f"inputs has shape {x.shape}, weight {w.shape}, bias {beta.shape}, out of range: "
            "need (b, d), (m, d), (m,)"
        )
    return forecast_from_zeros(
        w @ x.T + beta[:, None] <= 0, threshold=threshold, false_rejection=false_rejection, rng=rng
    )


def _finite(name: str, value: npt.ArrayLike) -> FloatArray:
    largest = float(np.finfo(np.float64).max)
    return check_real(name, value, -largest, largest, need="finite numbers")

"""Forecasts from zeros of a gradient: what they say, and when they disagree with the iid tier."""

import math

import numpy as np
import pytest

import theory
from theory.patterns.matching import found_direction
from theory.patterns.sampling import draw_rows, draw_zeros


def draws_until_all(zeros, rng, limit=100_000, batch=2000):
    """Samples a real search takes on one pattern."""
    m, b = zeros.shape
    first = np.full(b, -1)
    for start in range(0, limit, batch):
        found = found_direction(zeros[draw_rows(m, b - 1, batch, rng=rng)])
        for i in np.flatnonzero(first < 0):
            hits = np.flatnonzero(found == i)
            if hits.size:
                first[i] = start + int(hits[0]) + 1
        if (first > 0).all():
            return int(first.max())
    return limit


def test_measured_forecast_predicts_the_search_on_that_pattern():
    rng = np.random.default_rng(11)
    zeros = rng.random((60, 7)) < np.linspace(0.35, 0.65, 7)
    answer = theory.forecast_from_zeros(zeros)
    live = zeros[~zeros.all(axis=1)]
    runs = 200
    draws = np.array([draws_until_all(live, rng) for _ in range(runs)])
    for level, low, high in zip(
        (0.1, 0.5, 0.9), answer.log_samples_low, answer.log_samples_high, strict=True
    ):
        slack = 4 * math.sqrt(level * (1 - level) / runs)
        below, above = (float((np.log(draws) <= x).mean()) for x in (low, high))
        assert below - slack < level < above + slack
    assert answer.log_expected == pytest.approx(
        math.log(draws.mean()), abs=4 * draws.std() / draws.mean() / runs**0.5 + 0.05
    )


def test_tiers_agree_on_independent_zeros():
    zeros = draw_zeros(16, 600, rng=2)
    measured, iid = theory.forecast_from_zeros(zeros), theory.forecast(16, 600)
    assert iid.log_samples[0] - 1 < measured.log_samples[1] < iid.log_samples[2] + 1
    assert not measured.remarks
    counts = theory.forecast_from_zero_counts(zeros.sum(axis=0), 600)
    assert counts.log_samples[1] == pytest.approx(measured.log_samples[1], abs=0.1)
    assert counts.log_samples_high == (math.inf,) * 3  # counts alone promise no rank


def test_raw_pixels_are_flagged():
    """Inputs around a common mean activate together: rows are nearly always on or nearly always off."""
    rng = np.random.default_rng(0)
    weight, pixels = (
        rng.standard_normal((400, 300)),
        np.clip(rng.random(300) + 0.2 * rng.standard_normal((16, 300)), 0, 1),
    )
    raw = theory.forecast_from_layer(weight, np.zeros(400), pixels)
    centred = theory.forecast_from_layer(weight, np.zeros(400), pixels - pixels.mean(axis=0))
    assert any("rows are zero for every sample" in remark for remark in raw.remarks)
    assert any("the iid tier (p = 1/2) is wrong here: 10^" in remark for remark in raw.remarks)
    assert raw.width < 400
    assert not any("iid" in remark for remark in centred.remarks)


def test_a_column_with_too_few_zeros_is_named():
    zeros = draw_zeros(8, 100, rng=4)
    zeros[:, 3] = False
    zeros[:5, 3] = True
    answer = theory.forecast_from_zeros(zeros)
    assert answer.ceiling == 0.0
    assert answer.log_samples == (math.inf,) * 3
    assert any("1 of 8 directions can never be found" in remark for remark in answer.remarks)
    assert any("would have called the search possible" in remark for remark in answer.remarks)


def test_rows_of_deficient_rank_are_found_out():
    """Enough zeros, but two other columns are zero wherever column 0 is."""
    zeros = draw_zeros(6, 100, rng=5)
    zeros[zeros[:, 0], 1] = True
    assert theory.forecast_from_zeros(zeros).ceiling == 0.0

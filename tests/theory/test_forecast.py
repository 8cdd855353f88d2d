"""Both tiers: what a forecast says, and when they disagree."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_iid_forecast_repeats_the_functions_it_is_made_of():
    answer = theory.forecast(20, 200, threshold=0.3)
    assert answer.tier == "iid"
    assert answer.minimum_zero_count == 60
    assert answer.log_samples == pytest.approx(
        theory.log_sample_quantile(20, 200, [0.1, 0.5, 0.9], threshold=0.3)
    )
    assert answer.ceiling == theory.unlimited_success(20, 200, threshold=0.3)
    assert answer.log_expected == theory.log_expected_samples(20, 200)
    assert all(
        low <= x <= high
        for low, x, high in zip(
            answer.log_samples_low, answer.log_samples, answer.log_samples_high, strict=True
        )
    )
    assert answer.log_seconds(1e6)[1] == pytest.approx(answer.log_samples[1] - math.log(1e6))
    assert "iid tier" in str(answer)
    assert "assumes" in str(answer)


def test_iid_forecast_warns_when_rows_are_too_few():
    answer = theory.forecast(20, 45)
    assert answer.ceiling < 0.9
    assert answer.log_samples[2] == math.inf
    assert any("more rows are needed" in remark for remark in answer.remarks)
    assert "never" in str(answer)
    assert theory.forecast(10**4, 10**6).samples == (math.inf,) * 3


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


def test_row_activity_matches_the_pattern_it_comes_from():
    rng = np.random.default_rng(9)
    activity = rng.beta(2, 2, 800)[:, None]
    zeros = rng.random((800, 14)) > activity
    pattern = theory.forecast_from_zeros(zeros)
    rows = theory.forecast_from_row_activity((~zeros).sum(axis=1), 14)
    assert rows.tier == "measured"
    assert rows.log_samples[1] == pytest.approx(pattern.log_samples[1], abs=0.7)
    assert rows.log_samples_low[1] <= rows.log_samples[1] <= rows.log_samples_high[1]


@given(st.integers(2, 10), st.integers(20, 120), st.integers(1, 11))
@settings(deadline=None, max_examples=12)
def test_even_row_activity_is_the_iid_law(b, extra, k):
    """All rows alike: the zero count is binomial again, and ranks as for that zero probability."""
    active = min(k, b - 1)
    p, m = 1 - active / b, b - 1 + extra
    answer = theory.forecast_from_row_activity(np.full(m, active), b)
    iid = theory.log_sample_quantile(b, m, [0.1, 0.5, 0.9], p=p)
    finite = np.isfinite(iid) & (np.asarray(iid) > math.log(b) + 0.1)
    assert np.asarray(answer.log_samples)[finite] == pytest.approx(np.asarray(iid)[finite], abs=1e-5)
    assert answer.ceiling == pytest.approx(theory.unlimited_success(b, m, p=p), abs=1e-8)


def test_import_is_light():
    """Neither statistics, symbols nor plots are loaded by ``import theory``."""
    code = (
        "import sys, theory; heavy = {'scipy.stats', 'sympy', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy; assert not any(name.startswith('spear_xp') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_lazy_names():
    assert theory.symbolic.__name__ == "theory.symbolic"
    with pytest.raises(AttributeError, match="nothing_like_it"):
        theory.nothing_like_it  # noqa: B018
    for name in theory.__all__:
        assert getattr(theory, name) is not None


def test_success_from_row_activity_inverts_the_forecast():
    activity = np.linspace(3.5, 9.5, 300)  # expected activities need not be whole
    answer = theory.forecast_from_row_activity(activity, 12, threshold=0.3)
    chances = theory.success_from_row_activity(activity, 12, log_samples=answer.log_samples, threshold=0.3)
    assert chances == pytest.approx([0.1, 0.5, 0.9], rel=1e-9)
    assert theory.success_from_row_activity(activity, 12, 11) == 0.0  # fewer samples than directions
    late = theory.success_from_row_activity(activity, 12, log_samples=300.0, threshold=0.3)
    assert late == pytest.approx(answer.ceiling)


def test_row_activity_says_when_rows_are_too_few():
    answer = theory.forecast_from_row_activity(np.full(60, 9.0), 12, threshold=0.3)
    assert answer.ceiling < 0.9
    assert any("more rows are needed" in remark for remark in answer.remarks)

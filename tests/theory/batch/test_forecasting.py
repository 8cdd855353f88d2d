"""The iid forecast: what it is made of, and what it warns of."""

import math

import pytest

import theory


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

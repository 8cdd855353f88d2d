"""Samples that a success probability takes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory

LN2 = math.log(2)
QUANTILES = {  # (b, m): log2 of the samples at 10, 50, 90 %, and of H_b / q1
    (10, 200): (10.21, 11.29, 12.51, 10.61),
    (15, 200): (16.40, 17.71, 19.32, 15.73),
    (20, 200): (23.01, 24.63, 26.69, 20.85),
    (20, 1000): (20.72, 21.58, 22.59, 20.85),
    (24, 200): (28.60, 30.49, 32.95, 24.92),
    (30, 1000): (31.85, 32.87, 34.13, 31.00),
    (40, 4000): (41.27, 42.01, 42.92, 41.10),
}


@pytest.mark.parametrize(("b", "m"), QUANTILES)
def test_quantile_table(b, m):
    *quantiles, naive = QUANTILES[b, m]
    values = theory.log_sample_quantile(b, m, [0.1, 0.5, 0.9]) / LN2
    assert values.round(2).tolist() == quantiles
    assert round(theory.log_expected_samples(b, m) / LN2, 2) == naive


def test_quantile_at_the_largest_sizes():
    assert round(theory.log_sample_quantile(10**4, 10**6, 0.5) / LN2, 2) == 10127.03
    assert round(theory.log_expected_samples(10**4, 10**6) / LN2, 2) == 10002.29
    assert theory.sample_quantile(10**4, 10**6, 0.5) == math.inf
    assert theory.expected_samples(10**4, 10**6) == math.inf


def test_expected_samples_lies_below_the_median():
    for b, m in ((15, 200), (20, 200)):
        ratio = theory.sample_quantile(b, m, 0.5) / theory.expected_samples(b, m)
        assert 3 < ratio < 14


@given(
    st.integers(2, 200),
    st.integers(0, 3000),
    st.floats(0.001, 0.999),
    st.sampled_from(["estimate", "upper", "lower"]),
)
@settings(deadline=None, max_examples=120)
def test_quantile_inverts_success(b, extra, u, kind):
    m = b - 1 + extra
    log_samples = theory.log_sample_quantile(b, m, u, kind=kind)
    if log_samples == math.inf:
        assert theory.success_probability(b, m, log_samples=1e6, kind=kind) <= u
    elif log_samples > math.log(b):
        assert theory.success_probability(b, m, log_samples=log_samples, kind=kind) == pytest.approx(
            u, rel=1e-6
        )
    estimate = theory.log_sample_quantile(b, m, u)
    assert theory.log_sample_quantile(b, m, u, kind="upper") <= estimate + 1e-9
    assert theory.log_sample_quantile(b, m, u, kind="lower") >= estimate - 1e-9

"""Rows of low leverage: the models against simulated layers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.helpers import rounds_to
from theory.numerics.binomial import log_zero_subset
from theory.numerics.checks import ParameterError
from theory.samplers.leverage import (
    chain_flops,
    guided_log_gain,
    residual_zero_probability,
    static_zero_probability,
)


def guided_rows(b, m, share, batches, rng):
    """Whitened rows and the number of them that a chain draws from."""
    D = rng.standard_normal((batches, m, b)) * (rng.random((batches, m, b)) < 0.5)
    # einsum, not BLAS: threads on thousands of small products cost more than the products
    factor = np.linalg.inv(np.linalg.cholesky(np.einsum("kmi,kmj->kij", D, D)))
    return D, np.einsum("kmi,kji->kmj", D, factor), round(share * m)


def simulate_static(b, m, share, batches, rng):
    """Mean over patterns of the exact probability that the guided rows are zero in a column, over p^(b-1)."""
    D, white, size = guided_rows(b, m, share, batches, rng)
    low = np.argsort((white**2).sum(axis=2), axis=1)[:, :size]
    zeros = (np.take_along_axis(D, low[:, :, None], axis=1) == 0).sum(axis=1)
    return np.exp(log_zero_subset(zeros, b - 1, size) + (b - 1) * math.log(2)).mean(axis=1)


def simulate_adaptive(b, m, share, batches, rng):
    """Sequential importance sampling: rows are drawn among the zero ones, at the price of their fraction."""
    D, residual, size = guided_rows(b, m, share, batches, rng)
    zero, free, runs = D[:, :, 0] == 0, np.ones((batches, m), bool), np.arange(batches)
    gain = np.ones(batches)
    for _ in range(b - 1):
        leverage = np.where(free, np.einsum("kmi,kmi->km", residual, residual), np.inf)
        low = leverage <= np.partition(leverage, size - 1, axis=1)[:, size - 1 : size]
        gain *= 2 * (low & zero).sum(axis=1) / size
        pick = np.where(low & zero, rng.random((batches, m)), -1).argmax(axis=1)
        free[runs, pick] = False
        row = residual[runs, pick]
        row /= np.maximum(np.linalg.norm(row, axis=1, keepdims=True), 1e-300)  # 0 once the gain is 0
        residual -= np.einsum("kmi,ki->km", residual, row)[:, :, None] * row[:, None, :]
    return gain


@pytest.mark.parametrize(
    ("m", "share", "model", "measured"),
    [(200, 0.25, "12.5", 13.50), (1000, 0.10, "37", 37.55), (1000, 0.03, "126", 130.7)],
)
def test_static_leverage(m, share, model, measured):
    """Measured: 12,000 to 30,000 batches, where 13.50(17), 37.55(21), 130.7(3.5) were seen."""
    assert rounds_to(math.exp(guided_log_gain(20, share, adaptive=False)), model)
    rng = np.random.default_rng(1)
    gain = np.concatenate([simulate_static(20, m, share, 100, rng) for _ in range(8000 // m)])
    assert abs(gain.mean() - measured) < 4 * gain.std() / math.sqrt(len(gain))


@pytest.mark.parametrize(
    ("m", "share", "model", "measured"),
    [(200, 0.25, "104", 66), (1000, 0.10, "390", 326), (1000, 0.03, "1320", 1288)],
)
def test_adaptive_leverage(m, share, model, measured):
    assert rounds_to(math.exp(guided_log_gain(20, share)), model)
    rng = np.random.default_rng(2)
    gain = np.concatenate([simulate_adaptive(20, m, share, 100, rng) for _ in range(4000 // m)])
    assert abs(gain.mean() - measured) < 4 * gain.std() / math.sqrt(len(gain))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.floats(0.01, 0.99), st.floats(0.1, 0.9))
def test_low_leverage_raises_the_zero_probability(b, share, p):
    assert p - 1e-9 <= static_zero_probability(b, share, p) <= 1
    assert p - 1e-9 <= residual_zero_probability(b, share, p) <= 1


def test_drawing_from_all_rows_gains_nothing():
    assert guided_log_gain(12, 1 - 1e-9) == pytest.approx(0, abs=1e-6)
    assert chain_flops(20, 1000) == 2 * 1000 * 400


@pytest.mark.parametrize(
    "call",
    [
        lambda: static_zero_probability(20, 0.0),
        lambda: residual_zero_probability(1, 0.5),
        lambda: chain_flops(20, 5),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp import errors
from spear_xp.reporting.metrics import compare
from tests.conftest import Backend


@given(st.integers(0, 10**6), st.integers(1, 8))
def test_the_order_of_the_rows_does_not_matter(seed: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((batch, 12))
    found = inputs + 1e-3 * rng.standard_normal((batch, 12))
    order = rng.permutation(batch)
    one, other = compare(inputs, found), compare(inputs, found[order])
    np.testing.assert_allclose(one.mse, other.mse, rtol=1e-9)
    np.testing.assert_array_equal(order[other.recovered], one.recovered)
    assert one.exact_share == other.exact_share


def test_values_of_a_small_example() -> None:
    inputs = np.array([[0.0, 0.0], [4.0, 4.0]])
    found = np.array([[4.0, 4.4], [0.0, 0.0]])
    comparison = compare(inputs, found)
    assert comparison.recovered.tolist() == [1, 0]
    np.testing.assert_allclose(comparison.mse, [0, 0.08])
    assert comparison.psnr[0] == math.inf
    assert comparison.psnr[1] == pytest.approx(10 * math.log10(16 / 0.08))
    assert comparison.exact_share == 0.5


def test_inputs_that_are_not_determined_do_not_count() -> None:
    inputs = np.array([[0.0, 0.0, 9.0], [4.0, 4.0, 9.0]])
    found = np.array([[4.0, 4.4, np.nan], [0.0, 0.0, np.nan]])
    np.testing.assert_allclose(compare(inputs, found).mse, [0, 0.08])


def test_the_assignment_is_optimal_not_greedy() -> None:
    comparison = compare(np.array([[0.0], [1.0]]), np.array([[0.55], [3.0]]))
    assert comparison.recovered.tolist() == [0, 1]  # squared errors .3025 · 4, not .2025 · 9


def test_a_sample_far_off_does_not_displace_exact_ones() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((20, 30))
    found = inputs.copy()
    found[0] = 1e6 * rng.standard_normal(30)
    comparison = compare(inputs, found)
    np.testing.assert_array_equal(comparison.recovered, np.arange(20))
    assert comparison.exact_share == 19 / 20


def test_fewer_or_more_recovered_samples() -> None:
    inputs = np.eye(4)
    assert compare(inputs, inputs[2:]).exact_share == 0.5
    assert compare(inputs, inputs[2:]).truth.tolist() == [2, 3]
    assert compare(inputs, np.concatenate([inputs + 9, inputs])).exact_share == 1
    assert compare(inputs, inputs[:0]).exact_share == 0


def test_options() -> None:
    inputs = np.array([[0.0, 1.0]])
    assert compare(inputs, inputs + 0.1, data_range=10.0).psnr[0] == pytest.approx(40)
    assert compare(inputs, inputs + 0.1, exact_psnr=19.0).exact_share == 1


def test_arrays_of_every_library(space: Backend) -> None:
    inputs = space.asarray(np.eye(3))
    assert compare(inputs, inputs).exact_share == 1


def test_bad_arguments() -> None:
    with pytest.raises(errors.ShapeError, match=r"inputs has shape \(2, 3\) and recovered \(2, 4\)"):
        compare(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(errors.ShapeError, match=r"inputs has shape \(3,\)"):
        compare(np.ones(3), np.ones(3))
    with pytest.raises(errors.ArgumentRangeError, match="data_range=0"):
        compare(np.ones((2, 3)), np.ones((2, 3)))

"""Bad input raises one error type that names argument, value and legal range."""

import math

import numpy as np
import pytest

import theory
from theory.numerics.checks import ParameterError, check_integer, check_width


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: theory.success_probability(1, 200, 10),
            "batch_size=1 is out of range: need an integer >= 2",
        ),
        (lambda: theory.success_probability(2.5, 200, 10), "batch_size=2.5 is out of range"),
        (lambda: theory.success_probability(math.nan, 200, 10), "batch_size=nan is out of range"),
        (lambda: theory.success_probability("8", 200, 10), "batch_size='8' is out of range"),
        (lambda: theory.success_probability(True, 200, 10), "batch_size=True is out of range"),
        (
            lambda: theory.success_probability(20, 18, 10),
            r"width=18 is out of range: need .* batch_size - 1 = 19",
        ),
        (lambda: theory.success_probability([5, 20], 18, 10), "width=18 is out of range"),
        (lambda: theory.success_probability(20, 200, 0), "samples=0 is out of range: need a number >= 1"),
        (lambda: theory.success_probability(20, 200, math.nan), "samples=nan is out of range"),
        (lambda: theory.success_probability(20, 200), "exactly one"),
        (lambda: theory.success_probability(20, 200, 5, log_samples=2.0), "exactly one"),
        (
            lambda: theory.success_probability(20, 200, 5, p=0),
            r"p=0 is out of range: need a number in \(0, 1\)",
        ),
        (lambda: theory.success_probability(20, 200, 5, p=1), "p=1 is out of range"),
        (lambda: theory.success_probability(20, 200, 5, threshold=1.5), r"threshold=1.5 .* \[0, 1\]"),
        (lambda: theory.success_probability(20, 200, 5, threshold=0.3, false_rejection=0.1), "at most one"),
        (lambda: theory.sample_quantile(20, 200, 1.0), "probability=1 is out of range"),
        (lambda: theory.largest_batch(0, 100, 0.5), "width=0 is out of range"),
        (lambda: theory.expected_samples(20, 5), "width=5 is out of range"),
        (lambda: theory.log_direction_probability_given(201, 200, 5), "zero_count=201 is out of range"),
        (lambda: theory.log_direction_probability_given([7, 9], [8, 8], 5), r"zero_count=9 .* \[0, width\]"),
        (lambda: theory.forecast_from_zero_counts([5, -1, 7], 10), "zero_counts=-1 is out of range"),
        (lambda: theory.forecast_from_zero_counts([5, 11, 7], 10), "zero_counts=11 is out of range"),
        (lambda: theory.forecast_from_zero_counts([5], 10), "batch_size=1 is out of range"),
        (lambda: theory.forecast_from_zeros(np.zeros((5, 3))), "need bool"),
        (lambda: theory.forecast_from_row_activity([1, 9], 8), "activity=9 is out of range"),
        (lambda: theory.forecast_from_row_activity([[1, 2]], 8), "activity has shape"),
        (lambda: theory.forecast_from_row_activity([1] * 9, [8, 9]), "batch_size has shape .* single"),
        (lambda: theory.success_from_row_activity([1] * 9, 8), "exactly one"),
        (lambda: theory.forecast([5, 6], 200), r"batch_size has shape \(2,\), .* a single integer >= 2"),
        (lambda: theory.forecast(5, [200, 300]), "width has shape .* batch_size - 1 = 4"),
        (lambda: theory.forecast("5", 200), "batch_size='5' is out of range"),
        (lambda: theory.forecast(5, None), "width=nan is out of range"),
        (lambda: theory.forecast(5, 200, p=[0.5, 0.6]), "p has shape"),
        (lambda: theory.kernel_support([4, 5]), "batch_size has shape"),
        (lambda: theory.simulate_search(5, 20, samples=[5, 6]), "samples has shape"),
        (lambda: theory.log_draws_quantile([0.5], 0.5), "log_rates=0.5 is out of range"),
        (lambda: theory.log_draws_quantile([], 0.5), "log_rates has shape"),
        (lambda: theory.log_zero_given_rows([0.5, 1.2], 1), "row_probability=1.2 is out of range"),
        (lambda: theory.matching_failure(-1), "n=-1 is out of range"),
        (lambda: theory.exact_tables(3, math.nan), "p=nan is out of range"),
        (lambda: theory.exact_tables(3, "3/2"), "p=1.5 is out of range"),
        (lambda: theory.rank_distribution(60, 5), "rows=60 is out of range"),
        (lambda: theory.log_seconds(3.0, 0.0), "samples_per_second=0 is out of range"),
        (lambda: theory.minimum_zero_count_uneven(200, 0, 1), "alpha=0 is out of range: need a number > 0"),
    ],
)
def test_message_names_argument_value_and_range(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


def test_layer_shapes_and_finiteness():
    with pytest.raises(ParameterError, match=r"inputs has shape \(3, 4\)"):
        theory.forecast_from_layer(np.zeros((5, 3)), np.zeros(5), np.zeros((3, 4)))
    with pytest.raises(ParameterError, match="bias=nan"):
        theory.forecast_from_layer(np.zeros((5, 3)), np.full(5, np.nan), np.zeros((3, 3)))


def test_whole_floats_and_arrays_are_counts():
    assert check_integer("count", [1.0, 2.0], 0).dtype == np.int64
    assert check_width(1e6, [[2], [3]]).shape == ()
    with pytest.raises(ParameterError):
        check_integer("count", 2.0**60, 0)

import math
from typing import Any

import numpy as np
import pytest

from spear_xp import errors, estimate
from spear_xp.forecasting.published import Estimate, Feasibility, median_map
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend

RATE = {"samples_per_second": 1e5}


def published(*sizes: Any, **options: Any) -> Estimate:
    """Figures of the published search."""
    return estimate(*sizes, search="sampling", **RATE, **options).published


def test_one_sample_finds_a_direction_with_probability_two_to_the_minus_b() -> None:
    for batch in (4, 10, 20):
        bits = published(batch, 1000).log_direction_probability / math.log(2)
        assert -batch - 2 < bits < 1 - batch  # at most: the rows must have full rank besides


def test_larger_batches_cost_more() -> None:
    costs = [published(batch, 400).log_samples[0.5] for batch in range(2, 30, 4)]
    assert costs == sorted(costs)


def test_quantiles_are_in_order() -> None:
    forecast = published(12, 200)
    assert forecast.log_samples[0.1] < forecast.log_samples[0.5] < forecast.log_samples[0.9]
    assert forecast.seconds(0.1) < forecast.seconds() < forecast.seconds(0.9)
    assert forecast.seconds() == pytest.approx(math.exp(forecast.log_samples[0.5]) / 1e5)


@pytest.mark.parametrize(("batch", "verdict"), [(8, Feasibility.FEASIBLE), (60, Feasibility.INFEASIBLE)])
def test_verdicts(batch: int, verdict: Feasibility) -> None:
    forecast = published(batch, 1000)
    assert forecast.verdict is verdict
    assert (forecast.success_probability > 0.9) is (verdict is Feasibility.FEASIBLE)


def test_the_largest_batch_divides_what_can_be_done() -> None:
    largest = published(10, 1000).largest_batch
    assert published(largest, 1000).success_probability >= 0.5
    assert published(largest + 1, 1000).success_probability < 0.5


def test_the_medians_of_a_grid() -> None:
    grid = median_map(np.array([4, 8]), np.array([100, 1000]))
    assert grid.shape == (2, 2)
    single = published(8, 1000).log_samples[0.5] / math.log(2)
    assert grid[1, 1] == pytest.approx(single, rel=1e-3)


def test_a_gradient_of_every_library(space: Backend) -> None:
    truth = space.mlp(6, 100, 40)
    forecast = published(truth.observed)
    assert (forecast.batch_size, forecast.tier) == (6, "measured")
    assert forecast.zero_share == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 5, "width": 100, "time_limit": 0}, "time_limit=0: need"),
        ({"batch_size": 5, "width": 100, "time_limit": math.inf}, "time_limit=inf: need"),
        ({"batch_size": 5, "width": 100, "samples_per_second": -1}, "samples_per_second=-1: need"),
    ],
)
def test_bad_arguments(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=message):
        estimate(search="sampling", **arguments)


@pytest.mark.parametrize(("batch", "width"), [(0, 100), (-2, 100), (5, 1), (50, 20)])
def test_sizes_out_of_range(batch: int, width: int) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        published(batch, width)


def test_one_sample_needs_no_search() -> None:
    truth = mlp_gradient(gaussian_inputs(1, 20, rng=0), width=30, rng=0)
    with pytest.raises(errors.ArgumentRangeError, match="one sample needs no search"):
        published(truth.observed)


def test_the_rate_is_measured_where_it_is_not_given(layer: LayerGradient) -> None:
    assert estimate(5, 60).published.samples_per_second > 100


def test_limits_enclose_the_quantiles() -> None:
    for forecast in (
        published(12, 200),
        published(mlp_gradient(gaussian_inputs(8, 60, rng=0), width=150, rng=0).observed),
    ):
        for u, value in forecast.log_samples.items():
            assert forecast.log_samples_low[u] <= value <= forecast.log_samples_high[u]
        assert forecast.interval


def test_the_filter_sets_a_ceiling_on_narrow_layers() -> None:
    forecast = published(12, 24)
    assert forecast.ceiling < 1e-6  # 14 zeros in each of 12 columns of 24
    assert set(forecast.log_samples.values()) == {math.inf}
    assert forecast.verdict is Feasibility.INFEASIBLE
    assert any("more rows are needed" in text for text in forecast.remarks)


def test_the_iid_tier_warns_of_inputs_that_are_not_centred() -> None:
    forecast = published(10, 200)
    assert any("raw pixels" in text and "orders of magnitude" in text for text in forecast.remarks)
    assert forecast.log_iid_factor == 0


def test_raw_pixels_are_told_from_centred_ones_by_a_factor() -> None:
    inputs = gaussian_inputs(10, 200, rng=0)
    centred, raw = (published(mlp_gradient(x, width=400, rng=0).observed) for x in (inputs, inputs + 3))
    assert abs(centred.log_iid_factor) < math.log(4)
    assert raw.log_iid_factor > math.log(30)
    assert any("iid tier (p = 1/2) is wrong here: 10^" in text for text in raw.remarks)
    assert not any("iid tier" in text for text in centred.remarks)


@pytest.mark.parametrize("sizes", [([5, 6], 200), (5, [200, 300]), ("5", 200)])
def test_sizes_that_are_no_integers(sizes: tuple[object, object]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        estimate(*sizes, **RATE)


def test_the_largest_sizes_neither_overflow_nor_fail() -> None:
    forecast = published(10**4, 10**6)
    assert forecast.log_samples[0.5] / math.log(2) == pytest.approx(10127.03, abs=0.01)
    assert forecast.seconds() == math.inf

"""The public call, from sizes and from updates."""

import math
import time
from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spear_xp
from spear_xp import Forecast, LayerUpdate, Verdict, errors, estimate
from spear_xp.forecasting.calibration import until
from spear_xp.strategies import Sampling
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend

known = partial(estimate, centred=True)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine cuts no pilot short."""
    monkeypatch.setattr("spear_xp.forecasting.pilot.until", lambda seconds: until(100 * seconds))


@pytest.mark.parametrize(
    ("batch", "verdict", "limited_by"),
    [
        (20, Verdict.FEASIBLE, "search"),
        (75, Verdict.INFEASIBLE_FOR_THIS_SEARCH, "search"),
        (88, Verdict.UNCERTAIN, "identifiability"),
        (110, Verdict.EXACT_IMPOSSIBLE, "identifiability"),
        (210, Verdict.EXACT_IMPOSSIBLE, "rank"),
    ],
)
def test_verdicts_at_two_hundred_neurons(batch: int, verdict: Verdict, limited_by: str) -> None:
    forecast = known(batch, 200)
    assert forecast.verdict is verdict
    assert forecast.limited_by == limited_by
    assert (forecast.exact_limit, forecast.safe_batch, forecast.visual_limit) == (84, 91, 132)


def test_more_samples_than_features_and_one() -> None:
    forecast = known(40, 1000, features=30)
    assert forecast.verdict is Verdict.OVERCOMPLETE
    assert (forecast.limited_by, forecast.success_probability) == ("rank", 0)
    assert forecast.capacity > 1
    assert known(31, 1000, features=30).verdict is not Verdict.OVERCOMPLETE
    assert "equations over unknowns" in forecast.summary()


@given(st.integers(40, 5000))
@settings(deadline=None, max_examples=30)
def test_the_limits_are_in_order(width: int) -> None:
    forecast = known(2, width)
    assert forecast.largest_batch is not None
    assert forecast.largest_batch <= forecast.exact_limit <= forecast.safe_batch <= forecast.visual_limit


@given(st.integers(2, 400), st.integers(40, 2000), st.integers(0, 30), st.integers(0, 200))
@settings(deadline=None, max_examples=30)
def test_larger_batches_are_harder_and_wider_layers_are_not(b: int, m: int, more: int, wider: int) -> None:
    here, larger, wide = known(b, m), known(b + more, m), known(b, m + wider)
    assert larger.success_probability <= here.success_probability + 1e-9
    assert larger.identifiable <= here.identifiable + 1e-9
    assert wide.identifiable >= here.identifiable - 1e-9
    assert wide.exact_limit >= here.exact_limit
    times = [*here.seconds.values()]
    assert times == sorted(times)


def test_quantiles_end_at_the_probability_of_success() -> None:
    uncertain = next(f for f in (known(b, 200) for b in range(50, 84)) if f.success_probability < 0.85)
    assert uncertain.seconds[0.1] < uncertain.seconds[0.5] < uncertain.seconds[0.9] == math.inf


def test_the_time_limit_counts() -> None:
    slow = known(40, 400, time_limit=0.01)
    assert slow.limited_by == "time"
    assert slow.success_probability < 0.1
    assert slow.largest_batch is not None
    assert slow.largest_batch < 40
    fast = known(40, 400, machine_rate=100 * slow.machine_rate)
    assert fast.seconds[0.5] == pytest.approx(known(40, 400).seconds[0.5] / 100)


def test_noise_needs_features() -> None:
    blind = known(20, 200)
    assert math.isnan(blind.psnr)
    assert math.isnan(blind.noise_edge)
    assert "need the number of features" in blind.summary()
    clean, noisy, lost = (known(20, 200, features=784, noise=noise) for noise in (None, 1e-4, 1.0))
    assert clean.psnr > noisy.psnr > lost.psnr
    assert noisy.success_probability > 0.9
    assert lost.success_probability < 0.01
    assert lost.limited_by == "noise"
    assert clean.noise_edge == pytest.approx(lost.noise_edge)


def test_sizes_alone_say_that_they_do_not_show_the_mean() -> None:
    assert any("raw pixels" in text for text in estimate(20, 200).remarks)
    assert not known(20, 200).remarks
    raw = estimate(20, 200, centred=False)
    assert math.isnan(raw.success_probability)
    assert math.isnan(raw.seconds[0.5])
    assert (raw.verdict, raw.largest_batch) == (Verdict.UNCERTAIN, None)
    assert "whole batch: not told" in raw.summary()


def test_other_searches_have_limits_only() -> None:
    forecast = known(20, 200, search=("descent", Sampling()))
    assert math.isnan(forecast.success_probability)
    assert forecast.search == "descent + sampling"
    assert any("no law" in text for text in forecast.remarks)
    with pytest.raises(errors.ArgumentRangeError, match="search='magic'"):
        estimate(20, 200, search="magic")


def test_the_published_search_keeps_its_figures() -> None:
    forecast = known(20, 200, search="sampling", samples_per_second=1e5)
    figures = forecast.published
    assert forecast.success_probability == figures.success_probability
    assert forecast.seconds[0.5] == figures.seconds(0.5)
    assert forecast.largest_batch == figures.largest_batch
    assert (forecast.verdict, forecast.limited_by) == (Verdict.INFEASIBLE_FOR_THIS_SEARCH, "time")


def test_sizes_take_no_time() -> None:
    spent = []
    for width in range(200, 210):  # limits of a width are not kept
        start = time.process_time()
        estimate(30, width)
        spent.append(time.process_time() - start)
    known = []
    for _ in range(10):  # some milliseconds of the same interpreter on the same machine
        start = time.process_time()
        math.fsum(math.exp(-1e-5 * step) for step in range(40_000))
        known.append(time.process_time() - start)
    assert np.median(spent) < 2.5 * np.median(known)
    start = time.process_time()
    forecast = estimate(10**4, 10**6, features=20_000)
    assert time.process_time() - start < 1
    assert forecast.verdict is Verdict.INFEASIBLE_FOR_THIS_SEARCH
    assert forecast.memory["host"] > 1e11


def test_an_update_is_tried(space: Backend) -> None:
    truth = space.mlp(12, 200, 60)
    for update in (truth.observed, LayerUpdate(*truth.observed, assumptions=("as sent",))):
        forecast = estimate(update)
        assert (forecast.batch_size, forecast.width, forecast.features) == (12, 200, 60)
        assert (forecast.tier, forecast.directions_found) == ("measured", 12)
        assert forecast.verdict is Verdict.FEASIBLE
        assert forecast.identifiable == 1
        assert forecast.psnr > 120
    assert forecast.remarks[0] == "as sent"
    assert "pilot found 12 directions" in forecast.summary()


def test_an_update_with_a_batch_size(layer: LayerGradient) -> None:
    assert estimate(6, update=layer.observed).batch_size == 6
    features = layer.grad_w.shape[1]
    forecast = estimate(features + 2, update=layer.observed)
    assert forecast.verdict is Verdict.OVERCOMPLETE
    assert forecast.features == features


def test_an_update_shows_features_and_noise_itself(layer: LayerGradient) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=r"noise=0\.1 is given beside an update"):
        estimate(layer.observed, noise=0.1)


def test_an_update_beyond_all_searches() -> None:
    truth = mlp_gradient(gaussian_inputs(40, 100, rng=0), width=60, rng=0)
    forecast = estimate(truth.observed, pilot_seconds=0.2)
    assert forecast.verdict is Verdict.EXACT_IMPOSSIBLE
    assert forecast.success_probability < 0.01


def test_an_update_of_raw_pixels_has_fewer_determined_batches() -> None:
    inputs = gaussian_inputs(22, 100, rng=0)
    raw = estimate(mlp_gradient(inputs + 3, width=70, rng=0).observed, pilot_seconds=0.2)
    assert raw.identifiable < 0.5 < known(22, 70).identifiable
    assert raw.verdict is not Verdict.FEASIBLE


def test_a_pilot_that_was_cut_says_nothing(layer: LayerGradient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spear_xp.forecasting.pilot.until", lambda _: lambda: False)
    forecast = estimate(layer.observed)
    assert math.isnan(forecast.success_probability)
    assert forecast.verdict is Verdict.UNCERTAIN
    assert any("busy" in text for text in forecast.remarks)
    assert "not told" in forecast.summary()


def test_an_update_of_the_published_search(layer: LayerGradient) -> None:
    forecast = estimate(layer.observed, search="sampling", samples_per_second=1e5)
    assert forecast.tier == "measured"
    assert forecast.success_probability == forecast.published.success_probability > 0.9


def test_old_names_still_answer(layer: LayerGradient) -> None:
    with pytest.warns(DeprecationWarning, match=r"estimate\(update=\)"):
        forecast = estimate(gradient=layer.observed, samples_per_second=1e5)
    figures = forecast.published
    with pytest.warns(DeprecationWarning, match="published.log_samples"):
        assert forecast.log_samples == figures.log_samples
    with pytest.warns(DeprecationWarning, match="published.seconds"):
        assert forecast.seconds() == figures.seconds()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        forecast.nothing  # noqa: B018


def test_a_forecast_is_frozen_and_told_in_ten_lines() -> None:
    forecast = known(20, 200, features=784)
    with pytest.raises(FrozenInstanceError):
        forecast.batch_size = 3  # type: ignore[misc]
    assert len(forecast.summary().splitlines()) == 10
    values = forecast.to_dict()
    assert values["verdict"] == "FEASIBLE"
    assert not any(name.startswith("_") for name in values)
    assert isinstance(forecast, Forecast)


def test_the_inverses() -> None:
    assert spear_xp.smallest_safe_batch(200) == known(2, 200).visual_limit + 1
    b = spear_xp.smallest_safe_batch(150)
    assert spear_xp.largest_safe_width(b) == 150


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "batch_size=None, width=None: need both"),
        ({"batch_size": 5}, "width=None: need both"),
        ({"batch_size": 5, "width": 100, "time_limit": 0}, "time_limit=0: need"),
        ({"batch_size": 5, "width": 100, "machine_rate": -1.0}, "machine_rate=-1.0: need"),
        ({"batch_size": 5, "width": 100, "pilot_seconds": math.nan}, "pilot_seconds=nan: need"),
    ],
)
def test_bad_arguments(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=message):
        estimate(**arguments)


@pytest.mark.parametrize("options", [{"features": 0}, {"noise": -1}, {"features": 2.5}])
def test_bad_options(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        estimate(20, 200, **options)


def test_one_sample_is_read_off() -> None:
    assert known(1, 50, features=30).verdict is Verdict.FEASIBLE


@pytest.mark.parametrize("bias", [True, False])
def test_an_update_without_a_bias_gradient(layer: LayerGradient, bias: bool) -> None:
    sent = LayerUpdate(layer.grad_w, None, layer.weight, layer.bias if bias else None)
    assert estimate(sent).batch_size == estimate(LayerUpdate(*layer.observed)).batch_size

"""The rate of the sampler, by a clock that goes on by a tenth of a second whenever it is looked at."""

import itertools
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from spear_xp.forecasting.calibration import calibrate, measure_rate, until
from spear_xp.strategies.sampling import Sampling

CHUNK = Sampling().chunk_size  # a multiple of the two samples of a set of 3


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ticks = itertools.count()
    fake = SimpleNamespace(perf_counter=lambda: next(ticks) / 10)
    monkeypatch.setattr("spear_xp.forecasting.calibration.time", fake)
    calibrate.cache_clear()
    yield
    calibrate.cache_clear()


@pytest.mark.parametrize(("seconds", "chunks"), [(0.15, 1), (0.25, 2), (0.55, 5)])
def test_the_rate_is_samples_over_the_time_that_they_took(seconds: float, chunks: int) -> None:
    assert calibrate(3, 20, seconds=seconds) == pytest.approx(chunks * CHUNK / ((chunks + 1) / 10))


def test_one_chunk_is_drawn_however_short_the_time() -> None:
    assert calibrate(3, 20, seconds=0.0) == pytest.approx(CHUNK / 0.2)


@pytest.mark.parametrize("batch", [25, 48, 240])
def test_large_batches_are_slower_by_the_cost_of_elimination(batch: int) -> None:
    assert calibrate(batch, 60) == pytest.approx(calibrate(24, 60) * (24 / batch) ** 2)


def test_a_shape_is_measured_once() -> None:
    calibrate(3, 20)
    calibrate(3, 20)
    calibrate(4, 20)
    assert calibrate.cache_info().misses == 2


def test_the_machine_is_as_fast_as_its_work_over_the_time() -> None:
    assert measure_rate() == pytest.approx(measure_rate())
    assert measure_rate() > 1e9


def test_a_deadline() -> None:
    readings = iter([10.0, 10.5, 11.5])
    keep_going = until(1.0, lambda: next(readings))
    assert [keep_going(), keep_going()] == [True, False]

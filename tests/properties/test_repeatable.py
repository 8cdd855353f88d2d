"""The same seed, the same bytes, whatever the time does; and work limits that cut at the same place."""

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from spear_xp import Status, invert
from spear_xp.solver.runtime.clock import Clock
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.benchmarks.repeatable import digest


def drag() -> Callable[[], float]:
    """A clock that stands still for long and then jumps."""
    count = itertools.count()
    return lambda: float(next(count) // 50) * 0.7


def creep() -> Callable[[], float]:
    """A clock that hardly moves."""
    count = itertools.count()
    return lambda: next(count) * 1e-9


@pytest.fixture(scope="module", params=["few rows", "twins"])
def truth(request: pytest.FixtureRequest) -> LayerGradient:
    inputs = gaussian_inputs(14, 60, rng=0)
    if request.param == "twins":
        inputs[-1] = inputs[-2] + 0.25 * inputs[-1]
        return mlp_gradient(inputs, width=150, rng=0)
    return mlp_gradient(inputs, width=60, rng=0)


@pytest.mark.parametrize("now", [drag, creep])
def test_a_clock_that_jumps_and_drags_changes_nothing(
    truth: LayerGradient, now: Callable[[], Callable[[], float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = invert(*truth.observed, rng=3, time_limit=1e6)
    monkeypatch.setattr("spear_xp.solver.invert.Clock", partial(Clock, now=now()))
    other = invert(*truth.observed, rng=3, time_limit=1e6)
    assert plain.status is Status.EXACT
    assert digest(plain) == digest(other)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_work_limit_cuts_a_search_short_at_the_same_place(truth: LayerGradient, share: float) -> None:
    whole = invert(*truth.observed, rng=3, time_limit=1e6).trace.work
    one, other = (invert(*truth.observed, rng=3, time_limit=1e6, work_limit=share * whole) for _ in range(2))
    assert digest(one) == digest(other)
    assert one.trace.work < 1.5 * whole


def test_the_seed_of_a_result_gives_it_again(truth: LayerGradient) -> None:
    first = invert(*truth.observed)
    again = invert(*truth.observed, rng=first.seed)
    assert first.seed == again.seed
    assert digest(first) == digest(again)
    assert invert(*truth.observed, rng=np.random.default_rng(0)).seed is None

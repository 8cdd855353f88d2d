"""The laws of the default search."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.candidates.pool import Pool
from spear_xp.forecasting import fitted, laws
from spear_xp.forecasting.pilot import Pilot
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.strategies import portfolio
from spear_xp.updates.synthetic import LayerGradient

SIZES = (st.integers(1, 3000), st.integers(2, 10**5))


@given(*SIZES)
def test_larger_batches_complete_less_often_and_take_longer(b: int, m: int) -> None:
    assert 0 <= laws.completion(b + 1, m) <= laws.completion(b, m) <= 1
    assert laws.log_seconds(b + 1, m) >= laws.log_seconds(b, m)
    assert laws.completion(b, m + 1) >= laws.completion(b, m)


def test_even_odds_at_the_edge() -> None:
    factor, power, _ = fitted.EDGE
    edge = factor * 200**power
    assert laws.completion(math.floor(edge), 200) >= 0.5 >= laws.completion(math.ceil(edge), 200)


@given(st.integers(2, 200), st.integers(0, 199))
def test_the_more_a_pilot_finds_the_better(layer: LayerGradient, b: int, found: int) -> None:
    pool = Pool(reduce(validate(*layer.observed)))
    one, two = (Pilot(b, 100, 0, min(k, b), 1.0, pool) for k in (found, found + 1))
    assert laws.completion_after(one) <= laws.completion_after(two)
    assert laws.log_seconds_after(one) >= laws.log_seconds_after(two)


def test_quantiles_of_a_lognormal_law() -> None:
    seconds = laws.quantiles(math.log(3.0), 0.5, 1.0)
    assert seconds[0.5] == pytest.approx(3.0)
    assert seconds[0.9] * seconds[0.1] == pytest.approx(9.0)
    assert laws.in_time(math.log(3.0), 0.5, seconds[0.9]) == pytest.approx(0.9)
    assert laws.quantiles(0.0, 0.5, 0.4)[0.5] == math.inf
    assert math.isnan(laws.quantiles(0.0, 0.5, math.nan)[0.5])


def test_memory_grows_with_every_size() -> None:
    base = laws.working_memory(20, 200, 784)
    assert base < min(laws.working_memory(40, 200, 784), laws.working_memory(20, 400, 784))
    assert base < laws.working_memory(20, 200, 1568)


def test_the_digest_changes_with_the_strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    before = laws.strategies_digest()
    assert before == laws.strategies_digest()
    monkeypatch.setattr(portfolio, "MANY_ROWS", 26)
    assert laws.strategies_digest() != before

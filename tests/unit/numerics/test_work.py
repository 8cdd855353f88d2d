"""Counted work: it grows with the sizes."""

import pytest

from spear_xp.numerics.work import Meter, OutOfTime, ask, calls, elementwise, product, small_solves


def test_work_is_additive_in_what_is_done_apart() -> None:
    assert product(10, 20, 30) == product(10, 20, 10) + product(10, 20, 20)
    assert product(10, 20, 30) > product(10, 20, 30, double=False) == 6000
    assert elementwise(100, 3) == 3 * elementwise(100)
    assert small_solves(8, 5) == 5 * small_solves(8, 1)
    assert calls(7) == 7 * calls(1) > 0


def test_a_no_is_an_exception_where_a_part_is_worth_nothing() -> None:
    ask(lambda: True)
    with pytest.raises(OutOfTime):
        ask(lambda: False)


def test_a_meter_counts_what_it_allows() -> None:
    spent: list[float] = []
    meter = Meter(lambda: sum(spent) < 5, spent.append)
    meter.spend(3.0)
    meter.spend(4.0)
    with pytest.raises(OutOfTime):
        meter.spend(1.0)
    assert spent == [3.0, 4.0]

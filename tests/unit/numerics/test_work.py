"""Counted work: it grows with the sizes, and a batch is worked off in parts that fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.numerics.work import (
    BLOCK,
    DEVICE_BLOCK,
    OutOfTime,
    ask,
    blocks,
    calls,
    elementwise,
    product,
    small_solves,
)


@given(st.integers(0, 5000), st.integers(0, 10**7))
def test_parts_cover_a_batch_once_and_fit_into_a_block(count: int, entries: int) -> None:
    parts = list(blocks(count, entries))
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
    assert all((part.stop - part.start) * entries <= max(BLOCK, entries) for part in parts)


def test_parts_are_larger_on_a_device() -> None:
    assert next(blocks(10**9, 1)).stop == BLOCK
    assert next(blocks(10**9, 1, device=True)).stop == DEVICE_BLOCK > BLOCK


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

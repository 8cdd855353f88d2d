"""Parts of a batch: all of it, once, and no more at a time than fits."""

from hypothesis import given
from hypothesis import strategies as st

from spear_xp.numerics.parts.blocks import ALONE, BLOCK, DEVICE_BLOCK, blocks, sides


@given(st.integers(0, 5000), st.integers(0, 10**7))
def test_parts_cover_a_batch_once_and_fit_into_a_block(count: int, entries: int) -> None:
    parts = list(blocks(count, entries))
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
    assert all((part.stop - part.start) * entries <= max(BLOCK, entries) for part in parts)


def test_parts_are_larger_on_a_device() -> None:
    assert next(blocks(10**9, 1)).stop == BLOCK
    assert next(blocks(10**9, 1, device=True)).stop == DEVICE_BLOCK > BLOCK


@given(st.integers(0, 300), st.integers(1, 2000), st.booleans())
def test_sides_are_halves_of_what_is_worth_a_thread(count: int, entries: int, device: bool) -> None:
    parts = sides(count, entries, device=device)
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
    assert len(parts) == (1 if device or (count + 1) // 2 * entries < ALONE else 2)

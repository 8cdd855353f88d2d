import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.numerics.cuda.sampler import (
    LARGEST,
    REGISTERS,
    WIDEST,
    draw_row_sets,
    fits,
    sparse_sets,
    unit,
)
from spear_xp.numerics.random import Stream
from tests.conftest import Backend
from tests.helpers.sparse_rows import planted


@given(st.integers(1, 12), st.integers(1, 600), st.integers(0, 2**63 - 1), st.integers(0, 10**9))
def test_sets_are_distinct_rows_apart_from_those_set_aside(
    size: int, count: int, seed: int, chunk: int
) -> None:
    sets = draw_row_sets(40, size, count, stream=Stream.SAMPLING, seed=seed, chunk=chunk, aside=8)
    assert count <= len(sets) < count + sets.shuffles
    members = sets.members(np.arange(len(sets)))
    assert members.shape == (len(sets), size + 8)
    assert members.min() >= 0
    assert members.max() < 40
    assert all(len(set(line)) == size + 8 for line in members.tolist())


def test_sets_are_uniform_and_so_are_the_rows_set_aside() -> None:
    drawn = [
        draw_row_sets(20, 5, 50, stream=Stream.SAMPLING, seed=0, chunk=chunk, aside=4).members(np.arange(50))
        for chunk in range(400)
    ]
    for part in (np.concatenate(drawn)[:, :5], np.concatenate(drawn)[:, 5:]):
        np.testing.assert_allclose(np.bincount(part.ravel(), minlength=20) / part.size, 0.05, rtol=0.25)


def test_two_sets_of_a_shuffle_share_as_many_rows_as_independent_ones() -> None:
    shared = []
    for chunk in range(40):
        sets = draw_row_sets(60, 8, 64, stream=Stream.SAMPLING, seed=2, chunk=chunk, aside=8)
        member = np.zeros((64, 60))
        np.put_along_axis(member, sets.members(np.arange(64))[:, :8], 1, axis=1)
        shared.append((member @ member.T)[np.triu_indices(64, 1)])
    assert np.mean(shared) == pytest.approx(8 * 8 / 52, rel=0.1)


def test_what_is_found_is_what_exact_elimination_finds(space: Backend) -> None:
    rows, _ = planted(50, 6, seed=0)
    sets = draw_row_sets(50, 6, 600, stream=Stream.SAMPLING, seed=1, chunk=0, aside=8)
    found = sparse_sets(space.xp, space.xp.astype(space.asarray(rows), space.xp.float32), sets, 3e-4, 2)
    members = sets.members(np.arange(len(sets)))
    regular = np.linalg.cond(rows[members[:, :6]]) < 1e3
    values = np.abs(rows[members[regular, 6:]] @ np.linalg.inv(rows[members[regular, :6]]))
    which, row = (np.sum(values < 1e-9, axis=1) >= 2).nonzero()
    expected = set(zip(np.flatnonzero(regular)[which].tolist(), row.tolist(), strict=True))
    hits = {(n, row) for n, row in found.tolist() if regular[n]}
    assert len(expected) > 100
    assert len(expected ^ hits) < 0.02 * len(expected)


def test_where_all_rows_share_a_kernel_any_may_be_left_out() -> None:
    rows, pattern = planted(50, 6, seed=0)
    sets = draw_row_sets(50, 6, 600, stream=Stream.SAMPLING, seed=1, chunk=0, aside=8)
    found = sparse_sets(np, rows.astype("float32"), sets, 3e-4, 2)
    members = sets.members(np.arange(len(sets)))
    shared = pattern[members[:, :6]].all(axis=1) & (pattern[members[:, 6:]].sum(axis=1) >= 2)
    wanted = set(np.flatnonzero(shared.any(axis=1)).tolist())
    assert len(wanted) > 10
    assert wanted <= set(found[:, 0].tolist())


def test_what_single_precision_blurs_is_found_by_a_wide_look_and_a_second_one() -> None:
    rows, _ = planted(50, 6, seed=0)
    sets = draw_row_sets(50, 6, 6000, stream=Stream.SAMPLING, seed=1, chunk=0, aside=8)
    exact = set(map(tuple, sparse_sets(np, rows, sets, 3e-4, 2)))
    blurred = set(map(tuple, sparse_sets(np, rows.astype("float32"), sets, 3e-4, 2)))
    wide = sparse_sets(np, rows.astype("float32"), sets, 3e-3, 2)
    again = set(map(tuple, sparse_sets(np, rows, sets, 3e-4, 2, among=np.unique(wide[:, 0]))))
    assert exact - blurred  # hits that one look in single precision loses
    assert len(exact - again) < len(exact) / 1000
    assert again <= exact


def test_what_was_found_before_the_end_of_the_time_is_kept() -> None:
    rows, _ = planted(60, 30, seed=0)
    sets = draw_row_sets(60, 30, 600, stream=Stream.SAMPLING, seed=1, chunk=0, aside=8)
    answers = iter([True, False])
    part = sparse_sets(np, rows.astype("float32"), sets, 0.1, 1, lambda: next(answers))
    whole = sparse_sets(np, rows.astype("float32"), sets, 0.1, 1)
    assert 0 < len(part) < len(whole)
    np.testing.assert_array_equal(part, whole[: len(part)])
    assert sparse_sets(np, rows.astype("float32"), sets, 0.1, 1, lambda: False).shape == (0, 2)


@pytest.mark.parametrize("b", range(2, LARGEST + 1))
def test_a_lane_holds_its_part_of_every_set_in_registers(b: int) -> None:
    sizes = dict(unit(b, 8).sizes)
    columns = -(-(b + 8) // sizes["LANES"])
    assert b * columns <= REGISTERS
    assert columns * sizes["LANES"] >= b + 8


def test_what_is_too_large_does_not_fit() -> None:
    assert fits(LARGEST, WIDEST)
    assert not fits(LARGEST + 1, 100)
    assert not fits(8, WIDEST + 1)


def test_layers_of_many_rows_have_sets_too() -> None:
    sets = draw_row_sets(100_000, 3, 4, stream=Stream.SAMPLING, seed=0, chunk=0, aside=8)
    assert sets.members(np.arange(4)).max() > 2**16

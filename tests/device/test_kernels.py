"""Every fused kernel, run by the emulator in two orders of threads, against its twin."""

import numpy as np
import pytest

from spear_xp.numerics.cuda.sampler import draw_row_sets, fused_sampler, sparse_sets
from spear_xp.numerics.random import Stream
from spear_xp.strategies.sampling import NEAR
from tests.helpers.emulator import emulated
from tests.helpers.sparse_rows import planted

BOTH = pytest.mark.parametrize("backwards", [False, True])


@BOTH
@pytest.mark.parametrize(
    ("b", "width", "count", "aside"),
    [(2, 30, 40, 8), (5, 40, 70, 8), (7, 13, 33, 6), (16, 120, 300, 8), (25, 90, 60, 8)],
)
def test_the_sampler_finds_what_its_twin_finds(
    b: int, width: int, count: int, aside: int, backwards: bool
) -> None:
    rows = planted(width, b, seed=b, zero=0.75)[0].astype("float32")
    sets = draw_row_sets(width, b, count, stream=Stream.SAMPLING, seed=2**40 + 3, chunk=2**33, aside=aside)
    expected = sparse_sets(np, rows, sets, NEAR, 2)
    found = fused_sampler(emulated(backwards=backwards))(np, rows, sets, NEAR, 2)
    assert len(expected) > 5
    np.testing.assert_array_equal(found, expected)


def test_what_is_too_large_for_registers_is_left_to_arrays() -> None:
    rows = planted(60, 41, seed=0)[0].astype("float32")
    sets = draw_row_sets(60, 41, 16, stream=Stream.SAMPLING, seed=0, chunk=0, aside=8)
    found = fused_sampler(lambda unit: pytest.fail(f"{unit} is compiled"))(np, rows, sets, 0.1, 1)
    np.testing.assert_array_equal(found, sparse_sets(np, rows, sets, 0.1, 1))

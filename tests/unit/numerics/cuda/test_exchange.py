from typing import Any

import numpy as np
import pytest
from array_api_compat import numpy as xp

from spear_xp.numerics.cuda import exchange
from spear_xp.numerics.cuda.exchange import Rules, Schedule, fused_chains, unit

RULES = Rules(0.1, 1e-5, 4, 4)
SCHEDULE = Schedule(np.zeros((3, 2), dtype=int), np.array([[[0, 1], [2, 3]]] * 3))


def reporting(reports: list[tuple[int, int, int, float]]) -> Any:
    """A compiler of a kernel that makes these reports: place, two columns and a weight."""

    def kernel(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
        members, hits, weights, count = arguments[1], *arguments[-3:]
        for at, (place, first, second, weight) in enumerate(reports):
            chain = place // exchange.MOST
            hits[at] = [place, first, second, *members[: hits.shape[1] - 3, chain]]
            weights[at] = weight
        count[0] = len(reports)
        assert (grid, block) == ((2,), (128,))  # five chains, four in a block

    return lambda unit: kernel


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reports_come_back_in_the_order_of_the_chains(dtype: str) -> None:
    table = np.zeros((4, 3, 5), dtype=dtype)
    members = np.arange(35).reshape(7, 5)
    compiled = reporting([(17, 2, 1, 0.5), (3, 0, 2, -1.0), (16, 1, 1, 0.0)])
    rows, first, second, weight = fused_chains(compiled)(xp, table, members, SCHEDULE, RULES)
    np.testing.assert_array_equal(rows, members[:3, [0, 2, 2]])
    np.testing.assert_array_equal(first, [0, 1, 2])
    np.testing.assert_array_equal(second, [2, 1, 1])
    np.testing.assert_array_equal(weight, [-1.0, 0.0, 0.5])
    assert weight.dtype == dtype


def test_no_reports_are_no_hits() -> None:
    rows, *_ = fused_chains(reporting([]))(
        xp, np.zeros((4, 3, 5)), np.zeros((7, 5), dtype=int), SCHEDULE, RULES
    )
    assert rows.shape == (3, 0)


def test_the_kernel_knows_its_sizes_and_its_type() -> None:
    sizes = dict(unit(20, 12, 4, RULES, double=True).sizes)
    assert sizes == {"B": 20, "SPARE": 12, "PAIRS": 4, "MOST": 8, "FEWEST": 4, "SINGLES": 4, "REAL": "double"}

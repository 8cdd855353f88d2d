import numpy as np
import pytest

from spear_xp.auditing.chaining.matching import match
from spear_xp.errors import ShapeError

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((60, 12))


def test_rows_are_found_with_distance_and_margin() -> None:
    rows = np.array([3, 59, 3, 0])
    states = TABLE[rows] + 1e-3 * RNG.standard_normal((4, 12))
    found = match(states, TABLE, np.full(4, 1e-3))
    assert found.rows.tolist() == rows.tolist()
    assert found.claimed.all()
    np.testing.assert_allclose(found.distances, np.linalg.norm(states - TABLE[rows], axis=1))
    second = np.sort(np.linalg.norm(states[:, None] - TABLE, axis=2), axis=1)[:, 1]
    np.testing.assert_allclose(found.margins, second - found.distances)


def test_many_states_are_looked_up_in_parts() -> None:
    rows = RNG.integers(0, 60, 200)
    found = match(TABLE[rows], TABLE, np.full(200, 1e-6))
    assert found.rows.tolist() == rows.tolist()
    assert found.claimed.all()


def test_what_is_in_no_row_is_not_claimed() -> None:
    found = match(RNG.standard_normal((20, 12)), TABLE, np.full(20, 1e-3))
    assert not found.claimed.any()


def test_equal_and_near_rows_are_not_claimed() -> None:
    table = np.r_[TABLE, TABLE[:1], TABLE[1:2] + 1e-3]
    found = match(TABLE[:3], table, np.full(3, 1e-3))
    assert found.claimed.tolist() == [False, False, True]
    assert found.margins[0] == 0


def test_wide_error_bars_claim_nothing() -> None:
    assert not match(TABLE[:5], TABLE, np.full(5, 0.5)).claimed.any()
    assert not match(TABLE[:5], TABLE, np.full(5, np.inf)).claimed.any()


def test_rounding_widens_the_radius() -> None:
    states = TABLE[:4].astype("float32")
    assert match(states, TABLE, np.zeros(4)).claimed.all()


def test_a_table_of_one_row_and_no_states() -> None:
    found = match(TABLE[:1], TABLE[:1], np.ones(1))
    assert found.claimed.all()
    assert np.isinf(found.margins).all()
    assert len(match(TABLE[:0], TABLE, np.ones(0)).rows) == 0


@pytest.mark.parametrize(
    ("states", "table", "bars"),
    [
        (np.ones((2, 3)), np.ones((4, 5)), 2),
        (np.ones((2, 3)), np.ones((0, 3)), 2),
        (np.ones((2, 3)), np.ones((4, 3)), 1),
    ],
)
def test_shapes_that_do_not_fit_raise(states: np.ndarray, table: np.ndarray, bars: int) -> None:
    with pytest.raises(ShapeError, match="need"):
        match(states, table, np.ones(bars))

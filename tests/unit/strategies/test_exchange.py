from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp.numerics.backend import Space, space_of
from spear_xp.reduction.problem import Problem
from spear_xp.strategies.exchange import (
    COARSEST,
    EQUAL,
    Walk,
    distinct,
    fused_follow,
    gap_of,
    sparse_directions,
)
from tests.conftest import Backend
from tests.helpers.networks import Floats


def planted(batch: int, width: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Unit rows L = D P and the directions that the columns of D are, half of D zero."""
    rng = np.random.default_rng(seed)
    duals = np.linalg.qr(rng.standard_normal((batch, batch))).Q
    coefficients = rng.standard_normal((width, batch)) * (rng.random((width, batch)) < 0.5)
    rows = coefficients[(coefficients != 0).any(axis=1)] @ duals.T
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), duals


def chains(width: int, size: int, count: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(width)[:size] for _ in range(count)])


@pytest.mark.parametrize(("batch", "width"), [(2, 30), (3, 30), (4, 40), (7, 80)])
def test_chains_find_planted_columns(batch: int, width: int) -> None:
    rows, directions = planted(batch, width)
    spare = min(12, len(rows) - batch)
    found = sparse_directions(
        np, rows, chains(len(rows), batch + spare, 64), Walk(20, 4), np.random.default_rng(0)
    )
    assert (np.abs(directions.T @ found).max(axis=1) > 1 - 1e-9).all()


def test_one_long_chain_finds_what_its_first_sets_do_not_hold() -> None:
    """Every exchange leaves W as it would be for the new information set."""
    rows, directions = planted(9, 80)
    start = chains(len(rows), 9 + 12, 1)
    few, many = (
        sparse_directions(np, rows, start, Walk(steps, 4), np.random.default_rng(0)) for steps in (1, 300)
    )
    found = np.abs(directions.T @ many).max(axis=1, initial=0) > 1 - 1e-9
    assert found.sum() >= 6 > few.shape[1]


def test_equal_rows_spoil_their_own_chain_alone() -> None:
    rows, directions = planted(5, 60)
    rows = np.concatenate([rows, rows[:1], rows[:1]])
    sets = chains(len(rows) - 2, 5 + 12, 64)
    sets[::2, :2] = len(rows) - 2, len(rows) - 1  # the same row twice
    found = sparse_directions(np, rows, sets, Walk(10, 4), np.random.default_rng(0))
    assert (np.abs(directions.T @ found).max(axis=1) > 1 - 1e-9).all()


def test_no_chains_find_nothing() -> None:
    rows, _ = planted(5, 60)
    empty = np.zeros((0, 17), dtype=int)
    assert sparse_directions(np, rows, empty, Walk(), np.random.default_rng(0)).shape == (5, 0)


def test_what_chains_find_are_distinct_unit_directions_sparsest_first() -> None:
    rows, _ = planted(7, 80)
    sets = chains(len(rows), 7 + 12, 64)
    found = sparse_directions(np, rows, sets, Walk(20, 4), np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1)
    zeros = (np.abs(rows @ found) < 10 * EQUAL).sum(axis=0)
    assert zeros.min() >= 7 + 2
    assert (np.diff(zeros) <= 0).all()
    assert (np.abs(found.T @ found) - np.eye(found.shape[1])).max() < 1 - 1e-6


def test_chains_on_every_backend(space: Backend) -> None:
    """With numbers that are equal as far as the precision goes."""
    rows, directions = planted(5, 60)
    walk = Walk(20, 4, EQUAL if space.dtype == "float64" else COARSEST)
    found = sparse_directions(
        space.xp, space.asarray(rows), chains(len(rows), 5 + 12, 64), walk, np.random.default_rng(0)
    )
    close = np.abs(directions.T @ space.to_numpy(found)).max(axis=1)
    assert (close > 1 - (1e-9 if space.dtype == "float64" else 1e-4)).all()


def test_of_parallel_directions_that_with_most_zeros_stays() -> None:
    rng = np.random.default_rng(0)
    one, other, third = np.linalg.qr(rng.standard_normal((6, 3))).Q.T
    directions = np.stack([one, other, -one, third, other], axis=1)
    found = distinct(np, directions, np.array([9, 8, 12, 3, 7]), 4, 1e-6)
    np.testing.assert_array_equal(found, directions[:, [2, 1]])


@pytest.mark.parametrize(("noise", "gap"), [(1e-12, EQUAL), (1e-6, 3e-5), (1e-5, 3e-4), (1e-2, COARSEST)])
def test_the_gap_of_equal_numbers_follows_the_noise_between_two_limits(
    problem: Problem, noise: float, gap: float
) -> None:
    assert gap_of(replace(problem, noise_level=noise)) == pytest.approx(gap)


def test_a_device_follows_chains_that_a_warp_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Space, "fused", lambda _, name: name)
    space = space_of(np.ones(1))
    assert fused_follow(space, 32, 12) == "exchange"
    assert fused_follow(space, 33, 12) is None
    assert fused_follow(space, 8, 33) is None

"""The one door into the pool."""

import numpy as np
import pytest

from spear_xp.candidates import Pool
from spear_xp.candidates.screening import Screen
from spear_xp.reduction import Problem
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


@pytest.fixture
def true(problem: Problem, layer: LayerGradient) -> Floats:
    directions = true_recovery(problem, layer.inputs).directions
    return directions / np.linalg.norm(directions, axis=0)


def screen(problem: Problem, *, uses_layer: bool = True) -> Screen:
    return Screen(problem, Pool(problem), threshold=problem.rank + 2, uses_layer=uses_layer)


def test_true_directions_pass_once(problem: Problem, true: Floats) -> None:
    door = screen(problem)
    first, again = (door.admit(true, "told") for _ in range(2))
    assert (first.new, again.new) == (6, 0)
    assert len(door.pool) == 6
    assert first.work > again.work > 0  # looking at nothing new is work, too


def test_directions_that_are_a_little_off_are_made_exact(problem: Problem, true: Floats) -> None:
    door = screen(problem)
    off = true + 1e-7 * np.random.default_rng(0).standard_normal(true.shape)
    assert door.admit(off / np.linalg.norm(off, axis=0), "told").new == 6
    cosines = np.abs(true.T @ door.pool.directions).max(axis=0)
    assert (cosines > 1 - 1e-12).all()


@pytest.mark.parametrize("uses_layer", [True, False])
def test_random_directions_do_not_pass(problem: Problem, uses_layer: bool) -> None:
    door = screen(problem, uses_layer=uses_layer)
    random = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6))).Q
    assert door.admit(random, "random").new == 0


def test_mixtures_leave_the_pool_when_their_parts_are_there(problem: Problem, true: Floats) -> None:
    door = screen(problem, uses_layer=False)
    door.threshold = 1
    mixture = true[:, :1] + 0.5 * true[:, 1:2]
    door.admit(mixture / np.linalg.norm(mixture), "mixed")
    door.admit(true[:, :2], "told")
    assert [c.source for c in door.pool.candidates] == ["told", "told"]


def test_nothing_passes_without_time(problem: Problem, true: Floats) -> None:
    door = screen(problem)
    assert door.admit(true, "told", keep_going=lambda: False).new == 0
    assert len(door.pool) == 0


def test_the_layer_is_asked_only_where_a_strategy_uses_it(problem: Problem) -> None:
    assert screen(problem, uses_layer=True).separability is not None
    assert screen(problem, uses_layer=False).separability is None

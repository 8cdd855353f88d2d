"""Whose turn it is: by finds for each unit of work, never by seconds."""

from dataclasses import dataclass
from typing import Any

import pytest

from spear_xp.solver.runtime.schedule import Schedule, Turn


@dataclass(frozen=True)
class Named:
    """A strategy that is only a name."""

    name: str
    uses_layer: bool = False
    whole_masks: bool = False

    def propose(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


A, B, C = (Named(name) for name in "abc")


def run(schedule: Schedule, yields: dict[str, tuple[float, int]], turns: int) -> list[str]:
    """Names of the strategies in their order, each with the same work and finds every time."""
    names = []
    for _ in range(turns):
        (turn,) = schedule.round(1)
        schedule.record(turn, *yields[turn.strategy.name])
        names.append(turn.strategy.name)
    return names


def test_every_strategy_runs_once_in_the_given_order() -> None:
    assert run(Schedule([A, B, C]), dict.fromkeys("abc", (1.0, 0)), 3) == ["a", "b", "c"]


def test_the_one_that_finds_most_for_its_work_goes_on() -> None:
    names = run(Schedule([A, B]), {"a": (10.0, 5), "b": (1.0, 1)}, 40)
    assert names.count("b") > 30


def test_nobody_has_less_than_a_share_of_the_work() -> None:
    names = run(Schedule([A, B]), {"a": (1.0, 9), "b": (1.0, 0)}, 200)
    assert 0.06 < names.count("b") / 200 < 0.1


def test_one_that_had_nothing_to_try_waits_until_something_is_found() -> None:
    schedule = Schedule([A, B])
    run(schedule, {"a": (1.0, 0), "b": (0.0, 0)}, 2)
    assert run(schedule, {"a": (1.0, 0)}, 4) == ["a"] * 4
    schedule.record(Turn(A, 5), 1.0, 1)
    assert schedule.round(1) == [Turn(B, 0)]  # it has not had its first chunk yet


def test_chunks_are_numbered_by_those_that_did_some_work() -> None:
    schedule = Schedule([A])
    for chunk, work in ((0, 0.0), (0, 2.0), (1, 2.0), (2, 1.0)):
        (turn,) = schedule.round(1)
        assert turn == Turn(A, chunk)
        schedule.record(turn, work, 0)


def test_a_round_hands_out_different_chunks() -> None:
    schedule = Schedule([A, B])
    assert schedule.round(4) == [Turn(A, 0), Turn(B, 0), Turn(A, 1), Turn(A, 2)]
    assert schedule.round(4)[:2] == schedule.round(2)  # nothing is noted before it is done


def test_a_search_stalls_where_nobody_finds_anything_and_starts_again() -> None:
    schedule = Schedule([A, B])
    assert not schedule.stalled
    run(schedule, {"a": (1.0, 0), "b": (1.0, 0)}, 12)
    assert schedule.stalled
    schedule.restart()
    assert not schedule.stalled


@pytest.mark.parametrize("scale", [1e-6, 1e12])
def test_the_unit_of_work_does_not_matter(scale: float) -> None:
    yields = {"a": (3.0, 2), "b": (1.0, 1), "c": (7.0, 0)}
    scaled = {name: (scale * work, found) for name, (work, found) in yields.items()}
    assert run(Schedule([A, B, C]), yields, 60) == run(Schedule([A, B, C]), scaled, 60)

"""Limits, allowances and stages, by a clock that the test moves."""

import pytest

from spear_xp.solver.runtime.clock import Clock, for_seconds


class Hands:
    """A clock that shows what it is told to."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_a_time_limit_counts_from_the_start(hands: Hands) -> None:
    clock = Clock(2.0, now=hands)
    assert clock.before_limit()
    hands.time += 1.9
    assert clock.before_limit()
    hands.time += 0.2
    assert not clock.before_limit()


def test_a_work_limit_ends_a_run_whatever_the_time(hands: Hands) -> None:
    clock = Clock(2.0, 100.0, now=hands)
    clock.count(99.0)
    assert clock.before_limit()
    clock.count(1.0)
    assert not clock.before_limit()


def test_a_last_look_has_half_of_what_a_run_may_exceed_its_limit_by(hands: Hands) -> None:
    clock = Clock(10.0, now=hands)
    hands.time += 10.4
    assert clock.shortly_after()
    hands.time += 0.2
    assert not clock.shortly_after()


def test_a_part_of_a_run_has_a_share_of_both_limits(hands: Hands) -> None:
    clock = Clock(2.0, 100.0, now=hands)
    half = clock.within(0.5)
    assert half()
    clock.count(51.0)
    assert not half()
    assert clock.within(0.6)()
    hands.time += 1.3
    assert not clock.within(0.6)()
    assert clock.before_limit()


def test_a_share_of_what_is_left_is_kept_for_the_end(hands: Hands) -> None:
    clock = Clock(10.0, 100.0, now=hands)
    hands.time += 5.0
    clock.keep_for_the_end(0.1)
    hands.time += 4.4
    assert clock.searching()
    hands.time += 0.2
    assert not clock.searching()
    assert clock.before_limit()
    clock = Clock(10.0, 100.0, now=hands)
    clock.keep_for_the_end(0.1)
    clock.count(91.0)
    assert not clock.searching()
    assert clock.before_limit()


def test_an_allowance_is_a_share_of_the_work_so_far(hands: Hands) -> None:
    clock = Clock(10.0, now=hands)
    clock.count(100.0)
    keep_going = clock.allowance(0.1, unit=4.0)
    assert [keep_going() for _ in range(5)] == [True, True, True, False, False]
    assert clock.work == 112.0  # what was allowed counts as done


def test_an_allowance_does_not_depend_on_the_time_within_the_limit(hands: Hands) -> None:
    answers = []
    for pause in (0.0, 0.3):
        clock = Clock(10.0, now=hands)
        clock.count(100.0)
        keep_going = clock.allowance(0.1, unit=3.0)
        for _ in range(6):
            answers.append((pause, keep_going()))
            hands.time += pause
    assert [a for p, a in answers if p == 0.0] == [a for p, a in answers if p == 0.3]


def test_after_the_search_everything_that_is_left_is_allowed(hands: Hands) -> None:
    clock = Clock(10.0, now=hands)
    clock.keep_for_the_end(0.1)
    clock.count(10.0)
    hands.time += 9.5
    keep_going = clock.allowance(0.1, unit=5.0)
    assert all(keep_going() for _ in range(100))
    hands.time += 1.0
    assert not keep_going()


def test_seconds_of_a_stage_add_up_also_when_it_fails(hands: Hands) -> None:
    clock = Clock(10.0, now=hands)
    for _ in range(2):
        with clock.stage("one"):
            hands.time += 1.5
    with pytest.raises(ZeroDivisionError), clock.stage("two"):
        hands.time += 0.5 / (hands.time > 1e6)
    assert clock.seconds == {"one": 3.0, "two": 0.0}
    assert clock.elapsed == 3.0


def test_a_chunk_is_cut_short_by_seconds_and_not_by_work() -> None:
    clock = Clock(10.0, 5.0, now=lambda: 0.0)
    clock.count(6.0)
    assert clock.in_time()
    assert not clock.searching()
    assert clock.seconds_left == 10.0


def test_a_search_goes_on_where_an_earlier_run_was() -> None:
    clock = Clock(10.0, now=lambda: 0.0)
    clock.seconds = {"factorize": 1.0}
    clock.go_on(7.0, {"factorize": 2.0, "screen": 3.0}, 8.0)
    assert clock.work == 7.0
    assert clock.elapsed == 8.0
    assert clock.seconds == {"factorize": 3.0, "screen": 3.0}


def test_seconds_of_a_worker_run_out() -> None:
    assert for_seconds(60.0)()
    assert not for_seconds(-1.0)()


def test_limits_come_down_where_more_would_gain_nothing(hands: Hands) -> None:
    clock = Clock(10.0, 100.0, now=hands)
    clock.leave(0.1)
    assert (clock.time_limit, clock.search_time, clock.work_limit, clock.search_work) == (
        1.0,
        1.0,
        10.0,
        10.0,
    )
    clock.count(11.0)
    assert not clock.before_limit()

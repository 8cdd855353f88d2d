"""Enters: a time limit and a work limit. Leaves: whether to go on, and what each stage took.

A search reads the time here alone. Seconds only end a run; whatever a search decides on the way it decides
by counted work, so that the same seed gives the same run on a busy machine.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spear_xp.numerics.work import KeepGoing

__all__ = ["Clock", "for_seconds"]


def for_seconds(seconds: float) -> KeepGoing:
    """A `KeepGoing` that says yes for so long from now."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


LATE_SHARE, LATE = 0.05, 0.125  # derived: half of a tenth of the limit, half of a quarter of a second


class Clock:
    """Both limits of a search, and what has been used of them.

    Parameters
    ----------
    time_limit : float
        Seconds from `started`.
    work_limit : float, optional
        Multiply-adds as `numerics.work` counts them.
    now : callable
        Seconds of a clock that never goes back.
    started : float, optional
        Its reading at the start, if that was earlier.

    Attributes
    ----------
    work : float
        Multiply-adds counted so far.
    seconds : dict of str to float
        Time by stage.
    """

    def __init__(
        self,
        time_limit: float,
        work_limit: float | None = None,
        *,
        now: Callable[[], float] = time.perf_counter,
        started: float | None = None,
    ) -> None:
        self._now = now
        self.started = now() if started is None else started
        self.time_limit, self.work_limit = time_limit, math.inf if work_limit is None else work_limit
        self.search_time, self.search_work = self.time_limit, self.work_limit
        self.work = 0.0
        self.seconds: dict[str, float] = {}

    def keep_for_the_end(self, share: float) -> None:
        """Let the search itself end before the limits do, by a share of what is left of them now."""
        self.search_time -= share * max(0.0, self.time_limit - self.elapsed)
        if self.work_limit < math.inf:
            self.search_work -= share * (self.work_limit - self.work)

    def leave(self, share: float) -> None:
        """Bring both limits down to a share of what they are, where more would gain nothing."""
        self.time_limit, self.search_time = share * self.time_limit, share * self.search_time
        self.work_limit, self.search_work = share * self.work_limit, share * self.search_work

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._now() - self.started

    def before_limit(self) -> bool:
        """Whether neither limit is reached."""
        return self.elapsed < self.time_limit and self.work < self.work_limit

    def shortly_after(self) -> bool:
        """Whether the time limit is exceeded by less than half of what a run may: for a last look."""
        return self.elapsed < self.time_limit + max(LATE_SHARE * self.time_limit, LATE)

    def searching(self) -> bool:
        """Whether the search itself goes on: neither limit is reached, less what is kept for the end."""
        return self.elapsed < self.search_time and self.work < self.search_work

    def in_time(self) -> bool:
        """The same, but for seconds alone: a chunk has the work that was left when its round began."""
        return self.elapsed < self.search_time

    @property
    def seconds_left(self) -> float:
        """Until the search itself has to end."""
        return self.search_time - self.elapsed

    def within(self, share: float) -> KeepGoing:
        """Whether less than a share of both limits is used."""
        return lambda: self.elapsed < share * self.time_limit and self.work < share * self.work_limit

    def count(self, work: float) -> None:
        """Add to the work done."""
        self.work += work

    def go_on(self, work: float, seconds: dict[str, float], elapsed: float) -> None:
        """Begin where an earlier run of the same search was: both limits are those of the whole search."""
        self.work = work
        self.started -= elapsed
        for name, spent in seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

    def allowance(self, share: float, unit: float) -> KeepGoing:
        """A `KeepGoing` for a part of the work done so far; once the search is over, for all that is left.

        Parameters
        ----------
        share : float
            Of the work so far.
        unit : float
            Work that follows each question with the answer yes.
        """
        end = self.work + share * self.work if self.searching() else math.inf

        def keep_going() -> bool:
            if self.work >= end or not self.before_limit():
                return False
            self.count(unit)
            return True

        return keep_going

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        since = self._now()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._now() - since

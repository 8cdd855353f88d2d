"""Enters: a time limit and a work limit. Leaves: whether to go on, and what each stage took.

A search reads the time here alone. Seconds only end a run; whatever a search decides on the way it decides
by counted work, so that the same seed gives the same run on a busy machine.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spear_xp.numerics.work import KeepGoing

__all__ = ["Clock"]


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

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._now() - self.started

    def before_limit(self) -> bool:
        """Whether neither limit is reached."""
        return self.elapsed < self.time_limit and self.work < self.work_limit

    def searching(self) -> bool:
        """Whether the search itself goes on: neither limit is reached, less what is kept for the end."""
        return self.elapsed < self.search_time and self.work < self.search_work

    def within(self, share: float) -> KeepGoing:
        """Whether less than a share of both limits is used."""
        return lambda: self.elapsed < share * self.time_limit and self.work < share * self.work_limit

    def count(self, work: float) -> None:
        """Add to the work done."""
        self.work += work

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

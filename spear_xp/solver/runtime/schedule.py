"""Enters: strategies and what they yielded. Leaves: which one runs next, by finds for each unit of work."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spear_xp.reduction.protocol import Strategy

__all__ = ["Schedule", "Turn"]

# chosen: chunks without a find after which a strategy counts as stalled; fewer drop candidates too early
IDLE = 4
FORGET = 0.3  # chosen: weight of the past in a rate: what a strategy yields changes as the search goes on
FADED = 0.2  # chosen: finds, so weighted, that count as none; a larger value gives up on a strategy sooner
SHARE = 0.08  # measured: of all work that any strategy may do, whatever it found (lab.md, "The loop")


class Turn(NamedTuple):
    """One chunk of one strategy."""

    strategy: Strategy
    chunk: int


@dataclass(slots=True, eq=False)
class _Record:
    strategy: Strategy
    chunk: int = 0
    gain: float = 0.0
    cost: float = 0.0
    spent: float = 0.0
    in_vain: float = 0.0
    idle: int = 0
    waits: bool = False

    @property
    def rate(self) -> float:
        """Recent finds for each unit of work; zero when they are too long ago."""
        return self.gain / self.cost if self.gain > FADED else 0.0


@dataclass(slots=True)
class Schedule:
    """Gives the next chunk to the strategy that finds most new directions for its work.

    Every strategy runs once, in the given order, and whenever it has had less than its share of the work.
    One that finds nothing falls to rate zero; those share the work. One that had nothing to try waits
    until something is found.

    Attributes
    ----------
    strategies : sequence of Strategy
    """

    strategies: Sequence[Strategy]
    records: list[_Record] = field(init=False)

    def __post_init__(self) -> None:
        self.records = [_Record(strategy) for strategy in self.strategies]

    def round(self, size: int) -> list[Turn]:
        """The next turns, several of one strategy where that is best; the same for any number of workers."""
        handed: Counter[int] = Counter()
        turns = []
        for _ in range(size):
            i = self._best(handed)
            turns.append(Turn(self.strategies[i], self.records[i].chunk + handed[i]))
            handed[i] += 1
        return turns

    def _best(self, handed: Counter[int]) -> int:
        ready = [i for i, r in enumerate(self.records) if not r.waits] or list(range(len(self.records)))
        for i in ready:
            if self.records[i].chunk + handed[i] == 0:
                return i
        least = min(ready, key=lambda i: self.records[i].spent)
        if self.records[least].spent < SHARE * sum(self.records[i].spent for i in ready):
            return least
        return max(ready, key=lambda i: (self.records[i].rate, -self.records[i].in_vain))

    def record(self, turn: Turn, work: float, found: int) -> None:
        """Note the work of a turn, zero if there was nothing to try, and the new directions it found."""
        if found:
            self.wake()
        record = next(r for r in self.records if r.strategy is turn.strategy)
        record.idle = 0 if found else record.idle + 1
        if not work:
            record.waits = True
            return
        record.chunk = max(record.chunk, turn.chunk + 1)
        record.gain = FORGET * record.gain + found
        record.cost = FORGET * record.cost + work
        record.spent += work
        record.in_vain = 0.0 if found else record.in_vain + work

    def wake(self) -> None:
        """Let strategies that had nothing to try look again: the pool has changed."""
        for record in self.records:
            record.waits = False

    @property
    def chunks(self) -> int:
        """Chunks that every strategy has had which had something to try."""
        return min((record.chunk for record in self.records if not record.waits), default=0)

    @property
    def stalled(self) -> bool:
        """Whether every strategy came back empty-handed again and again since the last restart."""
        return all(record.idle >= IDLE or record.waits for record in self.records)

    def restart(self) -> None:
        """Forget that nothing was found, because the pool has changed."""
        self.wake()
        for record in self.records:
            record.idle = 0

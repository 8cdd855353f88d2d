"""Enters: strategies and what they yielded. Leaves: which one runs next, by measured progress per second."""

from dataclasses import dataclass, field

from spear_xp.reduction.protocol import Strategy

__all__ = ["Schedule"]

IDLE = 4  # chunks without a find after which a strategy counts as stalled
FORGET = 0.3  # weight of the past in a rate: what a strategy yields changes as the search goes on
FADED = 0.2  # finds, so weighted, that count as none
SHARE = 0.08  # of all time that any strategy may spend, whatever it found: its hour may still come


@dataclass(slots=True)
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
        """Recent finds per second; zero when they are too long ago."""
        return self.gain / max(self.cost, 1e-9) if self.gain > FADED else 0.0


@dataclass(slots=True)
class Schedule:
    """Gives the next chunk to the strategy that finds most new directions per second.

    Every strategy runs once, in the given order, and whenever it has had less than its share of the time.
    One that finds nothing falls to rate zero; those share the time. One that had nothing to try waits
    until something is found.

    Attributes
    ----------
    strategies : list of Strategy
    """

    strategies: list[Strategy]
    records: list[_Record] = field(init=False)

    def __post_init__(self) -> None:
        self.records = [_Record(strategy) for strategy in self.strategies]

    def next(self) -> tuple[Strategy, int]:
        """The strategy to run and the number of its chunk."""
        record = self._best()
        return record.strategy, record.chunk

    def _best(self) -> _Record:
        ready = [r for r in self.records if not r.waits] or self.records
        for record in ready:
            if record.chunk == 0:
                return record
        least = min(ready, key=lambda r: r.spent)
        if least.spent < SHARE * sum(r.spent for r in ready):
            return least
        return max(ready, key=lambda r: (r.rate, -r.in_vain))

    def record(self, strategy: Strategy, drawn: int, found: int, seconds: float) -> None:
        """Note that a chunk of a strategy drew some samples and found some new directions in some seconds."""
        if found:
            self.wake()
        record = next(r for r in self.records if r.strategy is strategy)
        record.idle = 0 if found else record.idle + 1
        if not drawn:
            record.waits = True
            return
        record.chunk += 1
        record.gain = FORGET * record.gain + found
        record.cost = FORGET * record.cost + seconds
        record.spent += seconds
        record.in_vain = 0.0 if found else record.in_vain + seconds

    def wake(self) -> None:
        """Let strategies that had nothing to try look again: the pool has changed."""
        for record in self.records:
            record.waits = False

    @property
    def stalled(self) -> bool:
        """Whether every strategy came back empty-handed again and again since the last restart."""
        return all(record.idle >= IDLE or record.waits for record in self.records)

    def restart(self) -> None:
        """Forget that nothing was found, because the pool has changed."""
        self.wake()
        for record in self.records:
            record.idle = 0

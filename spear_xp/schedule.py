"""Enters: strategies and what they yielded. Leaves: which one runs next, by measured progress per second."""

from dataclasses import dataclass, field

from spear_xp.search.base import Strategy

__all__ = ["Schedule"]

IDLE = 4  # chunks without a find after which a strategy counts as stalled
FORGET = 0.3  # weight of the past in a rate: what a strategy yields changes as the search goes on


@dataclass(slots=True)
class _Record:
    strategy: Strategy
    chunk: int = 0
    gain: float = 0.0
    cost: float = 0.0
    idle: int = 0


@dataclass(slots=True)
class Schedule:
    """Gives the next chunk to the strategy that finds most new directions per second.

    Every strategy runs once, in the given order. One that finds nothing falls to rate zero; those take
    turns.

    Attributes
    ----------
    strategies : list of Strategy
    """

    strategies: list[Strategy]
    records: list[_Record] = field(init=False)

    def __post_init__(self) -> None:
        self.records = [_Record(strategy) for strategy in self.strategies]

    def next(self, urgent: str | None = None) -> tuple[Strategy, int]:
        """The strategy to run and the number of its chunk; the one named `urgent` if there is one."""
        record = next((r for r in self.records if r.strategy.name == urgent), None) or self._best()
        return record.strategy, record.chunk

    def _best(self) -> _Record:
        for record in self.records:
            if record.chunk == 0:
                return record
        return max(self.records, key=lambda r: (r.gain / max(r.cost, 1e-9) if r.gain > 0.2 else 0.0, -r.idle))

    def record(self, strategy: Strategy, found: int, seconds: float) -> None:
        """Note that a chunk of a strategy found some new directions in some seconds."""
        record = next(r for r in self.records if r.strategy is strategy)
        record.chunk += 1
        record.gain = FORGET * record.gain + found
        record.cost = FORGET * record.cost + seconds
        record.idle = 0 if found else record.idle + 1

    @property
    def stalled(self) -> bool:
        """Whether every strategy came back empty-handed again and again since the last restart."""
        return all(record.idle >= IDLE for record in self.records)

    def restart(self) -> None:
        """Forget that nothing was found: the pool has changed."""
        for record in self.records:
            record.idle = 0

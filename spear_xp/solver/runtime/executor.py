"""Enters: the turns of a round. Leaves: what their strategies propose, in the order of the turns."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from spear_xp.numerics.work import KeepGoing
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.solver.runtime.schedule import Turn

__all__ = ["Executor", "Serial"]


class Executor(Protocol):
    """Runs the turns of a round, here or elsewhere; all of them see what was known at its start."""

    def run(
        self, turns: Sequence[Turn], problem: Problem, known: Known, seed: int, keep_going: KeepGoing
    ) -> Iterator[Proposals]:
        """The proposals of each turn, in the order of the turns, whichever is done first."""
        ...


class Serial:
    """One turn after the other, in this process."""

    def run(
        self, turns: Sequence[Turn], problem: Problem, known: Known, seed: int, keep_going: KeepGoing
    ) -> Iterator[Proposals]:
        """The proposals of each turn, worked out when they are asked for."""
        for turn in turns:
            yield turn.strategy.propose(problem, known, seed, turn.chunk, keep_going=keep_going)

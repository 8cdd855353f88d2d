"""Enters: the turns of a round. Leaves: what their strategies propose, in the order of the turns.

All turns of a round see what was known at its start, and a chunk is a pure function of that. So it makes no
difference where a chunk runs, nor which one is done first.
"""

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor as Workers
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.backend import on_its_device
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.runtime.schedule import Turn
from spear_xp.solver.runtime.worker import dumps, loads, propose, token_of

__all__ = ["Executor", "Processes", "Serial", "Threads", "executor_of"]


class Executor(Protocol):
    """Runs the turns of a round, here or elsewhere."""

    def run(
        self, turns: Sequence[Turn], problem: Problem, known: Known, seed: int, clock: Clock
    ) -> Iterator[Proposals]:
        """The proposals of each turn, in the order of the turns, whichever is done first."""
        ...


class Serial:
    """One turn after the other, in this process."""

    def run(
        self, turns: Sequence[Turn], problem: Problem, known: Known, seed: int, clock: Clock
    ) -> Iterator[Proposals]:
        """The proposals of each turn, worked out when they are asked for."""
        for turn in turns:
            yield turn.strategy.propose(problem, known, seed, turn.chunk, keep_going=clock.in_time)


class Threads:
    """Turns side by side in threads of this process."""

    def __init__(self, workers: ThreadPoolExecutor) -> None:
        self.workers = workers

    def run(
        self, turns: Sequence[Turn], problem: Problem, known: Known, seed: int, clock: Clock
    ) -> Iterator[Proposals]:
        """All turns at once."""
        futures = [
            self.workers.submit(
                on_its_device(turn.strategy.propose),
                problem,
                known,
                seed,
                turn.chunk,
                keep_going=clock.in_time,
            )
            for turn in turns
        ]
        try:
            for future in futures:
                yield future.result()
        finally:
            _cancel(futures)


class Processes:
    """Turns side by side in other processes, on this machine or elsewhere.

    The problem goes to a worker when it says that it has none, which is once. A chunk whose worker has died
    runs again in this process.
    """

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self._problem: Problem | None = None
        self._packed, self._token = b"", ""
        self._asked: set[str] = set()  # workers that the problem is on its way to

    def run(
        self, turns: Sequence[Turn], problem: Problem, known: Known, seed: int, clock: Clock
    ) -> Iterator[Proposals]:
        """All turns at once."""
        if len(turns) == 1:  # nothing is beside it
            yield from Serial().run(turns, problem, known, seed, clock)
            return
        if self._problem is not problem:
            self._problem, self._packed = problem, dumps(problem)
            self._token, self._asked = token_of(self._packed), set()
        knowledge = dumps(known)
        words = [(dumps((turn.strategy, seed, turn.chunk)), clock.seconds_left) for turn in turns]
        futures = [self._submit(None, knowledge, *word) for word in words]
        try:
            for turn, word, future in zip(turns, words, futures, strict=True):
                yield self._result(future, knowledge, *word) or next(
                    Serial().run([turn], problem, known, seed, clock)
                )
        finally:
            _cancel(futures)

    def _submit(self, packed: bytes | None, *words: Any) -> "Future[bytes | str] | None":
        try:
            return self.workers.submit(propose, self._token, packed, *words)
        except RuntimeError as error:  # a pool of which a worker has died takes no more work
            _warn(error)
            return None

    def _result(self, future: "Future[bytes | str] | None", *words: Any) -> Proposals | None:
        """What a worker hands back; None if it has died. An error of the strategy itself is raised."""
        asked = False
        while future is not None:
            try:
                answer = future.result()
            except Exception as error:  # noqa: BLE001  # each library has its own name for a dead worker
                _warn(error)
                return None
            if isinstance(answer, bytes):
                found: Proposals | Exception = loads(answer)
                if isinstance(found, Exception):
                    raise found
                return found
            # A worker that asks for the problem gets it. If it has asked before, for a chunk that came at the
            # same time, it has it by now; if the chunk comes back once more, the problem goes along.
            send = asked or answer not in self._asked
            asked = True
            self._asked.add(answer)
            future = self._submit(self._packed if send else None, *words)
        return None


def executor_of(workers: Workers | None) -> Executor:
    """What runs turns on the given workers, or in this process where none are given.

    Raises
    ------
    ArgumentRangeError
        If it is no executor of `concurrent.futures`.
    """
    if workers is None:
        return Serial()
    if not isinstance(workers, Workers):
        msg = f"executor={workers!r}: need a concurrent.futures.Executor"
        raise ArgumentRangeError(msg)
    return Threads(workers) if isinstance(workers, ThreadPoolExecutor) else Processes(workers)


def _cancel(futures: Sequence["Future[Any] | None"]) -> None:
    for future in futures:
        if future is not None:
            future.cancel()


def _warn(error: Exception) -> None:
    warnings.warn(f"a worker is gone, its chunk runs here: {error!r}", RuntimeWarning, stacklevel=2)

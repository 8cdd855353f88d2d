"""Enters: a problem, its strategies and what was asked. Leaves: a search that has begun, and its observer."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from spear_xp.candidates.threshold import sparsity_threshold
from spear_xp.diagnosis.arrays import of_arrays
from spear_xp.diagnosis.findings import beyond_edge
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Strategy
from spear_xp.solver.call.factors import LowRank
from spear_xp.solver.call.missing import Reading
from spear_xp.solver.published import solve_published
from spear_xp.solver.result import Progress
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.runtime.executor import Executor
from spear_xp.solver.solver import Observer, Search, solve
from spear_xp.strategies.sampling import Sampling

__all__ = ["begun", "method_of", "observer_of", "published_alone"]


def published_alone(strategies: Sequence[Strategy]) -> Sampling | None:
    """The published attack where it runs alone: it has a loop of its own."""
    first = strategies[0]
    return first if len(strategies) == 1 and isinstance(first, Sampling) else None


def begun(
    problem: Problem,
    strategies: Sequence[Strategy],
    reading: Reading,
    factors: LowRank,
    clock: Clock,
) -> Search:
    """A search at its start, with what the arrays show; what none can overcome is its obstacle."""
    _, factorization, decay = factors
    state = Search.begin(problem, strategies, _threshold(problem, strategies))
    state.expected, state.spectrum = factorization.expected, factorization.spectrum
    state.weight_decay = decay.of_weight
    with clock.stage("diagnosis"):
        state.diagnosis = of_arrays(
            reading.gradient, factorization, decay, reading.completion, reading.entries
        ) + beyond_edge(problem)
    state.completed = 0.0 if reading.completion is None else 1 - reading.completion.share
    state.obstacle = reading.obstacle or next((one for one in state.diagnosis if one.hopeless), None)
    return state


def method_of(strategies: Sequence[Strategy], executor: Executor | None, rounds: int) -> Callable[..., None]:
    """What runs a search: the loop of all strategies, or that of the published attack."""
    alone = published_alone(strategies)
    if alone is not None:
        return partial(solve_published, sampler=alone)
    return partial(solve, executor=executor, rounds=rounds)


def _threshold(problem: Problem, strategies: Sequence[Strategy]) -> int | None:
    """That of the published attack; the kernels of other strategies are confirmed by spare rows."""
    alone = published_alone(strategies)
    return None if alone is None else sparsity_threshold(problem.width, problem.rank, alone.false_rejection)


def observer_of(problem: Problem, clock: Clock, on_progress: Callable[[Progress], None] | None) -> Observer:
    """What is called after every round, from what the caller wants to be told."""

    def observe(search: Search, strategy: str, stage: Any = "search") -> None:
        if on_progress is None:
            return
        seconds = clock.elapsed
        on_progress(
            Progress(
                stage=stage,
                strategy=strategy,
                certified=search.best.certified,
                batch_size=problem.rank,
                candidates=len(search.pool),
                samples_drawn=search.drawn,
                rate=search.drawn / max(seconds, 1e-9),
                seconds=seconds,
            )
        )

    return observe

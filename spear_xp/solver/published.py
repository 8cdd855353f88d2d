"""Enters: a `Problem` and the sampler. Leaves: the best set that the attack as published finds.

Sample subsets of rows, keep directions with many zeros, select greedily, recover (Dimitrov et al. 2024). The
certificate is added; nothing else of the default search takes part.
"""

from collections.abc import Callable

from spear_xp.candidates.refit import filter_directions
from spear_xp.candidates.selection import greedy_selection
from spear_xp.reduction.problem import Problem
from spear_xp.solver.assessment import FullSet
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.saving.checkpoint import Checkpoint
from spear_xp.solver.solver import Observer, Search
from spear_xp.strategies.sampling import Sampling

__all__ = ["solve_published"]


def solve_published(
    problem: Problem,
    sampler: Sampling,
    search: Search,
    clock: Clock,
    *,
    seed: int,
    observer: Observer = lambda *_: None,
    checkpoint: Checkpoint | None = None,
    enough: Callable[[Search], bool] = lambda _: False,
) -> None:
    """Sample until a set is certified or a limit is reached; arguments as `solve` has them."""
    pool, best, record = search.pool, search.best, search.schedule.records[0]
    checkpoint = Checkpoint() if checkpoint is None else checkpoint
    checkpoint.resume(search, None, clock)
    while not (best.complete or enough(search)) and clock.searching():
        checkpoint.keep(search, None, clock)
        with clock.stage(sampler.name):
            proposals = sampler.propose(problem, pool.known, seed, record.chunk, keep_going=clock.searching)
        with clock.stage("screen"):
            found = filter_directions(
                problem,
                pool.new(proposals.directions),
                threshold=search.threshold if problem.rank > 1 else 0,
                source=sampler.name,
                keep_going=clock.searching,
            )
            added = sum(pool.extend(found))
        record.chunk, search.drawn = record.chunk + 1, search.drawn + proposals.drawn
        clock.count(proposals.work)
        if added and len(pool) >= problem.rank:
            with clock.stage("select"):
                chosen, _ = greedy_selection(problem, pool.candidates, keep_going=clock.before_limit)
            with clock.stage("certify"):
                if len(chosen) == problem.rank:
                    best.consider(FullSet(problem, tuple(chosen)), clock.before_limit)
        observer(search, sampler.name)
    checkpoint.keep(search, None, clock, now=True)
    with clock.stage("sharpen"):
        best.sharpen(clock.before_limit)

"""Enters: a `Problem` and strategies. Leaves: the best set of samples that a search has found.

The only loop of the default search. Seconds end it, and after that let the
last attempts run on; all else goes by counted work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spear_xp.candidates.pool import Pool
from spear_xp.candidates.screening import Screen
from spear_xp.diagnosis.causes import Cause
from spear_xp.diagnosis.findings import no_direction
from spear_xp.diagnosis.masks import ENOUGH, OF_MASKS, of_masks, refuted
from spear_xp.geometry.nullspaces import CONFIRMING
from spear_xp.numerics.backend import Array
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Strategy
from spear_xp.solver.assessment import FullSet, assessment_work
from spear_xp.solver.incumbent import Incumbent
from spear_xp.solver.partial_sets import PartialSets
from spear_xp.solver.repair import repair
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.runtime.executor import Executor, Serial
from spear_xp.solver.runtime.schedule import Schedule, Turn
from spear_xp.solver.saving.checkpoint import Checkpoint

__all__ = ["Observer", "Search", "solve"]

WIDE = 4  # chosen: rows for each sample, from which the first descents find most directions
FRUITLESS_CHUNKS = 3  # chosen: chunks of every strategy without one direction, after which there is none
UNPROVABLE = 0.1  # chosen: share of both limits that a search has where noise keeps it from every proof
REPAIRS = 4  # chosen: full sets in a row, as long as each mends the one before; more delay the strategies

Observer = Callable[..., None]  # told of the search and of the name of a strategy, after every round


@dataclass(slots=True, eq=False)
class Search:
    """State of a search; it holds what has been found at any moment, however the search ends.

    Attributes
    ----------
    pool : Pool
        Candidates.
    best : Incumbent
        The best full set.
    schedule : Schedule
        Whose turn it is.
    threshold : int
        Zero rows that a candidate needs.
    drawn : int
        Samples drawn, or starts made.
    obstacle : Cause or None
        Why the search cannot succeed; None as long as it may.
    diagnosis : tuple of Cause
        What the arrays alone show.
    judged : bool
        Whether the layer was held against what was found first.
    expected : int or None
        Batch size that the caller gave.
    weight_decay : float
        Multiple of the weights that was taken out of the update.
    completed : float
        Share of the entries that was missing and was completed.
    spectrum : array, shape (k,)
        Leading singular values of the scaled gradient, also those beyond the rank.
    """

    pool: Pool
    best: Incumbent
    schedule: Schedule
    threshold: int
    drawn: int = 0
    obstacle: Cause | None = None
    diagnosis: tuple[Cause, ...] = ()
    judged: bool = False
    expected: int | None = None
    weight_decay: float = 0.0
    completed: float = 0.0
    spectrum: Array = None

    @classmethod
    def begin(
        cls, problem: Problem, strategies: Sequence[Strategy], threshold: int | None = None
    ) -> "Search":
        """With nothing found; kernels are confirmed by spare rows unless a threshold is given."""
        least = problem.rank + CONFIRMING if threshold is None else threshold
        return cls(Pool(problem), Incumbent(problem), Schedule(strategies), least)


def solve(
    problem: Problem,
    search: Search,
    clock: Clock,
    *,
    seed: int,
    executor: Executor | None = None,
    observer: Observer = lambda *_: None,
    checkpoint: Checkpoint | None = None,
    rounds: int = 1,
    enough: Callable[[Search], bool] = lambda _: False,
) -> None:
    """Strategies propose, the screen admits, the pool keeps; full sets are assessed and repaired.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    search : Search
        Changed in place.
    clock : Clock
        Its limits end the search; what is found until then stays.
    seed : int
        Of all random numbers.
    executor : Executor, optional
        Runs the turns; one after the other where not given.
    observer : callable
        Told after every round.
    checkpoint : Checkpoint, optional
        Has the state to begin with, and keeps it at the start of a round.
    rounds : int
        Turns of a round: they see the same state of the pool, so that workers may run them side by side.
    enough : callable
        Asked after a find; the search stays as it is when the answer is yes.
    """
    pool, best, schedule = search.pool, search.best, search.schedule
    executor = Serial() if executor is None else executor
    uses_layer = any(strategy.uses_layer for strategy in schedule.strategies)
    screen = Screen(problem, pool, threshold=search.threshold, uses_layer=uses_layer)
    if any(one.name == "noise edge" for one in search.diagnosis):
        clock.leave(UNPROVABLE)
    partial = PartialSets(problem, pool, screen, best, clock)
    checkpoint = Checkpoint() if checkpoint is None else checkpoint
    checkpoint.resume(search, partial, clock)
    while not (best.complete or best.revisited) and clock.searching():
        checkpoint.keep(search, partial, clock)
        turns = schedule.round(rounds)
        if _take(turns, problem, search, screen, clock, seed, executor):
            partial.note_find()
            pool.solve_duals()
            partial.add_last()
            for _ in range(REPAIRS):
                if not _assess(problem, search, partial, clock):
                    break
            if enough(search):
                return
        elif schedule.stalled:
            pool.drop_doubtful(partial.complete_sets())
            schedule.restart()
        elif partial.due:
            partial.complete_sets()
        if not search.judged and len(pool) >= ENOUGH and not best.certified:
            search.judged = True
            search.diagnosis += refuted(problem, pool.candidates)
        observer(search, turns[-1].strategy.name)
        search.obstacle = _obstacle(problem, search)
        if search.obstacle:
            return
    with clock.stage("diagnosis"):
        _note_masks(problem, search, clock)
    checkpoint.keep(search, partial, clock, now=True)
    partial.finish()
    with clock.stage("sharpen"):
        best.sharpen(clock.before_limit)


def _obstacle(problem: Problem, search: Search) -> Cause | None:
    """Why nothing can be found, where not even one direction was on a layer wide enough for many."""
    empty = not len(search.pool) and not search.pool.shared.kernels
    wide = problem.width >= WIDE * problem.rank
    if not (empty and wide and search.schedule.chunks >= FRUITLESS_CHUNKS):
        return None
    return no_direction(problem, search.diagnosis)


def _note_masks(problem: Problem, search: Search, clock: Clock) -> None:
    """Why masks contradict zero patterns, where nothing is certified, in time for it."""
    best = search.best.best
    if not search.best.certified and not OF_MASKS & {one.name for one in search.diagnosis}:
        found = None if best is None else best.samples, None if best is None else best.certificate
        search.diagnosis += of_masks(problem, search.pool.candidates, *found, clock.before_limit)


def _take(
    turns: list[Turn],
    problem: Problem,
    search: Search,
    screen: Screen,
    clock: Clock,
    seed: int,
    executor: Executor,
) -> int:
    """One round: what its strategies propose, through the screen into the pool. Returns how many are new."""
    added = 0
    proposed = executor.run(turns, problem, search.pool.known, seed, clock)
    for turn in turns:
        with clock.stage(turn.strategy.name):
            proposals = next(proposed)
        with clock.stage("screen"):
            admitted = screen.admit(
                proposals.directions,
                turn.strategy.name,
                whole_masks=turn.strategy.whole_masks,
                keep_going=clock.searching,
            )
        search.pool.shared.mark_tried(proposals.tried)
        work = proposals.work + admitted.work if proposals.work else 0.0  # nothing was tried
        search.schedule.record(turn, work, admitted.new)
        search.drawn += proposals.drawn
        clock.count(proposals.work + admitted.work)
        added += admitted.new
    return added


def _assess(problem: Problem, search: Search, partial: PartialSets, clock: Clock) -> bool:
    """Assess the full set of the pool, if there is one. Returns whether a repair replaced a candidate."""
    pool, best = search.pool, search.best
    chosen = pool.full_set()
    if chosen is None:
        return False
    full = FullSet(problem, tuple(chosen))
    with clock.stage("certify"):
        clock.count(assessment_work(problem))
        found = best.consider(full, clock.before_limit)
    if found is None or best.complete:
        return False
    attempt = best.count_visit(full)
    with clock.stage("repair"):
        partial.mend(found.samples.directions)
        again = repair(
            pool,
            full.chosen,
            found,
            threshold=search.threshold,
            attempt=attempt,
            keep_going=clock.before_limit,
        )
    search.schedule.wake()
    return again

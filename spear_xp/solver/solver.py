"""Enters: a `Problem`. Leaves: the best set of samples that a search has found, each proven or not.

The only loop of the library: strategies propose directions, the filter refits them, the pool keeps
the distinct ones; as soon as b of them are independent, inputs are recovered and certified.
"""

import time
from collections.abc import Callable
from typing import Any

from spear_xp.candidates.pool import Entry, Pool
from spear_xp.candidates.refit import Candidate
from spear_xp.candidates.screening import Screen
from spear_xp.candidates.selection import greedy_selection
from spear_xp.candidates.separability import SeparabilityTest
from spear_xp.numerics.backend import Array, to_host
from spear_xp.recovery.nuisance import Nuisance, last_direction
from spear_xp.recovery.samples import to_inputs
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Strategy
from spear_xp.solver.incumbent import Judge
from spear_xp.solver.outcome import outcome_of
from spear_xp.solver.partial_sets import Guessing, completions
from spear_xp.solver.repair import freeze, repair
from spear_xp.solver.result import Progress, Result, Status
from spear_xp.solver.runtime.schedule import Schedule
from spear_xp.strategies.portfolio import STRATEGIES, WITHOUT_LAYER

__all__ = ["Solver"]

CIRCLES = 16  # returns of the same full set after which nothing better is to be expected
GUESSING = 0.1  # of the time so far, for one guess; of the limit, for those in the end
FRUITLESS = 0.5  # of the time since the last find, for guesses
QUIET = 0.2  # of the time so far without a find, from which guesses are made
FEW_MISSING = 24  # directions, so many that a guess at them is worth its time
REPAIRS = 4  # full sets in a row, as long as each mends the one before


class Solver:
    """State of one search; every field survives an interruption at any point."""

    def __init__(
        self,
        problem: Problem,
        search: str,
        threshold: int,
        started: float,
        time_limit: float,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.problem, self.threshold, self.on_progress = problem, threshold, on_progress
        self.schedule = Schedule(STRATEGIES[search](problem))
        self.published = search == "sampling"
        # Nothing passes where the weights are not those of the step; then the certificate has to say so.
        mask_test = None if search in WITHOUT_LAYER else SeparabilityTest.of(problem)
        self.started, self.limit = started, started + time_limit
        self.last_find, self.guessed = started, 0.0
        self.pool, self.judge = Pool(problem), Judge(problem)
        self.intake = Screen(self.pool, mask_test, threshold, self.in_time)
        self.guessing = None if mask_test is None else Guessing(self.intake, self.judge)
        self.deadline = started + (1.0 if self.guessing is None else 1 - GUESSING) * time_limit
        self.tried: dict[int, int] = {}
        self.drawn = 0
        self.seconds: dict[str, float] = {}

    def spent(self, stage: str, since: float) -> None:
        """Add the time since a moment to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since

    def in_time(self) -> bool:
        """Whether the time limit has not passed."""
        return time.perf_counter() < self.deadline

    @property
    def done(self) -> bool:
        """Whether nothing is left to search for."""
        return self.judge.conclusive or self.judge.certified == self.problem.rank

    @property
    def in_circles(self) -> bool:
        """Whether one full set came back again and again, and steering found nothing to mend in it."""
        return max(self.tried.values(), default=0) >= CIRCLES

    def run(self, seed: int) -> Status:
        """Search until everything is certified or time is up."""
        while True:
            since, known = time.perf_counter(), self.pool.known
            strategy, chunk = self.schedule.next()
            drawn, before = self.drawn, {id(candidate) for candidate in self.pool.candidates}
            self.search_chunk(strategy, known, seed, chunk)
            if not self.published:
                self.pool.drop_mixtures()
            new = sum(id(candidate) not in before for candidate in self.pool.candidates)
            self.schedule.record(strategy, self.drawn - drawn, new, time.perf_counter() - since)
            if new:
                self.last_find, self.guessed = time.perf_counter(), self.seconds.get("guess", 0.0)
                if not self.published:
                    self.pool.solve()
                    self.add_last()
                for _ in range(REPAIRS):
                    if len(self.pool) < self.problem.rank or not self.try_full_set():
                        break
            elif self.schedule.stalled and not self.published:
                self.pool.drop_doubtful(self.try_stand_ins())
                self.schedule.restart()
            elif self.may_guess():
                self.try_stand_ins()
            self.report("search", strategy)
            if self.done or self.in_circles or not self.in_time():
                break
        if self.done or self.in_circles:
            self.report("done", strategy)
        elif not self.published:
            self.try_stand_ins()
        self.mend_best()
        since = time.perf_counter()
        self.judge.sharpen()
        self.spent("sharpen", since)
        return self.status()

    def search_chunk(self, strategy: Strategy, known: Known, seed: int, chunk: int) -> None:
        """One chunk of a strategy through filter and pool."""
        since = time.perf_counter()
        proposals = strategy.propose(self.problem, known, seed, chunk)
        if strategy.name == "splitting":
            self.pool.settle()
        self.drawn += proposals.drawn
        self.spent(strategy.name, since)
        since = time.perf_counter()
        self.intake.take(proposals.directions, strategy.name)
        self.spent("filter", since)

    def add_last(self) -> None:
        """The direction that follows from all others, where one is missing."""
        if len(self.pool) != self.problem.rank - 1:
            return
        last = last_direction(self.problem, self.pool.directions)
        if last is not None:  # not `add`: a near-twin of what the pool holds would pass for the same
            self.pool.entries.append(Entry(Candidate.of(self.problem, last, "complement")))

    def try_full_set(self) -> bool:
        """Select, recover, refine and certify; then steer the search by what the certificate says.

        True if the pool may hold a better set now.
        """
        since = time.perf_counter()
        if self.published:
            chosen, score = greedy_selection(self.problem, self.pool.candidates, keep_going=self.in_time)
        else:
            chosen, score = self.pool.select(), 0.0
        self.spent("select", since)
        if len(chosen) < self.problem.rank:
            return False
        since, renewed = time.perf_counter(), False
        judged = self.judge.judge(chosen, score=score)
        if judged is not None and not (self.published or judged[1].certified.all()):
            if self.guessing is not None:
                self.guessing.mend(judged[0].directions, self.for_a_while())
            key = hash(tuple(sorted(to_host(c.zero).tobytes() for c in chosen)))
            self.tried[key] = self.tried.get(key, 0) + 1
            renewed = repair(self.pool, chosen, *judged, self.threshold, self.tried[key])
            self.schedule.wake()
        self.spent("certify", since)
        return renewed

    def try_stand_ins(self) -> list[Candidate]:
        """Prove and guess what can be without the directions that are missing; candidates that fit."""
        since, chosen = time.perf_counter(), self.pool.select()
        if not 0 < len(chosen) < self.problem.rank:
            return []
        fit: list[Candidate] = []
        rest: Nuisance | None = None
        directions = Pool(self.problem, tuple(chosen)).directions
        for whole in completions(self.pool, directions):
            stay = [candidate for candidate, kept in zip(chosen, whole.kept, strict=True) if kept]
            judged = self.judge.judge(stay, whole)
            if judged is not None:
                good = [c for c, trusted in zip(stay, judged[1].trusted, strict=False) if trusted]
                if rest is None or len(good) > len(fit):
                    fit, rest = good, whole
                if judged[1].certified.any():
                    freeze(self.pool, stay, judged[0], judged[1].certified)
                    break
        if self.guessing is not None:
            keep_going = self.for_a_while()
            self.guessing.complete(directions, rest, keep_going)
            if rest is not None:  # several batches may fit: all the time that is left for them
                while not (self.in_time() or self.done) and keep_going():
                    self.guessing.complete(directions, rest, keep_going)
        self.spent("guess", since)
        return fit

    def mend_best(self) -> None:
        """Guess anew what the best set leaves in doubt: for a while, or until time is up if that is near."""
        since, best, keep_going = time.perf_counter(), self.judge.best, self.for_a_while()
        while self.guessing is not None and best is not None and keep_going():
            doubtful = ~(best.certificate.trusted | best.certificate.certified)
            if not (doubtful.any() and self.guessing.mend(self.judge.directions, keep_going, doubtful)):
                break
            best = self.judge.best
        self.spent("guess", since)

    def may_guess(self) -> bool:
        """Whether little is missing, nothing was found for a while, and guesses have not had their share."""
        fruitless = time.perf_counter() - self.last_find
        long = fruitless > QUIET * (time.perf_counter() - self.started)
        few = self.problem.rank - len(self.pool) <= FEW_MISSING
        spent = self.seconds.get("guess", 0.0) - self.guessed
        return not self.published and long and few and spent < FRUITLESS * fruitless

    def for_a_while(self) -> Callable[[], bool]:
        """Whether little time has passed since now; all that is left counts as little in the end."""
        now = time.perf_counter()
        end = min(now + GUESSING * (now - self.started), self.limit) if self.in_time() else self.limit
        return lambda: time.perf_counter() < end

    def status(self) -> Status:
        """Status of a search that ends now."""
        best, certified = self.judge.best, self.judge.certified
        if certified == self.problem.rank:
            return Status.EXACT
        if best is None or (best.recovery.stand_ins and not certified):
            return Status.TIME_LIMIT
        return Status.PARTIAL if certified else Status.UNCERTIFIED

    def report(self, stage: str, strategy: Strategy) -> None:
        """Tell the callback where the search stands."""
        if self.on_progress is None:
            return
        now = time.perf_counter()
        self.on_progress(
            Progress(
                stage=stage,
                strategy=strategy.name,
                certified=self.judge.certified,
                batch_size=self.problem.rank,
                candidates=len(self.pool),
                samples_drawn=self.drawn,
                rate=self.drawn / max(now - self.started, 1e-9),
                seconds=now - self.started,
            )
        )

    def result(self, status: Status, dtype: Any, leave: Callable[[Array], Array]) -> Result:
        """Everything found so far, certified samples first."""
        problem, outcome = self.problem, outcome_of(self.problem, self.judge.best, self.pool)
        asarray, xp = problem.space.asarray, problem.space.xp
        self.seconds["total"] = time.perf_counter() - self.started
        return Result(
            inputs=leave(xp.astype(to_inputs(problem, outcome.duals), dtype)),
            certified=leave(asarray(outcome.certified, dtype=xp.bool)),
            error_bars=leave(asarray(outcome.error_bars)),
            status=status,
            batch_size=problem.rank,
            directions=leave(outcome.directions),
            reasons=outcome.reasons,
            unresolved=outcome.unresolved,
            sources=outcome.sources,
            samples_drawn=self.drawn,
            candidates=len(self.pool),
            score=0.0 if self.judge.best is None else self.judge.best.score,
            noise_level=problem.relative_noise,
            noise_model=problem.noise_model,
            threshold=self.threshold,
            seconds=self.seconds,
            residuals=outcome.residuals,
            evidence=outcome.evidence,
        )

"""Enters: a `Problem`. Leaves: the best set of samples that a search has found, each proven or not.

The only loop of the library: strategies propose directions, the filter refits them, the pool keeps
the distinct ones; as soon as b of them are independent, inputs are recovered and certified.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from spear_xp._arrays import Array, Host, to_host
from spear_xp.accuracy import unresolved
from spear_xp.certificate import Certificate, certify
from spear_xp.completion import Completion, completions, last_direction
from spear_xp.filtering import Candidate, filter_directions
from spear_xp.masks import MaskTest
from spear_xp.pool import Entry, Pool
from spear_xp.problem import Problem
from spear_xp.recovery import Recovery, recover, refine, to_inputs
from spear_xp.result import Progress, Result, Status
from spear_xp.schedule import Schedule
from spear_xp.search.base import Known, Strategy
from spear_xp.search.descent import Descent
from spear_xp.search.estimation import Estimation
from spear_xp.search.guided_sets import GuidedSets
from spear_xp.search.information_set import InformationSet
from spear_xp.search.peeling import Peeling
from spear_xp.search.sampling import Sampling
from spear_xp.search.splitting import Splitting
from spear_xp.selection import greedy_selection, matching_score, sparsest_independent
from spear_xp.steering import freeze, steer

__all__ = ["STRATEGIES", "Loop"]

ALONE = "its rows determine it, but a certificate needs a full set of directions"
NOT_FOUND = "no direction was found for it in time"

WITHOUT_LAYER = ("sampling", "information_set")  # the weights have no say in which candidates stay
FROM_MASKS = ("peeling", "estimation")  # a kernel of a whole mask is no chance mixture of near-twins
CIRCLES = 16  # returns of the same full set after which nothing better is to be expected
REPAIRS = 4  # full sets in a row, as long as each mends the one before
FEW_ROWS = 6  # times the batch size: narrower layers need guided information sets
MANY_ROWS = 25  # times the batch size: of wider layers a part of the rows is enough


def _auto(problem: Problem) -> list[Strategy]:
    few: list[Strategy] = [GuidedSets()] if problem.width < FEW_ROWS * problem.rank else []
    many: list[Strategy] = []
    if problem.width > MANY_ROWS * problem.rank:  # columns with few zeros have these on the least active rows
        many = [Descent(starts=64, share=0.1), GuidedSets(share=0.2)]
    return [Peeling(), Descent(), Descent(starts=64, share=0.5), *few, *many, Splitting(), Estimation()]


STRATEGIES: dict[str, Callable[[Problem], list[Strategy]]] = {
    "auto": _auto,
    "sampling": lambda _: [Sampling()],
    "information_set": lambda _: [InformationSet()],
    "descent": lambda _: [Descent()],
    "peeling": lambda _: [Peeling()],
}


class Loop:
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
        self.problem, self.threshold = problem, threshold
        self.schedule = Schedule(STRATEGIES[search](problem))
        self.published = search == "sampling"
        # Nothing passes where the weights are not those of the step; then the certificate has to say so.
        self.mask_test = None if search in WITHOUT_LAYER else MaskTest.of(problem)
        self.started, self.deadline, self.on_progress = started, started + time_limit, on_progress
        self.pool = Pool(problem)
        self.tried: dict[int, int] = {}
        self.drawn = 0
        self.score = 0.0
        self.best: tuple[Recovery, Certificate] | None = None
        self.sources: list[str] = []
        self.seconds: dict[str, float] = {}

    def spent(self, stage: str, since: float) -> None:
        """Add the time since a moment to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since

    def in_time(self) -> bool:
        """Whether the time limit has not passed."""
        return time.perf_counter() < self.deadline

    @property
    def in_circles(self) -> bool:
        """Whether one full set came back again and again, and steering found nothing to mend in it."""
        return max(self.tried.values(), default=0) >= CIRCLES

    @property
    def certified(self) -> int:
        """Samples proven so far."""
        return 0 if self.best is None else int(self.best[1].certified.sum())

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
                if not self.published:
                    self.pool.solve()
                    if len(self.pool) == self.problem.rank - 1:
                        last = last_direction(self.problem, self.pool.directions)
                        # Not `add`: a near-twin of what the pool holds would pass for the same.
                        self.pool.entries += [] if last is None else [Entry(last)]
                for _ in range(REPAIRS):
                    if len(self.pool) < self.problem.rank or not self.try_full_set():
                        break
            elif self.schedule.stalled and not self.published:
                self.pool.drop_doubtful(self.try_stand_ins())
                self.schedule.restart()
            self.report("search", strategy)
            done = self.best is not None and self.best[1].conclusive
            if done or self.certified == self.problem.rank or self.in_circles:
                self.report("done", strategy)
                return self.status()
            if not self.in_time():
                if not self.published:
                    self.try_stand_ins()
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
        fresh = self.pool.new(proposals.directions, unmixed=strategy.name not in FROM_MASKS)
        found = self.screened(self._filter(fresh, strategy.name))
        for candidate in found:
            self.pool.add(candidate)
        self.spent("filter", since)

    def screened(self, found: list[Candidate]) -> list[Candidate]:
        """Candidates whose zero pattern can be a mask; all of them as long as none could be."""
        if self.mask_test is None or not found:
            return found
        misfits = self.mask_test.misfits(self.problem.space.xp.stack([c.direction for c in found], axis=1))
        found = [replace(c, misfit=float(misfit)) for c, misfit in zip(found, misfits, strict=True)]
        everything = to_host([c.misfit for c in (*self.pool.candidates, *found)])
        fits = everything <= self.mask_test.tolerated(everything)
        self.pool.keep(fits[: len(self.pool)])
        return [c for c, fit in zip(found, fits[-len(found) :], strict=True) if fit]

    def _filter(self, directions: Array, source: str) -> list[Candidate]:
        if not directions.shape[1]:
            return []
        if self.problem.rank == 1:  # one sample: every live row is its multiple, none has to vanish
            zero = self.problem.zeros_of(directions[:, 0])
            return [Candidate(directions[:, 0], zero, 0, source)]
        shared: list[Array] = []
        found = filter_directions(
            self.problem,
            directions,
            threshold=self.threshold,
            source=source,
            duals=self.pool.solved,
            shared=shared,
            keep_going=self.in_time,
        )
        self.pool.share(shared)
        return found

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
        judged = self.judge(chosen, score=score)
        if judged is not None and not (self.published or judged[1].certified.all()):
            key = hash(tuple(sorted(to_host(c.zero).tobytes() for c in chosen)))
            self.tried[key] = self.tried.get(key, 0) + 1
            renewed = steer(self.pool, chosen, *judged, self.threshold, self.tried[key])
            self.schedule.wake()
        self.spent("certify", since)
        return renewed

    def try_stand_ins(self) -> list[Candidate]:
        """Certify what can be without the directions that are missing, and freeze it; candidates that fit."""
        since, chosen = time.perf_counter(), self.pool.select()
        fit: list[Candidate] = []
        directions = Pool(self.problem, tuple(chosen)).directions
        for whole in completions(self.pool, directions) if 0 < len(chosen) < self.problem.rank else ():
            stay = [candidate for candidate, kept in zip(chosen, whole.kept, strict=True) if kept]
            judged = self.judge(stay, whole)
            if judged is not None:
                fit = max(fit, [c for c, good in zip(stay, judged[1].trusted, strict=False) if good], key=len)
                if judged[1].certified.any():
                    freeze(self.pool, stay, judged[0], judged[1].certified)
                    break
        self.spent("certify", since)
        return fit

    def judge(
        self, chosen: list[Candidate], rest: Completion | None = None, score: float = 0.0
    ) -> tuple[Recovery, Certificate] | None:
        """Recover, refine and certify a set; remember it if it is proven better than those before."""
        xp, columns = self.problem.space.xp, [candidate.direction[:, None] for candidate in chosen]
        columns += [] if rest is None else [rest.stand_ins]
        recovery = recover(self.problem, xp.concat(columns, axis=1), self.problem.rank - len(chosen))
        if recovery is None:
            return None
        recovery = refine(self.problem, recovery)
        certificate = certify(self.problem, recovery, provable=rest is None or rest.whole)
        if self.best is None or certificate.rank > self.best[1].rank:
            self.best, self.score = (recovery, certificate), score or matching_score(self.problem, chosen)
            self.sources = [candidate.source for candidate in chosen]
        return recovery, certificate

    def status(self) -> Status:
        """Status of a search that ends now."""
        if self.certified == self.problem.rank:
            return Status.EXACT
        if self.best is None or (self.best[0].stand_ins and not self.certified):
            return Status.TIME_LIMIT
        return Status.PARTIAL if self.certified else Status.UNCERTIFIED

    def report(self, stage: str, strategy: Strategy) -> None:
        """Tell the callback where the search stands."""
        if self.on_progress is None:
            return
        now = time.perf_counter()
        self.on_progress(
            Progress(
                stage=stage,
                strategy=strategy.name,
                certified=self.certified,
                batch_size=self.problem.rank,
                candidates=len(self.pool),
                samples_drawn=self.drawn,
                rate=self.drawn / max(now - self.started, 1e-9),
                seconds=now - self.started,
            )
        )

    def result(self, status: Status, dtype: Any, leave: Callable[[Array], Array]) -> Result:
        """Everything found so far, certified samples first."""
        problem, space = self.problem, self.problem.space
        xp, missing = space.xp, (NOT_FOUND,) * problem.rank
        if self.best is None:
            duals = self.pool.solved  # samples that rows alone determine need no full set
            duals = duals / (problem.last @ duals)
            count = int(duals.shape[1])
            candidates = sparsest_independent(problem, self.pool.candidates)
            directions = Pool(problem, tuple(candidates)).directions
            certified, bars, residuals = _filled(count, False), _filled(count, math.inf), _filled(0, 0.0)
            reasons: tuple[str, ...] = (ALONE,) * count
            sources = [entry.candidate.source for entry in self.pool.entries if entry.dual is not None]
            evidence = None
        else:
            recovery, certificate = self.best
            count, missing = problem.rank - recovery.stand_ins, unresolved(problem, recovery)
            ranking = (~certificate.certified[:count]).argsort(kind="stable")
            order = space.indices(ranking)
            duals = xp.take(recovery.duals, order, axis=1)
            directions = xp.take(recovery.directions, order, axis=1)
            certified, bars = certificate.certified[ranking], certificate.error_bars[ranking]
            residuals, evidence = certificate.residuals, certificate.evidence.take(ranking)
            reasons = tuple(certificate.reason(int(k)) for k in ranking)
            sources = [self.sources[int(k)] for k in ranking]
        self.seconds["total"] = time.perf_counter() - self.started
        return Result(
            inputs=leave(xp.astype(to_inputs(problem, duals), dtype)),
            certified=leave(space.asarray(certified, dtype=xp.bool)),
            error_bars=leave(space.asarray(bars)),
            status=status,
            batch_size=problem.rank,
            directions=leave(directions),
            reasons=reasons,
            unresolved=missing[: problem.rank - len(reasons)],
            sources=tuple(sources),
            samples_drawn=self.drawn,
            candidates=len(self.pool),
            score=self.score,
            noise_level=problem.relative_noise,
            noise_model=problem.noise_model,
            threshold=self.threshold,
            seconds=self.seconds,
            residuals=residuals,
            evidence=evidence,
        )


def _filled(count: int, value: float) -> Host:
    return to_host([value] * count).astype(type(value))

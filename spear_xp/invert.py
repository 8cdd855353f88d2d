"""Enters: the gradient of a layer and its weights. Leaves: the batch, each sample proven or not.

The only loop of the library: strategies propose directions, the filter refits them, the pool keeps
the distinct ones; as soon as b of them are independent, inputs are recovered and certified.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

from spear_xp._arrays import Array, Host, enter, seed_of, to_host
from spear_xp.certificate import Certificate, certify
from spear_xp.errors import ArgumentRangeError
from spear_xp.estimate import sparsity_threshold
from spear_xp.factorize import factorize
from spear_xp.filtering import SPARE, Candidate, filter_directions
from spear_xp.gradient import checked
from spear_xp.pool import Pool
from spear_xp.problem import Problem, reduce
from spear_xp.recovery import Recovery, recover, refine, to_inputs
from spear_xp.result import Progress, Result, Status
from spear_xp.schedule import Schedule
from spear_xp.search.alternation import Alternation
from spear_xp.search.base import Known, Strategy
from spear_xp.search.descent import Descent
from spear_xp.search.peeling import Peeling
from spear_xp.search.sampling import Sampling
from spear_xp.search.splitting import Splitting
from spear_xp.selection import greedy_selection, matching_score, sparsest_independent
from spear_xp.steering import steer

__all__ = ["invert"]

STRATEGIES: dict[str, Callable[[], list[Strategy]]] = {
    "auto": lambda: [Peeling(), Descent(), Splitting(), Alternation()],
    "sampling": lambda: [Sampling()],
    "descent": lambda: [Descent()],
    "peeling": lambda: [Peeling()],
}


def invert(
    grad_w: Array,
    grad_b: Array,
    weight: Array,
    bias: Array,
    *,
    batch_size: int | None = None,
    search: Literal["auto", "sampling", "descent", "peeling"] = "auto",
    time_limit: float = 60.0,
    false_rejection: float = 1e-9,
    rng: Any = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Recover the batch behind the gradient of a fully connected ReLU layer.

    Parameters
    ----------
    grad_w : array, shape (m, n), real floating-point
        dL/dW of the layer ReLU(W x + β), one neuron a row; NumPy, CuPy or torch.
    grad_b : array, shape (m,)
        dL/dβ.
    weight : array, shape (m, n)
        W at the step that produced the gradient.
    bias : array, shape (m,)
        β at that step.
    batch_size : int, optional
        Number of samples, from 1 to the numerical rank; found from the rank where not given.
    search : {"auto", "sampling", "descent", "peeling"}
        Strategy; "sampling" is the published attack, "auto" all others in turns by their progress.
    time_limit : float
        Seconds for the search, positive. Running out of time is no error.
    false_rejection : float
        Probability in (0, 1) that a column of D, zero on each row with probability 1/2, shows fewer
        zeros than the sparsity threshold.
    rng : None, int, SeedSequence or Generator
        Source of randomness (SPEC 7); all of it is drawn on the host.
    on_progress : callable, optional
        Called with a `Progress` after every chunk.

    Returns
    -------
    Result
        Inputs with error bars, which of them are proven, and a status that says what to try next.

    Raises
    ------
    SpearError
        One of its subclasses on bad input; the message names argument, value and legal range.

    Notes
    -----
    The published search needs about 2^(b-1) H_b subsets; `spear_xp.estimate` says how long that is.

    References
    ----------
    .. [1] D. I. Dimitrov, M. Baader, M. N. Müller, M. Vechev, "SPEAR: Exact Gradient Inversion of
       Batches in Federated Learning", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from spear_xp import invert, synthetic
    >>> truth = synthetic.mlp_gradient(synthetic.gaussian_inputs(5, 40, rng=0), width=80, rng=0)
    >>> result = invert(*truth.observed, rng=0)
    >>> result.status.name, result.batch_size, bool(result.certified.all())
    ('EXACT', 5, True)
    """
    started = time.perf_counter()
    _check_options(search, time_limit, false_rejection)
    seed = seed_of(rng)
    space, arrays, leave = enter(grad_w=grad_w, grad_b=grad_b, weight=weight, bias=bias)
    gradient = checked(space, arrays)
    problem = reduce(gradient, factorize(gradient, batch_size))
    # The other strategies need no threshold against chance: their kernels are confirmed by spare rows.
    threshold = (
        sparsity_threshold(problem.width, problem.rank, false_rejection)
        if search == "sampling"
        else problem.rank + SPARE
    )
    loop = _Loop(problem, search, threshold, started, time_limit, on_progress)
    loop.spent("factorize", started)
    try:
        status = loop.run(seed)
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    return loop.result(status, gradient.grad_w.dtype, leave)


def _check_options(search: str, time_limit: float, false_rejection: float) -> None:
    if search not in STRATEGIES:
        msg = f"search={search!r}: need one of {', '.join(map(repr, STRATEGIES))}"
        raise ArgumentRangeError(msg)
    if not time_limit > 0:
        msg = f"time_limit={time_limit!r}: need a positive number of seconds"
        raise ArgumentRangeError(msg)
    if not 0 < false_rejection < 1:
        msg = f"false_rejection={false_rejection!r}: need a probability in (0, 1)"
        raise ArgumentRangeError(msg)


class _Loop:
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
        self.problem, self.schedule, self.threshold = problem, Schedule(STRATEGIES[search]()), threshold
        self.published = search == "sampling"
        self.started, self.deadline, self.on_progress = started, started + time_limit, on_progress
        self.pool = Pool(problem)
        self.tried: dict[int, int] = {}
        self.drawn = 0
        self.score = 0.0
        self.best: tuple[Recovery, Certificate] | None = None
        self.seconds: dict[str, float] = {}

    def spent(self, stage: str, since: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since

    def in_time(self) -> bool:
        return time.perf_counter() < self.deadline

    @property
    def certified(self) -> int:
        return 0 if self.best is None else int(self.best[1].certified.sum())

    def run(self, seed: int) -> Status:
        """Search until everything is certified or time is up."""
        while True:
            since = time.perf_counter()
            known = self.pool.known
            # Kernels that several samples share come first: splitting them costs little.
            strategy, chunk = self.schedule.next("splitting" if self.pool.fresh else None)
            new = self.search_chunk(strategy, known, seed, chunk)
            self.schedule.record(strategy, new, time.perf_counter() - since)
            if new:
                if not self.published:
                    self.pool.solve()
                if len(self.pool) >= self.problem.rank:
                    self.try_full_set()
            elif self.schedule.stalled and not self.published:
                self.pool.drop_doubtful()
                self.schedule.restart()
            self.report("search", strategy)
            if self.certified == self.problem.rank:
                self.report("done", strategy)
                return Status.EXACT
            if not self.in_time():
                return self.unfinished()

    def search_chunk(self, strategy: Strategy, known: Known, seed: int, chunk: int) -> int:
        """One chunk of a strategy through filter and pool; the number of new candidates."""
        since = time.perf_counter()
        proposals = strategy.propose(self.problem, known, seed, chunk)
        if strategy.name == "splitting":
            self.pool.settle()
        self.drawn += proposals.drawn
        self.spent(strategy.name, since)
        since = time.perf_counter()
        found = self._filter(self.pool.new(proposals.directions), strategy.name)
        new = sum(self.pool.add(candidate) for candidate in found)
        self.spent("filter", since)
        return new

    def _filter(self, directions: Array, source: str) -> list[Candidate]:
        if not directions.shape[1]:
            return []
        if self.problem.rank == 1:  # one sample: every live row is its multiple, none has to vanish
            zero = self.problem.zeros_of(directions[:, 0])
            return [Candidate(directions[:, 0], zero, 0, source)]
        shared: list[Array] = []
        found = filter_directions(
            self.problem, directions, threshold=self.threshold, source=source, shared=shared
        )
        self.pool.share(shared)
        return found

    def try_full_set(self) -> None:
        """Select, recover, refine and certify; then steer the search by what the certificate says."""
        since = time.perf_counter()
        if self.published:
            chosen, score = greedy_selection(self.problem, self.pool.candidates, keep_going=self.in_time)
        else:
            chosen, score = self.pool.select(), 0.0
        self.spent("select", since)
        if len(chosen) < self.problem.rank:
            return
        since = time.perf_counter()
        xp = self.problem.space.xp
        recovery = recover(self.problem, xp.stack([c.direction for c in chosen], axis=1))
        if recovery is not None:
            recovery = refine(self.problem, recovery)
            certificate = certify(self.problem, recovery)
            if self.best is None or int(certificate.certified.sum()) > self.certified:
                self.best, self.score = (recovery, certificate), score or matching_score(self.problem, chosen)
            if not (self.published or certificate.certified.all()):
                key = hash(tuple(sorted(id(c) for c in chosen)))
                self.tried[key] = self.tried.get(key, 0) + 1
                steer(self.pool, chosen, recovery, certificate, self.threshold, self.tried[key])
        self.spent("certify", since)

    def unfinished(self) -> Status:
        if self.best is None:
            return Status.TIME_LIMIT
        return Status.PARTIAL if self.certified else Status.UNCERTIFIED

    def report(self, stage: str, strategy: Strategy) -> None:
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
        problem, space = self.problem, self.problem.space
        xp = space.xp
        if self.best is None:
            order = space.indices([])
            chosen = sparsest_independent(problem, self.pool.candidates)
            duals = xp.zeros((problem.rank, 0), dtype=space.dtype, device=space.device)
            directions = Pool(problem, tuple(chosen)).directions
            certified, bars, residuals = _empty(bool), _empty(float), _empty(float)
            reasons: tuple[str, ...] = ()
        else:
            recovery, certificate = self.best
            ranking = (~certificate.certified).argsort(kind="stable")
            order = space.indices(ranking)
            duals = xp.take(recovery.duals, order, axis=1)
            directions = xp.take(recovery.directions, order, axis=1)
            certified, bars = certificate.certified[ranking], certificate.error_bars[ranking]
            residuals = certificate.residuals
            reasons = tuple(certificate.reason(int(k)) for k in ranking)
        self.seconds["total"] = time.perf_counter() - self.started
        return Result(
            inputs=leave(xp.astype(to_inputs(problem, duals), dtype)),
            certified=leave(space.asarray(certified, dtype=xp.bool)),
            error_bars=leave(space.asarray(bars)),
            status=status,
            batch_size=problem.rank,
            directions=leave(directions),
            reasons=reasons,
            samples_drawn=self.drawn,
            candidates=len(self.pool),
            score=self.score,
            noise_level=problem.noise_level * problem.right.shape[1] ** 0.5,
            noise_model=problem.noise_model,
            threshold=self.threshold,
            seconds=self.seconds,
            residuals=residuals,
        )


def _empty(kind: type) -> Host:
    return to_host(Host(0, dtype=kind))

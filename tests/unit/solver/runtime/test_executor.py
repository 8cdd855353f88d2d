"""Workers change nothing but the time: same bytes for any number and kind of them, dead or alive."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from spear_xp import invert
from spear_xp.candidates import Pool
from spear_xp.errors import ArgumentRangeError
from spear_xp.reduction import Problem
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.runtime.executor import Processes, Serial, Threads, executor_of
from spear_xp.solver.runtime.schedule import Turn
from spear_xp.strategies import Descent, Sampling
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.benchmarks.repeatable import digest
from tests.helpers.optional import need
from tests.helpers.workers import Deadly, Faulty


def processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with processes(2) as found:
        yield found


@pytest.fixture(scope="module")
def truth() -> LayerGradient:
    inputs = gaussian_inputs(14, 60, rng=0)
    inputs[-1] = inputs[-2] + 0.25 * inputs[-1]
    return mlp_gradient(inputs, width=150, rng=0)


def test_turns_are_run_in_order_and_only_when_they_are_asked_for(problem: Problem) -> None:
    class Watched(Clock):
        asked = 0

        def in_time(self) -> bool:
            self.asked += 1
            return True

    sampler, clock, known = Sampling(chunk_size=64), Watched(1.0), Pool(problem).known
    proposed = Serial().run([Turn(sampler, 3), Turn(sampler, 1)], problem, known, 5, clock)
    assert not clock.asked
    for chunk in (3, 1):
        expected = sampler.propose(problem, known, 5, chunk)
        assert (next(proposed).directions == expected.directions).all()


class Counted(Executor):
    """Runs everything at once, in this process, and counts what travels."""

    def __init__(self) -> None:
        self.problems = self.turns = 0

    def submit(self, function: Any, *arguments: Any, **options: Any) -> Future[Any]:
        _, packed, *_ = arguments
        self.problems += packed is not None
        self.turns += 1
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **options))
        return future


@pytest.mark.parametrize("rounds", [2, 5])
def test_workers_of_any_kind_and_number_give_the_same_bytes(
    truth: LayerGradient, pool: ProcessPoolExecutor, rounds: int
) -> None:
    plain = digest(invert(*truth.observed, rng=3, work_limit=4e9, rounds=rounds))
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(3) as three:
        for workers in (one, three, pool, Counted()):
            found = invert(*truth.observed, rng=3, work_limit=4e9, rounds=rounds, executor=workers)
            assert digest(found) == plain


def test_one_turn_a_round_is_the_same_with_workers_and_without(
    truth: LayerGradient, pool: ProcessPoolExecutor
) -> None:
    plain = invert(*truth.observed, rng=3, work_limit=4e9)
    assert digest(invert(*truth.observed, rng=3, work_limit=4e9, executor=pool)) == digest(plain)


def test_the_problem_travels_once(truth: LayerGradient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spear_xp.solver.runtime.worker._problems", {})
    workers = Counted()
    invert(*truth.observed, rng=4, rounds=3, executor=workers, time_limit=1e6)
    assert workers.problems == 1
    assert workers.turns > 3


def test_a_chunk_whose_worker_has_died_runs_again(layer: LayerGradient) -> None:
    search = (Deadly(), "descent")
    plain = digest(invert(*layer.observed, rng=0, search=search, rounds=2))
    with processes(1) as workers, pytest.warns(RuntimeWarning, match="a worker is gone"):
        found = invert(*layer.observed, rng=0, search=search, rounds=2, executor=workers)
    assert digest(found) == plain


@pytest.mark.parametrize("kind", ["none", "threads", "processes"])
def test_a_mistake_in_a_strategy_is_told(layer: LayerGradient, pool: ProcessPoolExecutor, kind: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        workers = {"none": None, "threads": threads, "processes": pool}[kind]
        with pytest.raises(LookupError, match="a mistake in a strategy"):
            invert(*layer.observed, rng=0, search=(Faulty(), "descent"), rounds=2, executor=workers)


def test_a_time_limit_holds_for_workers(problem: Problem, pool: ProcessPoolExecutor) -> None:
    clock, long = Clock(0.2), Descent(steps=10**6)
    found = list(Processes(pool).run([Turn(long, 0), Turn(long, 1)], problem, Pool(problem).known, 0, clock))
    assert len(found) == 2
    assert clock.elapsed < 5.0


def test_the_kind_of_workers_decides_how_turns_travel() -> None:
    assert isinstance(executor_of(None), Serial)
    with ThreadPoolExecutor(1) as workers:
        assert isinstance(executor_of(workers), Threads)
    assert isinstance(executor_of(Counted()), Processes)
    with pytest.raises(ArgumentRangeError, match="need a concurrent"):
        executor_of(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("rounds", [0, -1, 1.5, True, "2"])
def test_rounds_that_make_no_sense_are_refused(layer: LayerGradient, rounds: Any) -> None:
    with pytest.raises(ArgumentRangeError, match="rounds="):
        invert(*layer.observed, rounds=rounds)


def test_workers_of_a_cluster_give_the_same_bytes(layer: LayerGradient) -> None:
    distributed = need("distributed")
    plain = digest(invert(*layer.observed, rng=0, rounds=3))
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = invert(*layer.observed, rng=0, rounds=3, executor=client.get_executor())
    assert digest(found) == plain

"""The loop: near-twins in the pool, the last tenth of the limit, strategies of one's own, interruptions."""

from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

from spear_xp import Progress, Status, invert
from spear_xp.candidates import Candidate, Pool
from spear_xp.candidates.screening import Screen
from spear_xp.numerics.work import product
from spear_xp.reduction import Known, Problem, Proposals
from spear_xp.solver.incumbent import Incumbent
from spear_xp.solver.partial_sets import PartialSets
from spear_xp.solver.runtime.clock import Clock
from spear_xp.strategies import Descent, Peeling
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.sets import solved


def twins(width: int = 800, distance: float = 1e-2) -> LayerGradient:
    inputs = gaussian_inputs(12, 60, rng=0)
    step = np.random.default_rng(0).standard_normal(60)
    inputs[-1] = inputs[-2] + distance * np.linalg.norm(inputs[-2]) * step / np.linalg.norm(step)
    return mlp_gradient(inputs, width=width, rng=0)


def test_near_twins_that_stand_in_the_pool_are_both_counted() -> None:
    """Their zero patterns are equal on more than 99.5 % of the rows."""
    problem, true = solved(twins())
    pool = Pool(problem)
    for k in range(12):
        pool.add(Candidate.of(problem, true[:, k], "truth"), may_be_twin=True)
    assert len(pool) == 12
    assert (pool.zero[:, 10] == pool.zero[:, 11]).mean() > 0.995
    assert pool.add(Candidate.of(problem, true[:, 11], "again")) is False
    best, clock = Incumbent(problem), Clock(60.0)
    screen = Screen(problem, pool, threshold=14, uses_layer=True)
    pool.keep(np.arange(12) != 0)
    pool.shared.add([np.linalg.qr(true[:, :2]).Q])  # what is missing, and one that cannot be told from it
    right = PartialSets(problem, pool, screen, best, clock).complete_sets()
    assert len(right) >= 8


def test_the_screen_admits_directions_in_the_last_tenth_of_the_limit() -> None:
    """Tentative directions come then; they used to be turned away for lack of time."""
    problem, true = solved(mlp_gradient(gaussian_inputs(8, 60, rng=0), width=160, rng=0))
    now = [0.0]
    clock, pool = Clock(10.0, now=lambda: now[0]), Pool(problem)
    screen = Screen(problem, pool, threshold=10, uses_layer=True)
    sets = PartialSets(problem, pool, screen, Incumbent(problem), clock)
    now[0] = 9.5
    assert not clock.searching()
    sets.mend(true)
    assert len(pool) == 8


@dataclass(frozen=True)
class Told:
    """A strategy that knows the answer."""

    directions: Any
    name: str = "told"
    uses_layer: ClassVar[bool] = False
    whole_masks: ClassVar[bool] = False

    def propose(self, problem: Problem, known: Known, seed: int, chunk: int, **_: Any) -> Proposals:
        return Proposals(self.directions, 1, product(problem.width, problem.rank, problem.rank))


def test_a_strategy_of_ones_own_takes_part(layer: LayerGradient) -> None:
    told = Told(solved(layer)[1])
    alone = invert(*layer.observed, search=told, rng=0)
    assert alone.success
    assert set(alone.trace.sources) == {"told"}
    among = invert(*layer.observed, search=["peeling", told, Descent()], rng=0)
    assert among.success
    assert "told" in among.trace.sources


class Backwards(Executor):
    """An executor whose workers are done in another order than they began."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def submit(self, function: Any, *arguments: Any, **options: Any) -> Future[Any]:
        future = Later(self)
        self.waiting.append((future, partial(function, *arguments, **options)))
        return future

    def work(self) -> None:
        waiting, self.waiting = self.waiting, []
        for future, task in reversed(waiting):
            future.set_result(task())


class Later(Future[Any]):
    def __init__(self, workers: Backwards) -> None:
        super().__init__()
        self.workers = workers

    def result(self, timeout: float | None = None) -> Any:
        self.workers.work()
        return super().result(timeout)


@pytest.mark.parametrize("rounds", [2, 5])
def test_who_is_done_first_does_not_matter(layer: LayerGradient, rounds: int) -> None:
    one = invert(*layer.observed, rng=0, rounds=rounds)
    other = invert(*layer.observed, rng=0, rounds=rounds, executor=Backwards())
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert one.trace.work == other.trace.work
    assert one.success


def test_what_is_certified_when_a_search_is_interrupted_is_returned() -> None:
    truth = twins(300, 3e-3)

    def interrupt(event: Progress) -> None:
        if event.certified:
            raise KeyboardInterrupt

    result = invert(*truth.observed, rng=0, on_progress=interrupt, time_limit=20.0)
    assert result.status is Status.INTERRUPTED
    assert result.certified.sum() >= 8


@pytest.mark.parametrize(
    ("place", "known"),
    [("reduction.models.numerical_rank", False), ("solver.assessment.certify", True)],
)
def test_an_interruption_at_any_stage_gives_a_result(
    place: str, known: bool, layer: LayerGradient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"spear_xp.{place}", interrupted)
    result = invert(*layer.observed, rng=0)
    assert result.status is Status.INTERRUPTED
    assert (result.batch_size is not None) == known
    assert not result.success


def test_a_search_with_one_strategy_uses_that_alone(layer: LayerGradient) -> None:
    result = invert(*layer.observed, rng=0, search=[Peeling(), Descent(starts=32)])
    assert set(result.trace.sources) <= {"peeling", "descent", "complement", "repair", "alternation"}
    assert "splitting" not in result.trace.seconds


@pytest.mark.parametrize("slope", [1.0, 0.2])
def test_a_layer_without_zeros_is_told_early(slope: float) -> None:
    """No activation, or one that lets negative values through."""
    rng = np.random.default_rng(0)
    inputs, weight, bias = (
        rng.standard_normal((8, 60)),
        rng.standard_normal((160, 60)),
        rng.standard_normal(160),
    )
    active = inputs @ weight.T + bias > 0
    d = (rng.standard_normal((160, 8)) * np.where(active, 1.0, slope).T).astype("float32")
    result = invert(
        d @ inputs.astype("float32"), d.sum(1), weight.astype("f4"), bias.astype("f4"), rng=0, time_limit=20.0
    )
    assert result.status is Status.HOPELESS
    assert result.trace.seconds["total"] < 10.0
    assert len(result.missing) == 8
    assert "ReLU" in result.missing[0]


def test_noise_that_hides_every_zero_is_told_early() -> None:
    truth = mlp_gradient(gaussian_inputs(8, 60, rng=0).astype("float64"), width=160, rng=0)
    rng = np.random.default_rng(0)
    size = 0.3 * np.sqrt((truth.grad_w**2).mean())
    noisy = [array + size * rng.standard_normal(array.shape) for array in (truth.grad_w, truth.grad_b)]
    result = invert(*noisy, truth.weight, truth.bias, batch_size=8, rng=0, time_limit=20.0)
    assert not result.certified.any()
    assert result.status in {Status.HOPELESS, Status.UNCERTIFIED, Status.TIME_LIMIT}

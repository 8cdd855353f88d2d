"""Every fused kernel, run by the emulator in two orders of threads, against its twin."""

from typing import Any

import numpy as np
import pytest
from array_api_compat import numpy as xp

from spear_xp.numerics.backend import Space
from spear_xp.numerics.cuda import FUSED, activity, descent, hinge
from spear_xp.numerics.cuda import exchange as cuda_exchange
from spear_xp.numerics.cuda.exchange import Rules, fused_chains
from spear_xp.numerics.cuda.sampler import draw_row_sets, fused_sampler, sparse_sets
from spear_xp.numerics.cuda.source import Unit
from spear_xp.numerics.linalg import outside
from spear_xp.numerics.random import Stream
from spear_xp.numerics.work import forever
from spear_xp.reduction.problem import Problem
from spear_xp.strategies import exchange
from spear_xp.strategies.descent import descend
from spear_xp.strategies.sampling import NEAR, ON_DEVICE, Sampling
from tests.helpers.emulator import DivergentBarrierError, emulated, kernel_of
from tests.helpers.sparse_rows import planted

BARRIER = "__syncthreads();"
BOTH = pytest.mark.parametrize("backwards", [False, True])


@BOTH
@pytest.mark.parametrize(
    ("b", "width", "count", "aside"),
    [(2, 30, 40, 8), (5, 40, 70, 8), (7, 13, 33, 6), (16, 120, 300, 8), (25, 90, 60, 8)],
)
def test_the_sampler_finds_what_its_twin_finds(
    b: int, width: int, count: int, aside: int, backwards: bool
) -> None:
    rows = planted(width, b, seed=b, zero=0.75)[0].astype("float32")
    sets = draw_row_sets(width, b, count, stream=Stream.SAMPLING, seed=2**40 + 3, chunk=2**33, aside=aside)
    expected = sparse_sets(np, rows, sets, NEAR, 2)
    found = fused_sampler(emulated(backwards=backwards))(np, rows, sets, NEAR, 2)
    assert len(expected) > 3
    np.testing.assert_array_equal(found, expected)


def chains_of(b: int, dtype: str, steps: int) -> tuple[Any, ...]:
    """Start and schedule of 20 chains on rows with planted columns."""
    rows = planted(90, b, seed=b, zero=0.6 if b < 20 else 0.85)[0].astype(dtype)
    rng = np.random.default_rng(0)
    jitter = (1e-13 * rng.standard_normal((b, b))).astype(dtype)
    sets = np.stack([rng.permutation(90)[: b + 12] for _ in range(20)])
    walk = exchange.Walk(steps, 4, exchange.EQUAL if dtype == "float64" else exchange.COARSEST)
    members = np.ascontiguousarray(sets.T)
    table = exchange._start(xp, rows, members, jitter)
    rules = Rules(exchange.PIVOT, walk.equal, exchange.FEWEST, exchange.SINGLES)
    return table, members, exchange._schedule(walk, 12, b, rng), rules


def named(hits: Any, b: int) -> set[Any]:
    """Reports, without those that come again."""
    members, first, second, weight = hits
    return {
        (tuple(members[:b, i].tolist()), int(first[i]), int(second[i]), float(weight[i]))
        for i in range(len(first))
    }


@BOTH
@pytest.mark.parametrize(("b", "dtype"), [(2, "float64"), (9, "float64"), (14, "float32"), (32, "float64")])
def test_chains_report_what_their_twin_reports(
    b: int, dtype: str, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_exchange, "MOST", 200)
    table, members, schedule, rules = chains_of(b, dtype, 12)
    fused = fused_chains(emulated(backwards=backwards))
    found = named(fused(xp, table, members, schedule, rules), b)
    with np.errstate(all="ignore"):
        expected = named(exchange._follow(xp, table, members, schedule, rules, forever), b)
    assert len(expected) > 10
    assert found == expected


@BOTH
def test_a_chain_reports_no_more_than_there_is_room_for(backwards: bool) -> None:
    table, members, schedule, rules = chains_of(5, "float64", 12)
    found = fused_chains(emulated(backwards=backwards))(xp, table, members, schedule, rules)
    with np.errstate(all="ignore"):
        expected = exchange._follow(xp, table, members, schedule, rules, forever)
    assert 0 < len(found[1]) <= 20 * cuda_exchange.MOST
    assert len(found[1]) < len(expected.first)
    assert named(found, 5) <= named(expected, 5)


@BOTH
@pytest.mark.parametrize(("d", "s", "known"), [(20, 24, 0), (33, 5, 7), (200, 3, 150), (5, 4, 4)])
def test_iterates_take_the_step_of_their_twin(d: int, s: int, known: int, backwards: bool) -> None:
    rng = np.random.default_rng(d)
    avoid = np.linalg.qr(rng.standard_normal((d, known)))[0].astype("float32") if known else None
    current, slope, way = rng.standard_normal((3, d, s)).astype("float32")
    current /= descent.size(np, outside(avoid, current))
    free = outside(avoid, current)
    expected = descent.advance(np, current, free, slope, way, avoid, 0.3)
    launched = descent.fused_advance(emulated(backwards=backwards))
    for one, other in zip(launched(xp, current, free, slope, way, avoid, 0.3), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(other).max())


@BOTH
@pytest.mark.parametrize(("d", "s"), [(20, 24), (300, 3)])
def test_iterates_are_pulled_as_by_the_twin(d: int, s: int, backwards: bool) -> None:
    way, current, slope = np.random.default_rng(d).standard_normal((3, d, s)).astype("float32")
    current /= descent.size(np, current)
    strength = np.where(np.arange(s) % 2, 0.3, -0.3).astype("float32")
    found = descent.fused_pull(emulated(backwards=backwards))(xp, way, current, slope, strength)
    expected = descent.pull(np, way, current, slope, strength)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@BOTH
def test_signs_take_their_weights(backwards: bool) -> None:
    rng = np.random.default_rng(0)
    residual = rng.standard_normal((40, 7)).astype("float32")
    residual[::5] = 0
    launched = descent.fused_signs(emulated(backwards=backwards))
    for weights in (rng.random((40, 7)).astype("float32"), rng.random((40, 1)).astype("float32")):
        expected = descent.weighted_signs(np, residual, weights)
        np.testing.assert_array_equal(launched(xp, residual, weights), expected)


@BOTH
@pytest.mark.parametrize(("m", "s"), [(7, 3), (300, 11)])
def test_rows_look_as_active_as_to_the_twin(m: int, s: int, backwards: bool) -> None:
    rng = np.random.default_rng(m)
    residual, z, fitted = rng.standard_normal((3, m, s)).astype("float32")
    residual[:, 0] = 0  # what divides by nothing
    compiled = emulated(backwards=backwards)
    expected = activity.look(np, residual, z)
    for one, other in zip(activity.fused_look(compiled)(xp, residual, z), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(other).max())
    wanted = activity.mask_weights(np, z, fitted, expected.share, 0.3)
    found = activity.fused_weights(compiled)(xp, z, fitted, expected.share, 0.3)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    contradicting = activity.fused_conflicts(compiled)(xp, residual, wanted)
    np.testing.assert_allclose(contradicting, activity.conflicts(np, residual, wanted), atol=1e-5)


@BOTH
def test_hyperplanes_take_the_step_of_their_twin(backwards: bool) -> None:
    rng = np.random.default_rng(0)
    label, margin, least, most = rng.standard_normal((4, 40, 7)).astype("float32")
    least, most = (
        np.where(least > 0, -np.inf, 0).astype("float32"),
        np.where(most > 0, np.inf, 0).astype("float32"),
    )
    compiled = emulated(backwards=backwards)
    found = hinge.fused_shortfall(compiled)(xp, label, margin, least, most)
    np.testing.assert_array_equal(found, hinge.shortfall(np, label, margin, least, most))
    fused = hinge.fused_accelerate(compiled)(xp, label, margin, label - margin, 0.7)
    for one, other in zip(fused, hinge.accelerate(np, label, margin, label - margin, 0.7), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy with the kernels of a device."""
    monkeypatch.setattr(Space, "fused", lambda _, name: FUSED[name](emulated(backwards=True)))


def test_the_sampler_of_a_device_proposes_the_same(problem: Problem, fused: None) -> None:
    sets = 1  # of b rows, 512 times as many on a device
    samples = sets * (problem.rank + 1) // 2
    found = Sampling(chunk_size=samples).propose(problem, None, 0, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Space, "fused", lambda *_: None)
        twin = Sampling(chunk_size=ON_DEVICE * sets * (problem.rank + 1) // 2).propose(problem, None, 0, 0)
    assert found.drawn == twin.drawn
    np.testing.assert_array_equal(found.directions, twin.directions)
    assert found.directions.shape[1] > 3


def test_chains_of_a_device_find_the_planted_columns(fused: None) -> None:
    rows, _ = planted(80, 7, seed=0, zero=0.5)
    rng = np.random.default_rng(0)
    sets = np.stack([rng.permutation(80)[:19] for _ in range(48)])
    found = exchange.sparse_directions(xp, rows, sets, exchange.Walk(20, 4), np.random.default_rng(0))
    assert found.shape[1] >= 7
    assert ((np.abs(rows @ found) < 1e-9).sum(axis=0) >= 9).all()


def test_descents_of_a_device_come_as_low(fused: None) -> None:
    rows = np.linalg.qr(planted(60, 8, seed=0)[0])[0].astype("float32")
    starts = np.random.default_rng(0).standard_normal((8, 12)).astype("float32")
    end = descend(xp, rows, None, starts, steps=40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Space, "fused", lambda *_: None)
        twin = descend(xp, rows, None, starts, steps=40)
    one, other = (np.abs(rows @ q).sum(axis=0) for q in (end, twin))
    # Last bits decide which of two minima a start ends in: of twelve one or two differ on some processors.
    assert one.mean() == pytest.approx(other.mean(), rel=0.03)
    assert one.min() == pytest.approx(other.min(), rel=0.02)


def without_barrier(unit: Unit, number: int, *, backwards: bool) -> Any:
    """A kernel from whose source one barrier is missing."""
    parts = unit.code.split(BARRIER)
    code = BARRIER.join(parts[: number + 1]) + BARRIER.join(parts[number + 1 :])
    return kernel_of(code, unit.kernel, unit.options, backwards=backwards)


def barriers_of(file: str) -> int:
    return Unit(file, "").code.count(BARRIER)


def differs(run: Any, expected: Any) -> bool:
    """Whether one of the two orders of threads shows that something is wrong."""
    for backwards in (False, True):
        try:
            found = run(backwards)
        except DivergentBarrierError:
            return True
        if not all(np.allclose(one, other, atol=1e-4) for one, other in zip(found, expected, strict=True)):
            return True
    return False


@pytest.mark.parametrize("number", range(barriers_of("sampler")))
def test_a_sampler_without_one_of_its_barriers_is_caught(number: int) -> None:
    rows = planted(300, 5, seed=0)[0].astype("float32")
    sets = draw_row_sets(300, 5, 64, stream=Stream.SAMPLING, seed=0, chunk=0, aside=8)

    def run(backwards: bool) -> Any:
        compiled = lambda unit: without_barrier(unit, number, backwards=backwards)  # noqa: E731
        found = fused_sampler(compiled)(xp, rows, sets, NEAR, 2)
        return (found if len(found) == len(expected) else expected + 1,)

    expected = sparse_sets(xp, rows, sets, NEAR, 2)
    assert differs(run, (expected,))


@pytest.mark.parametrize("number", range(barriers_of("descent")))
def test_a_step_without_one_of_its_barriers_is_caught(number: int) -> None:
    rng = np.random.default_rng(0)
    avoid = np.linalg.qr(rng.standard_normal((300, 150)))[0].astype("float32")
    current, slope = rng.standard_normal((2, 300, 3)).astype("float32")
    current /= descent.size(np, outside(avoid, current))
    free = outside(avoid, current)

    def run(backwards: bool) -> Any:
        compiled = lambda unit: without_barrier(unit, number, backwards=backwards)  # noqa: E731
        return descent.fused_advance(compiled)(xp, current, free, slope, slope, avoid, 0.3)

    assert differs(run, descent.advance(np, current, free, slope, slope, avoid, 0.3))

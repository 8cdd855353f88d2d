"""Kernels of many sets of rows at once, against one set after the other."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.geometry.kernels import Kernels, batches
from spear_xp.geometry.nullspaces import INFLUENTIAL, grown, is_unique
from spear_xp.numerics.linalg import smallest_singular
from spear_xp.numerics.parts.blocks import BLOCK
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient, planted_problem
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.networks import Floats
from tests.helpers.truth import true_directions, true_recovery


def random_problem(seed: int, extra: int = 40, dtype: str = "float32") -> tuple[Problem, Floats]:
    """A problem of five samples; the first is inactive wherever the second is, and `extra` rows part them."""
    rng = np.random.default_rng(seed)
    pattern = rng.random((160, 5)) < 0.5
    pattern[:, 0] |= pattern[:, 1]
    parting = np.nonzero(~pattern[:, 0] & ~pattern[:, 1])[0][:extra]
    pattern[parting, 1] = True
    truth = planted_problem(pattern, gaussian_inputs(5, 30, rng=seed).astype(dtype), rng=seed)
    problem = reduce(validate(*truth.observed))
    directions = true_recovery(problem, truth.inputs).directions
    return problem, directions / np.linalg.norm(directions, axis=0)


def of(problem: Problem, directions: Floats) -> Kernels:
    return Kernels.of(problem, problem.zeros_of(directions), directions)


def unique(kernels: Kernels, *, strict: bool) -> Floats:
    """Which are surely unique, whatever a few rows do."""
    everyone = np.full(len(kernels.valid), INFLUENTIAL)
    return kernels.surely_unique(everyone, kernels.tests(everyone, strict=strict))


@given(strategies.seeds, st.sampled_from(["float32", "float64"]))
def test_kernels_are_those_of_full_decompositions(seed: int, dtype: str) -> None:
    problem, directions = random_problem(seed, dtype=dtype)
    rough = directions + 0.1 * np.random.default_rng(seed).standard_normal(directions.shape)
    zero = problem.zeros_of(directions)
    kernels = Kernels.of(problem, zero, rough)
    assert kernels.valid.all()
    for k in range(5):
        exact = np.linalg.svd(problem.rows[zero[:, k]])[2][-1]
        assert 1 - abs(exact @ kernels.directions[k]) < 1e-13
        rows = problem.rows[zero[:, k]]
        inverse = np.linalg.pinv(rows.T @ rows, rcond=1e-9)
        off = np.eye(5) - np.outer(exact, exact)
        np.testing.assert_allclose(kernels.spread(off)[k], np.diag(off @ inverse @ off), rtol=1e-4, atol=1e-6)
        leverage = np.sum(rows @ inverse * rows, axis=1)
        np.testing.assert_allclose(kernels.leverages()[k, : len(rows)], leverage, atol=1e-6)
        assert (kernels.leverages()[k, len(rows) :] == 0).all()


@given(strategies.seeds, st.integers(0, 14), st.booleans(), st.sampled_from(["float32", "float64"]))
def test_what_is_surely_unique_is_unique(seed: int, extra: int, strict: bool, dtype: str) -> None:
    problem, directions = random_problem(seed, extra, dtype)
    kernels = of(problem, directions)
    sure = unique(kernels, strict=strict)
    for k, zero in enumerate(problem.zeros_of(directions).T):
        rows = problem.rows[zero]
        pair = smallest_singular(np, rows).vectors
        assert not sure[k] or is_unique(problem, rows, pair[:, 0], pair[:, 1], strict=strict)
    assert sure[2:].all()
    assert extra > INFLUENTIAL or not sure[1]  # three rows alone part the first two samples


@given(strategies.seeds, st.integers(0, 14), st.booleans(), st.sampled_from(["float32", "float64"]))
def test_what_is_surely_bridged_is_not_unique(seed: int, extra: int, strict: bool, dtype: str) -> None:
    problem, directions = random_problem(seed, extra, dtype)
    kernels = of(problem, directions)
    everyone = np.full(5, INFLUENTIAL)
    bridged = kernels.surely_bridged(everyone, kernels.tests(everyone, strict=strict))
    assert not (bridged & unique(kernels, strict=strict)).any()
    for k, zero in enumerate(problem.zeros_of(directions).T):
        rows = problem.rows[zero]
        pair = smallest_singular(np, rows).vectors
        assert not bridged[k] or not is_unique(problem, rows, pair[:, 0], pair[:, 1], strict=strict)
    assert not bridged[2:].any()
    assert bridged[1] or extra == 0 or extra > INFLUENTIAL  # three rows alone part the first two samples


@given(strategies.seeds, st.sampled_from(["float32", "float64"]))
def test_what_two_samples_share_is_seen_though_nothing_can_be_inverted(seed: int, dtype: str) -> None:
    problem, directions = random_problem(seed, dtype=dtype)
    zero = problem.zeros_of(directions)
    zero[:, 0] = zero[:, 1] = zero[:, 0] & zero[:, 1]
    kernels = Kernels.of(problem, zero, directions)
    np.testing.assert_array_equal(kernels.surely_shared(), [True, True, False, False, False])
    shared = np.linalg.qr(directions[:, :2])[0]
    for direction in kernels.directions[:2]:
        assert np.linalg.norm(shared.T @ direction) > 1 - 1e-6
    assert not kernels.told[:2].any()


@pytest.mark.parametrize("extra", range(1, INFLUENTIAL + 1))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_that_alone_part_two_samples_make_neither_sure(dtype: str, extra: int) -> None:
    # Without these rows nothing is left of their difference but rounding, in float64 far above the noise.
    for seed in range(20):
        problem, directions = random_problem(seed, extra, dtype)
        assert not unique(of(problem, directions), strict=True)[1]


@pytest.mark.parametrize("rank", [3, 4, 6, 10])
def test_rounding_makes_no_shared_kernel_valid(rank: int) -> None:
    inputs = gaussian_inputs(rank, 80, rng=rank).astype("float64")
    truth = mlp_gradient(inputs, width=200, rng=rank)
    problem = reduce(validate(*truth.observed))
    for seed in range(60):
        rng = np.random.default_rng([rank, seed])
        shared = np.linalg.qr(rng.standard_normal((rank, 2))).Q
        rows = problem.rows - (problem.rows @ shared) @ shared.T
        guess = shared[:, :1] + 0.3 * rng.standard_normal((rank, 1))
        chosen = rng.random((problem.width, 1)) < 0.3
        assert not Kernels.of(replace(problem, rows=rows), chosen, guess).valid[0]


def test_noise_that_bridges_a_kernel_leaves_nothing_sure() -> None:
    problem, directions = random_problem(0)
    zero = problem.zeros_of(directions)
    for power in (0, 4, 5, 6, 7, 9):
        loud = replace(problem, noise_level=problem.noise_level * 10.0**power)
        sure = unique(Kernels.of(loud, zero, directions), strict=True)
        for k in range(5):
            pair = smallest_singular(np, problem.rows[zero[:, k]]).vectors
            assert not sure[k] or is_unique(loud, problem.rows[zero[:, k]], pair[:, 0], pair[:, 1])
        assert sure.all() or power
    assert not sure.any()


def test_a_shared_kernel_is_not_valid_or_not_sure(space: Backend) -> None:
    pattern = np.random.default_rng(0).random((200, 6)) < 0.4
    pattern[:90, :2], pattern[90:, :2] = True, False
    pattern[pattern.all(axis=1), 5] = False
    truth = planted_problem(pattern, gaussian_inputs(6, 40, rng=0), rng=0)
    problem = reduce(validate(*space.arrays(*truth.observed)))
    xp = problem.space.xp
    guess = problem.space.normal(np.random.default_rng(1), (6, 1))
    common = xp.astype(xp.arange(problem.width, device=problem.space.device) < 90, xp.bool)[:, None]
    kernels = Kernels.of(problem, common, guess)
    assert not unique(kernels, strict=False)[0]


def test_sets_of_different_sizes_and_parts_of_a_batch(space: Backend) -> None:
    truth = space.mlp(5, 90, 40)
    problem = reduce(validate(*truth.observed))
    xp = problem.space.xp
    directions = problem.space.asarray(true_directions(problem, truth.inputs, space))
    kernels = Kernels.of(problem, problem.zeros_of(directions), directions)
    some = kernels.take(np.arange(5) % 2 == 0)
    assert some.directions.shape == (3, 5)
    assert bool(xp.all(some.directions == kernels.directions[::2, :]))
    assert kernels.take(kernels.valid | True) is kernels
    assert int(xp.sum(kernels.counts)) == int(xp.sum(xp.astype(problem.zeros_of(directions), xp.int64)))


@pytest.mark.parametrize("extra", [5, 40])
def test_what_may_not_grow_does_not_grow(extra: int) -> None:
    for seed in range(6):
        problem, directions = random_problem(seed, extra)
        kernels = of(problem, directions)
        zero = problem.zeros_of(kernels.directions.T)
        grows = kernels.may_grow(zero)
        for k in range(5):
            rows = problem.rows[zero[:, k]]
            assert grows[k] or grown(problem, kernels.directions[k], zero[:, k], rows) is None


def test_batches_cover_everything_in_blocks(layer: LayerGradient, problem: Problem) -> None:
    parts = list(batches(problem, 1000))
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (0, 1000)
    assert (parts[0].stop - parts[0].start) * problem.width * problem.rank <= BLOCK


@given(strategies.seeds, st.integers(3, 5), st.sampled_from(["float32", "float64"]))
def test_rows_that_two_samples_share_are_sure_of_neither(seed: int, batch: int, dtype: str) -> None:
    """Without noise the rounding of a Gram matrix must not pass for something that rows show."""
    rng = np.random.default_rng(seed)
    truth = planted_problem(
        rng.random((100, batch)) < 0.6, gaussian_inputs(batch, 40, rng=seed).astype(dtype), rng=seed
    )
    problem = reduce(validate(*truth.observed))
    directions = true_recovery(problem, truth.inputs).directions
    zero = problem.zeros_of(directions / np.linalg.norm(directions, axis=0))
    pairs = [(i, j) for i in range(batch) for j in range(i)]
    common = np.stack([zero[:, i] & zero[:, j] for i, j in pairs], axis=1)
    mixed = np.stack([directions[:, i] + rng.standard_normal() * directions[:, j] for i, j in pairs], axis=1)
    kernels = Kernels.of(problem, common, mixed)
    assert not unique(kernels, strict=False).any()

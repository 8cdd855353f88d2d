import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.numerics.elimination import draw_subsets, kernel_directions
from spear_xp.numerics.random import Stream
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend
from tests.helpers.truth import sampled, true_recovery


def test_chunks_depend_on_their_number_and_seed_alone(problem: Problem) -> None:
    forward = [sampled(problem, chunk, seed=3, chunk_size=512) for chunk in range(4)]
    backward = [sampled(problem, chunk, seed=3, chunk_size=512) for chunk in reversed(range(4))]
    for one, other in zip(forward, reversed(backward), strict=True):
        np.testing.assert_array_equal(one.directions, other.directions)
        assert one.drawn == other.drawn == 512
    assert forward[0].directions.shape != forward[1].directions.shape or not np.array_equal(
        forward[0].directions, forward[1].directions
    )


def test_proposals_are_unit_directions_of_true_columns(problem: Problem, layer: LayerGradient) -> None:
    truth = true_recovery(problem, layer.inputs).directions
    truth = truth / np.linalg.norm(truth, axis=0)
    found = np.concatenate([sampled(problem, chunk).directions for chunk in range(5)], axis=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1)
    closest = np.abs(truth.T @ found)
    assert ((closest > 1 - 1e-6).any(axis=1)).all()  # every column is found
    assert (closest.max(axis=0) > 1 - 1e-6).mean() > 0.5  # and random directions do not crowd them out


def test_every_backend_sees_the_same_subsets(space: Backend) -> None:
    truth = space.mlp(5, 80, 40)
    problem = reduce(validate(*truth.observed))
    proposals = sampled(problem, 0, chunk_size=256)
    assert proposals.drawn == 256
    assert type(proposals.directions) is type(problem.rows)


@given(st.integers(1, 12), st.integers(1, 300), st.integers(0, 10**9), st.integers(0, 1000))
def test_subsets_are_distinct_rows_apart_from_those_set_aside(
    size: int, count: int, seed: int, chunk: int
) -> None:
    subsets, aside = draw_subsets(40, size, count, stream=Stream.SAMPLING, seed=seed, chunk=chunk, reserved=8)
    assert subsets.shape == (count, size)
    assert len(set(aside.tolist())) == 8
    for subset in subsets:
        assert len(set(subset.tolist())) == size
        assert not set(subset.tolist()) & set(aside.tolist())
    assert subsets.min() >= 0
    assert subsets.max() < 40


def test_subsets_are_uniform() -> None:
    drawn = np.concatenate(
        [draw_subsets(20, 5, 400, stream=Stream.SAMPLING, seed=0, chunk=c, reserved=4)[0] for c in range(200)]
    )
    share = np.bincount(drawn.reshape(-1), minlength=20) / drawn.size
    np.testing.assert_allclose(share, 0.05, rtol=0.15)


@given(st.integers(1, 30), st.integers(0, 10**9))
def test_kernels_are_orthogonal_to_their_rows(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((60, size + 1))
    subsets = np.stack([rng.permutation(60)[:size] for _ in range(8)])
    kernels = kernel_directions(np, rows, subsets)
    np.testing.assert_allclose(np.linalg.norm(kernels, axis=0), 1)
    misfit = np.abs(np.einsum("kij,jk->ki", rows[subsets], kernels)).max(axis=1)
    assert np.median(misfit) < 1e-9  # without pivots one in many may be inaccurate


def test_singular_subsets_break_down_alone() -> None:
    rows = np.random.default_rng(0).standard_normal((10, 4))
    rows[0] = 0
    kernels = kernel_directions(np, rows, np.array([[0, 1, 2], [3, 4, 5]]))
    assert not np.isfinite(kernels[:, 0]).all()
    assert np.abs(rows[3:6] @ kernels[:, 1]).max() < 1e-9

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.numerics.backend import space_of
from spear_xp.numerics.elimination import draw_subsets, kernel_directions, random_kernels
from spear_xp.numerics.random import Stream
from tests.conftest import Backend


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


def test_subsets_of_one_shuffle_are_disjoint() -> None:
    subsets, aside = draw_subsets(50, 7, 12, stream=Stream.SAMPLING, seed=3, chunk=2, reserved=8)
    for shuffle in (subsets[:6], subsets[6:]):  # six times seven of the 42 rows that are left
        assert len(set(shuffle.ravel().tolist()) | set(aside.tolist())) == 50
    assert len({frozenset(subset) for subset in subsets.tolist()}) == 12  # and every shuffle is another one


def test_every_backend_finds_the_kernels_of_a_full_decomposition(space: Backend) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40, 6))
    subsets, _ = draw_subsets(40, 5, 100, stream=Stream.SAMPLING, seed=0, chunk=0)
    here = space.asarray(rows)
    kernels = space.to_numpy(kernel_directions(space.xp, here, space_of(here).indices(subsets)))
    exact = np.linalg.svd(rows[subsets])[2][:, -1, :].T
    cosines = np.abs(np.sum(kernels * exact, axis=0))
    assert np.median(1 - cosines) < (1e-15 if space.dtype == "float64" else 1e-6)
    assert (cosines > 0.999).mean() > 0.98


def test_a_random_kernel_vanishes_on_one_row_fewer_than_its_coordinates() -> None:
    rows = np.random.default_rng(0).standard_normal((60, 5))
    kernels = random_kernels(space_of(rows), rows, 50, stream=Stream.SAMPLING, seed=1, chunk=4)
    assert kernels.shape == (5, 50)
    vanishing = np.abs(rows @ kernels) < 1e-9 * np.linalg.norm(kernels, axis=0)
    assert (vanishing.sum(axis=0) == 4).all()
    again = random_kernels(space_of(rows), rows, 50, stream=Stream.SAMPLING, seed=1, chunk=4)
    np.testing.assert_array_equal(kernels, again)


def test_random_kernels_are_finite_even_where_rows_are_all_the_same() -> None:
    rows = np.ones((10, 3))
    assert np.isfinite(random_kernels(space_of(rows), rows, 8, stream=Stream.SAMPLING, seed=0, chunk=0)).all()

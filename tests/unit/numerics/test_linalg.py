from collections.abc import Callable
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.numerics.linalg import (
    balance,
    cholesky,
    inverse,
    inverses,
    normalize,
    outside,
    smallest_singular,
    weighted_kernels,
)
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.careless import careless
from tests.helpers.networks import Floats


def with_singular_values(rng: np.random.Generator, m: int, values: Floats) -> tuple[Floats, Floats]:
    """A matrix with these singular values, and its right singular vectors as columns, in the same order."""
    left = np.linalg.qr(rng.standard_normal((m, len(values)))).Q
    right = np.linalg.qr(rng.standard_normal((len(values), len(values)))).Q
    return left * values @ right.T, right


def test_inverses_are_those_of_numpy(space: Backend) -> None:
    matrix = np.random.default_rng(0).standard_normal((7, 7))
    found, valid = inverse(space.xp, space.asarray(matrix))
    assert valid
    exact = np.linalg.inv(space.to_numpy(space.asarray(matrix)).astype(float))
    tolerance = 1e-12 if space.dtype == "float64" else 1e-4
    np.testing.assert_allclose(space.to_numpy(found), exact, atol=tolerance * np.abs(exact).max())


@pytest.mark.parametrize(
    "matrix",
    [np.zeros((3, 3)), np.ones((3, 3)), np.diag([1.0, 1.0, 0.0]), np.full((3, 3), np.nan)],
    ids=["zero", "equal rows", "a zero row", "not a number"],
)
def test_a_matrix_without_an_inverse_is_said_to_have_none(space: Backend, matrix: Floats) -> None:
    assert not inverse(space.xp, space.asarray(matrix))[1]


def test_an_inverse_that_rounding_has_spoiled_is_not_trusted() -> None:
    rows = np.random.default_rng(0).standard_normal((6, 6))
    rows[0] = rows[1] + 1e-15 * rows[2]
    assert not inverse(np, rows)[1]


def test_inverses_of_a_stack_are_those_of_each(space: Backend) -> None:
    stack = np.random.default_rng(0).standard_normal((5, 6, 6))
    found, valid = inverses(space.xp, space.asarray(stack))
    assert space.to_numpy(valid).all()
    tolerance = 1e-10 if space.dtype == "float64" else 1e-2
    np.testing.assert_allclose(space.to_numpy(found), np.linalg.inv(stack), rtol=tolerance, atol=tolerance)


def test_a_singular_matrix_of_a_stack_is_said_to_be_one(space: Backend) -> None:
    stack = np.random.default_rng(0).standard_normal((3, 4, 4))
    stack[1] = 0.0
    found, valid = inverses(space.xp, space.asarray(stack))
    assert space.to_numpy(valid).tolist() == [True, False, True]
    exact = np.linalg.inv(stack[2])
    np.testing.assert_allclose(space.to_numpy(found)[2], exact, rtol=1e-3, atol=1e-3 * np.abs(exact).max())


@pytest.mark.parametrize("scale", [1.0, 1e-8])
def test_roots_are_those_of_numpy_and_graded_ones_pass(space: Backend, scale: float) -> None:
    rows = np.random.default_rng(0).standard_normal((30, 6)) * scale ** np.linspace(0, 0.5, 6)
    found, valid = cholesky(space.xp, space.asarray(rows.T @ rows))
    assert valid
    tolerance = 1e-10 if space.dtype == "float64" else 1e-2
    np.testing.assert_allclose(space.to_numpy(found), np.linalg.cholesky(rows.T @ rows), rtol=tolerance)


@pytest.mark.parametrize("diagonal", [(1.0, -1e-9, 1.0), (1.0, 1.0, 0.0), (1.0, np.nan, 1.0)], ids=str)
def test_a_matrix_that_is_not_positive_has_no_root(space: Backend, diagonal: tuple[float, ...]) -> None:
    assert not cholesky(space.xp, space.asarray(np.diag(diagonal)))[1]


@pytest.mark.parametrize("make", [inverse, cholesky, inverses], ids=lambda make: make.__name__)
def test_garbage_of_a_library_that_does_not_raise_is_found_out(make: Callable[..., Any]) -> None:
    singular = strict.asarray(np.diag([1.0, -1.0, 0.0]))
    with careless():
        found, valid = make(strict, singular if make is not inverses else singular[None, :, :])
        assert bool(strict.all(strict.isfinite(found)))
    assert not np.asarray(valid).any()


@given(strategies.seeds, st.floats(-100, 100), st.sampled_from([0, 1]))
def test_unit_vectors_keep_their_direction_and_zero_stays_zero(seed: int, power: float, axis: int) -> None:
    vectors = 10.0**power * np.random.default_rng(seed).standard_normal((4, 5))
    vectors[:, 2], vectors[2, :] = 0.0, 0.0
    found = normalize(np, vectors, axis=axis)
    norms = np.linalg.norm(vectors, axis=axis, keepdims=True)
    np.testing.assert_allclose(found * norms, vectors, rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=axis), norms.squeeze() > 0, rtol=1e-12)


def test_what_is_outside_of_a_span_is_the_residual_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    basis, vectors = np.linalg.qr(rng.standard_normal((8, 3))).Q, rng.standard_normal((8, 5))
    expected = vectors - basis @ np.linalg.lstsq(basis, vectors)[0]
    np.testing.assert_allclose(outside(basis, vectors), expected, atol=1e-14)
    assert outside(None, vectors) is vectors


@pytest.mark.parametrize("columns", [1, 2, 5, 24, 25, 60])
@pytest.mark.parametrize("least", [0.0, 1e-9, 1e-2])
def test_the_two_smallest_singular_vectors_are_those_of_a_full_decomposition(
    space: Backend, columns: int, least: float
) -> None:
    """Few columns take a decomposition, many an iteration, which knows the second one less exactly."""
    rng = np.random.default_rng(columns)
    values = np.r_[least, 0.05, np.linspace(0.3, 1, 60)][:columns]
    matrix, right = with_singular_values(rng, 3 * columns + 2, values)
    found = smallest_singular(space.xp, space.asarray(matrix))
    vectors = space.to_numpy(found.vectors).astype(float)
    tolerance = 1e-13 if space.dtype == "float64" else 3e-6
    second = tolerance if columns <= 24 else 1e-3 * values[1]
    assert vectors.shape == (columns, min(columns, 2))
    assert abs(found.values[0] - least) < tolerance
    assert abs(right[:, 0] @ vectors[:, 0]) > 1 - 1e3 * tolerance
    assert abs(np.linalg.norm(matrix @ vectors[:, 0]) - least) < 10 * tolerance
    if columns == 1:
        assert found.values[1] == np.inf
    else:
        assert abs(found.values[1] - values[1]) < second
        assert abs(right[:, 1] @ vectors[:, 1]) > 1 - 1e3 * second
        assert abs(np.linalg.norm(matrix @ vectors[:, 1]) - values[1]) < 10 * second


@pytest.mark.parametrize("columns", [2, 24, 25, 60])
def test_a_kernel_of_two_dimensions_is_spanned(columns: int) -> None:
    values = np.r_[0.0, 0.0, np.linspace(0.3, 1, 60)][:columns]
    matrix, right = with_singular_values(np.random.default_rng(0), 3 * columns, values)
    found = smallest_singular(np, matrix)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(2), atol=1e-12)
    cosines = np.linalg.svd(right[:, :2].T @ found.vectors, compute_uv=False)
    np.testing.assert_allclose(cosines, 1, atol=1e-12)


@pytest.mark.parametrize("columns", [2, 6, 30])
def test_one_row_fewer_than_columns_has_a_kernel(columns: int) -> None:
    rows = np.random.default_rng(0).standard_normal((columns - 1, columns))
    found = smallest_singular(np, rows)
    assert np.abs(rows @ found.vectors[:, 0]).max() < 1e-12
    assert found.values[0] < 1e-12
    np.testing.assert_allclose(found.values[1], np.linalg.svd(rows, compute_uv=False)[-1], rtol=1e-9)


def test_weights_of_zero_and_one_give_the_kernels_of_subsets(space: Backend) -> None:
    """Rows of each sample are orthogonal to its direction where it is inactive."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.standard_normal((6, 6))).Q
    d = rng.standard_normal((80, 6)) * (rng.random((80, 6)) < 0.5)
    rows = d @ directions.T
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-30
    found = space.to_numpy(weighted_kernels(space.xp, *space.arrays(rows, (d == 0).astype(float))))
    cosines = np.abs(np.sum(found * directions, axis=0))
    assert (cosines > 1 - (1e-14 if space.dtype == "float64" else 1e-5)).all()


def test_weighted_kernels_are_the_least_singular_vectors_of_weighted_rows() -> None:
    rng = np.random.default_rng(1)
    rows = normalize(np, rng.standard_normal((60, 5)), axis=1)
    weights = rng.random((60, 7)) ** 6
    rows[:, 0] *= 1e-2  # one direction stands out under every weight
    turn = np.linalg.qr(rng.standard_normal((5, 5))).Q
    found = weighted_kernels(np, rows @ turn, weights)
    for k in range(7):
        right = np.linalg.svd(weights[:, k, None] ** 0.5 * rows @ turn)[2]
        assert abs(right[-1] @ found[:, k]) > 1 - 1e-9


@given(strategies.seeds, st.integers(1, 12), st.floats(0, 3))
def test_balanced_rows_are_the_same_rows_in_another_scale_and_basis(
    seed: int, columns: int, decades: float
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((20 * columns + 10, columns))
    rows = np.linalg.qr(rows * 10.0 ** rng.uniform(-decades, decades, (len(rows), 1))).Q
    rows = rows @ rng.standard_normal((columns, columns))
    balanced, change = balance(np, rows)
    moved = rows @ change
    np.testing.assert_allclose(balanced, moved / np.linalg.norm(moved, axis=1, keepdims=True), atol=1e-9)
    values = np.linalg.svd(balanced, compute_uv=False)
    assert values[0] < 1.5 * values[-1]  # all equal if the columns were orthonormal

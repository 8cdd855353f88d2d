import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp import errors
from spear_xp.reduction.factorization import factorize, factorize_saturated
from spear_xp.reduction.gradient import validate
from spear_xp.updates import images
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.matrices import low_rank
from tests.helpers.networks import Floats


def factors(matrix: Floats, batch_size: int | None = None, noise: Any = None) -> Any:
    weight = np.ones_like(matrix[:, :-1])
    checked = validate(matrix[:, :-1].copy(), matrix[:, -1].copy(), weight, weight[:, 0].copy())
    return factorize(checked, batch_size, noise=noise)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [1, 2, 5, 12, 30, 70, 100])
def test_rank_of_a_gradient_is_the_batch_size(batch: int, dtype: str) -> None:
    truth = mlp_gradient(gaussian_inputs(batch, 200, rng=batch).astype(dtype), width=300, rng=batch)
    assert factorize(validate(*truth.observed)).rank == batch


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["digits", "tabular", "faces"])
def test_rank_of_real_data(name: str, dtype: str) -> None:
    """Digits have pixels that are always zero, whose columns carry no noise either."""
    inputs = getattr(images, name)(8, rng=0).astype(dtype)
    assert factorize(validate(*mlp_gradient(inputs, width=150, rng=0).observed)).rank == 8


@pytest.mark.parametrize("distance", [1e-1, 1e-2, 1e-3, 1e-5])
def test_near_duplicate_inputs_count_in_double_precision(distance: float) -> None:
    inputs = gaussian_inputs(6, 80, rng=0).astype("float64")
    inputs[1] = inputs[0] + distance * gaussian_inputs(1, 80, rng=1)[0]
    truth = mlp_gradient(inputs, width=150, labels=np.arange(6), rng=0)
    assert factorize(validate(*truth.observed)).rank == 6


def test_equal_inputs_count_once() -> None:
    inputs = gaussian_inputs(6, 80, rng=0)
    inputs[1] = inputs[0]
    truth = mlp_gradient(inputs, width=150, rng=0)
    assert factorize(validate(*truth.observed)).rank == 5


@pytest.mark.parametrize("decay", [0, 3, 6, 9])
def test_rank_of_ill_conditioned_matrices(decay: float) -> None:
    matrix = low_rank(np.random.default_rng(1), 120, 90, 12, decay)
    assert factors(matrix).rank == 12


@pytest.mark.parametrize(
    ("kind", "decades"),
    [("relative", 0.3), ("relative", 1.0), ("additive", 0.3), ("additive", 1.0)],
)
@pytest.mark.parametrize("level", [1e-8, 1e-6, 1e-4])
def test_noise_level_and_model_are_found(kind: str, decades: float, level: float) -> None:
    rng = np.random.default_rng(3)
    m, n = 200, 150
    sizes = 10.0 ** rng.uniform(-decades, decades, (m, 1))
    matrix = sizes * low_rank(rng, m, n, 8) * (m * n) ** 0.5
    deviation = level * np.sqrt((matrix**2).mean(axis=1)) if kind == "relative" else np.full(m, level)
    found = factors(matrix + deviation[:, None] * rng.standard_normal((m, n)))
    assert found.rank == 8
    assert found.noise_model == kind
    np.testing.assert_allclose(found.noise_level / found.scale, deviation, rtol=0.05)


def test_rounding_to_single_precision_is_relative_noise() -> None:
    truth = mlp_gradient(gaussian_inputs(8, 100, rng=0), width=200, rng=0)
    found = factorize(validate(*truth.observed))
    assert found.noise_model == "relative"
    assert 1e-9 < found.noise_level * 101**0.5 < 3e-7


@pytest.mark.parametrize("long", [20_000, 20])
def test_factors_reproduce_the_scaled_rows(
    space: Backend, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Single precision in rows of more columns than `long` takes the way of long rows."""
    monkeypatch.setattr(importlib.import_module("spear_xp.reduction.spectrum"), "LONG", long)
    truth = space.mlp(5, 60, 40)
    checked = validate(*truth.observed)
    found = factorize(checked)
    left, values, right, scale = (
        space.to_numpy(a) for a in (found.left, found.singular_values, found.right, found.scale)
    )
    whole = np.c_[space.to_numpy(truth.grad_w), space.to_numpy(truth.grad_b)].astype(float)
    scaled = whole[space.to_numpy(checked.live)] * scale[:, None]
    coarse = "no_float64" in space.name or space.dtype == "float32"
    tolerance = 3e-6 if coarse else 1e-13
    np.testing.assert_allclose((left * values) @ right, scaled, atol=tolerance)
    np.testing.assert_allclose(left.T @ left, np.eye(5), atol=1e-5 if coarse else 1e-12)
    np.testing.assert_allclose(right @ right.T, np.eye(5), atol=1e-5 if coarse else 1e-12)
    assert (np.diff(values) <= 0).all()
    assert isinstance(found.noise_level, float)
    assert found.numerical_rank == found.rank == 5


@pytest.mark.parametrize("columns", [150, 22_000])
def test_columns_that_are_all_zero_change_neither_rank_nor_noise(columns: int) -> None:
    """Short rows, and long ones in single precision."""
    rng = np.random.default_rng(4)
    matrix = 1e3 * low_rank(rng, 120, columns, 8)
    matrix += 1e-3 * np.abs(matrix).mean() * rng.standard_normal(matrix.shape)
    full = factors(matrix.astype("float32"))
    wide = np.zeros((120, 2 * columns), "float32")
    wide[:, 1::2] = matrix
    found = factors(wide)
    assert (found.rank, found.noise_model) == (full.rank, full.noise_model) == (8, full.noise_model)
    assert found.noise_level == pytest.approx(full.noise_level, rel=0.02)
    assert not found.right[:, ::2].any()
    np.testing.assert_allclose(np.abs(found.right[:, 1::2]), np.abs(full.right), atol=1e-3)


@pytest.mark.parametrize("size", [1, 3, 5, 8, 40, 10**6])
def test_a_clear_gap_beats_the_batch_size_given(space: Backend, size: int) -> None:
    checked = validate(*space.mlp(5, 60, 40).observed)
    alone, found = factorize(checked), factorize(checked, size)
    assert (alone.expected, alone.clear_gap) == (None, True)
    assert (found.rank, found.numerical_rank, found.expected, found.clear_gap) == (5, 5, size, True)
    values = (space.to_numpy(each.singular_values) for each in (alone, found))
    np.testing.assert_allclose(*values, rtol=1e-5)


def gapless(seed: int = 0) -> Floats:
    """Rank 12, whose values fall off by two decades into added noise."""
    rng = np.random.default_rng(seed)
    return 200 * low_rank(rng, 150, 90, 12, 2.0) + 0.09 * rng.standard_normal((150, 90))


@pytest.mark.parametrize("size", [3, 8, 20, 80])
def test_without_a_gap_the_batch_size_given_counts(size: int) -> None:
    alone, found = factors(gapless()), factors(gapless(), size)
    assert not alone.clear_gap
    assert (found.rank, found.expected, found.clear_gap) == (size, size, False)
    assert found.numerical_rank == alone.numerical_rank == alone.rank
    common = min(size, alone.rank)
    np.testing.assert_allclose(found.singular_values[:common], alone.singular_values[:common])


def test_a_batch_size_helps_where_no_rule_sees_a_rank() -> None:
    noise = np.random.default_rng(0).standard_normal((60, 50))
    with pytest.raises(errors.RankError, match="no low rank"):
        factors(noise)
    found = factors(noise, 7)
    assert (found.rank, found.numerical_rank, found.clear_gap) == (7, 7, False)
    with pytest.raises(errors.RankError, match="batch_size=50"):
        factors(noise, 50)


@pytest.mark.parametrize("batch", [26, 28, 30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batches_nearly_as_large_as_the_number_of_features(batch: int, dtype: str) -> None:
    inputs = gaussian_inputs(batch, 30, rng=batch).astype(dtype)
    found = factorize(validate(*mlp_gradient(inputs, width=300, rng=batch).observed))
    assert (found.rank, found.clear_gap, found.noise_model) == (batch, True, "relative")


def test_batches_that_fill_all_columns_have_no_low_rank() -> None:
    truth = mlp_gradient(gaussian_inputs(40, 30, rng=0), width=300, rng=0)
    with pytest.raises(errors.RankError, match="31"):
        factorize(validate(*truth.observed))


@pytest.mark.parametrize("form", ["number", "rows", "entries"])
@pytest.mark.parametrize("rank", [5, 40])
def test_known_noise_is_used_as_it_is_given(form: str, rank: int) -> None:
    """Noise of rows that differ by a factor of 30, as large as their signal where it is largest."""
    rng = np.random.default_rng(1)
    m, n = 150, 91
    sizes = 10.0 ** rng.uniform(-1, 0.5, (m, 1)) if form != "number" else np.ones((m, 1))
    noise = sizes * 10.0 ** rng.uniform(-0.1, 0.1, (m, n)) if form == "entries" else sizes * np.ones((m, n))
    matrix = 60 * low_rank(rng, m, n, rank) + noise * rng.standard_normal((m, n))
    known = {"number": 1.0, "rows": sizes, "entries": noise[:, :-1]}[form]
    found = factors(matrix, noise=known)
    assert (found.rank, found.noise_model) == (rank, "additive")
    expected = np.sqrt((np.c_[noise[:, :-1], noise[:, -2]] ** 2).mean(axis=1))
    np.testing.assert_allclose(found.noise_level * found.row_noise / found.scale, expected, rtol=1e-12)
    bias = np.sqrt(((noise[:, -2] / expected) ** 2).mean())
    assert found.bias_noise == pytest.approx(bias * found.noise_level)


def test_known_noise_that_covers_everything_leaves_no_rank() -> None:
    matrix = low_rank(np.random.default_rng(0), 60, 50, 4)
    with pytest.raises(errors.RankError, match="with the given noise 0 singular values stick out"):
        factors(matrix, noise=10.0)
    assert factors(matrix, 4, noise=10.0).rank == 4


@pytest.mark.parametrize("size", [2, 7, 10**6])
def test_a_clear_gap_above_known_noise_beats_the_batch_size(size: int) -> None:
    matrix = low_rank(np.random.default_rng(0), 60, 50, 4)
    found = factors(matrix, size, noise=1e-6)
    assert (found.rank, found.expected, found.clear_gap) == (4, size, True)


def test_no_noise_is_the_same_as_none_given() -> None:
    matrix = low_rank(np.random.default_rng(0), 60, 50, 4)
    alone, found = factors(matrix), factors(matrix, noise=0.0)
    assert (alone.noise_level, alone.noise_model) == (found.noise_level, found.noise_model)


@given(strategies.planted_noise(), st.integers(-60, 60), strategies.seeds)
def test_planted_rank_and_model_whatever_the_unit_and_the_order_of_columns(
    case: tuple[Floats, int, str], power: int, seed: int
) -> None:
    matrix, rank, kind = case
    order = np.r_[np.random.default_rng(seed).permutation(matrix.shape[1] - 1), matrix.shape[1] - 1]
    found, turned = factors(matrix), factors(2.0**power * matrix[:, order])
    assert found.rank == turned.rank == rank
    assert found.noise_model == turned.noise_model == kind
    assert turned.noise_level == pytest.approx(found.noise_level, rel=1e-6)


@pytest.mark.parametrize("decay", [0, 3, 6])
@pytest.mark.parametrize(("m", "rank"), [(16, 6), (64, 6), (64, 50), (150, 20)])
def test_long_rows_have_the_factors_and_the_noise_of_a_full_decomposition(
    m: int, rank: int, decay: float
) -> None:
    rng = np.random.default_rng(2)
    matrix = low_rank(rng, m, 22_000, rank, decay).astype("float32")
    found = factors(matrix)
    scaled = matrix.astype(float) * found.scale[:, None]
    values, turned = np.linalg.svd(np.linalg.qr(scaled.T).R.T, full_matrices=False)[1::-1]
    assert found.rank == rank
    np.testing.assert_allclose(found.singular_values, values[:rank], rtol=1e-8)
    noise = np.linalg.norm(values[rank:]) / ((m - rank) * (22_000 - rank)) ** 0.5
    np.testing.assert_allclose(found.noise_level, noise, rtol=0.02)
    turn = noise * m**0.5 / values[rank - 1]  # of the last factor, by the noise: the computation adds little
    apart = found.left - turned[:, :rank] @ (turned[:, :rank].T @ found.left)
    assert np.linalg.norm(apart, 2) < 0.1 * turn + 1e-13
    np.testing.assert_allclose(found.right @ found.right.T, np.eye(rank), atol=1e-7)


@pytest.mark.parametrize("m", [30, 120])
def test_long_rows_of_full_rank(m: int) -> None:
    with pytest.raises(errors.RankError, match=rf"numerical rank.*{m}.*need less"):
        factors(np.random.default_rng(0).standard_normal((m, 21_000)).astype("float32"))


def test_long_rows_without_any_rounding_error() -> None:
    rng = np.random.default_rng(0)
    exact = rng.integers(-3, 4, (100, 5)) @ rng.integers(-3, 4, (5, 21_000))
    found = factors(exact.astype("float32"))
    assert found.rank == 5
    assert found.noise_level < 1e-14


@pytest.mark.parametrize("shape", [(400, 30), (30, 400)])
def test_tall_and_wide_gradients(shape: tuple[int, int]) -> None:
    truth = mlp_gradient(gaussian_inputs(6, shape[1], rng=0), width=shape[0], rng=0)
    assert factorize(validate(*truth.observed)).rank == 6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_as_many_samples_as_columns_fill_the_rank(dtype: str) -> None:
    """No singular value is left for the noise; it is what rounding of the entries leaves."""
    inputs = gaussian_inputs(21, 20, rng=1).astype(dtype)
    gradient = validate(*mlp_gradient(inputs, width=200, rng=1).observed)
    found = factorize_saturated(gradient)
    assert (found.rank, found.noise_model, found.clear_gap) == (21, "relative", False)
    exact = np.linalg.svd(
        np.c_[gradient.grad_w, gradient.grad_b][np.asarray(gradient.live)].astype(float)
        * np.asarray(found.scale)[:, None],
        compute_uv=False,
    )
    np.testing.assert_allclose(found.singular_values, exact, rtol=1e-6)
    assert 0.01 < found.noise_level / (gradient.roundoff + 4e-16) < 4


def test_columns_that_are_zero_do_not_count_for_a_full_rank() -> None:
    inputs = gaussian_inputs(21, 20, rng=1)
    inputs[:, 3] = 0
    found = factorize_saturated(validate(*mlp_gradient(inputs, width=200, rng=1).observed))
    assert found.rank == 20


@pytest.mark.parametrize(("batch", "width", "message"), [(15, 200, "less rank"), (30, 20, "live rows")])
def test_no_full_rank_without_enough_samples_and_rows(batch: int, width: int, message: str) -> None:
    truth = mlp_gradient(gaussian_inputs(batch, 20, rng=1), width=width, rng=1)
    with pytest.raises(errors.RankError, match=message):
        factorize_saturated(validate(*truth.observed))


@pytest.mark.parametrize("options", [{}, {"batch_size": 3}, {"noise": 1e-3}])
def test_without_live_rows_there_is_no_rank(options: dict[str, Any]) -> None:
    gradient = validate(*mlp_gradient(gaussian_inputs(3, 20, rng=0), width=30, rng=0).observed)
    with pytest.raises(errors.RankError, match="no live rows"):
        factorize(replace(gradient, live=gradient.live[:0]), **options)

import importlib
import re
from collections.abc import Callable
from itertools import product

import array_api_strict
import numpy as np
import pytest

from spear_xp import Status, errors, invert
from spear_xp.numerics.backend import enter
from spear_xp.reduction.factorization import factorize
from spear_xp.reduction.gradient import checked, validate
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.networks import Floats

NAMES = ("grad_w", "grad_b", "weight", "bias")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_entries_that_are_not_finite_are_counted_in_the_message(
    layer: LayerGradient, name: str, value: float
) -> None:
    arrays = {key: getattr(layer, key).copy() for key in NAMES}
    arrays[name][-2:] = value
    bad = arrays[name][-2:].size
    with pytest.raises(errors.NonFiniteError, match=rf"{name} holds {bad} NaN or infinite.*finite"):
        invert(**arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grad_w": lambda a: a[:, 0]}, r"grad_w has shape \(90,\): need \(m, n\)"),
        ({"grad_b": lambda a: a[:, None]}, r"grad_b has shape \(90, 1\): need \(m,\)"),
        ({"weight": lambda a: a[None]}, r"weight has shape \(1, 90, 40\): need \(m, n\)"),
        ({"bias": lambda a: a[0]}, r"bias has shape \(\): need \(m,\)"),
        ({"grad_w": lambda a: a.T}, r"grad_w has shape \(40, 90\).*transposed, need \(90, 40\)"),
        ({"weight": lambda a: a.T}, r"weight has shape \(40, 90\): need \(90, 40\)"),
        ({"weight": lambda a: a[:, :-1]}, r"weight has shape \(90, 39\): need \(90, 40\)"),
        ({"grad_w": lambda a: a[:, :-1]}, r"weight has shape \(90, 40\): need \(90, 39\)"),
        ({"grad_b": lambda a: a[:-1]}, r"grad_b has length 89 and bias 90: need 90"),
        ({"bias": lambda a: a[:-1]}, r"grad_b has length 90 and bias 89: need 90"),
        (dict.fromkeys(NAMES, lambda a: a[:1]), r"width m=1: need at least 2"),
        (dict.fromkeys(NAMES, lambda a: a[:0]), r"m=0: need at least 2"),
        ({"grad_w": lambda a: a[:, :0], "weight": lambda a: a[:, :0]}, r"n=0 inputs: need at least 1"),
    ],
)
def test_wrong_shapes_are_named(
    layer: LayerGradient, change: dict[str, Callable[[Floats], Floats]], message: str
) -> None:
    arrays = {name: change.get(name, lambda a: a)(getattr(layer, name)) for name in NAMES}
    with pytest.raises(errors.ShapeError, match=message):
        validate(**arrays)


def test_a_square_gradient_cannot_be_told_from_its_transpose_and_passes() -> None:
    truth = mlp_gradient(gaussian_inputs(3, 30, rng=0), width=30, rng=0)
    assert validate(truth.grad_w.T, *truth.observed[1:]).columns == 31


def test_zero_gradient(layer: LayerGradient) -> None:
    with pytest.raises(errors.ZeroGradientError, match=r"grad_w and grad_b are zero.*active"):
        invert(0 * layer.grad_w, 0 * layer.grad_b, layer.weight, layer.bias)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.bool_, np.complex128])
@pytest.mark.parametrize("name", NAMES)
def test_arrays_that_are_not_real_floating(layer: LayerGradient, name: str, dtype: type) -> None:
    arrays = {key: getattr(layer, key) for key in NAMES}
    arrays[name] = arrays[name].astype(dtype)
    message = rf"{name} has dtype {np.dtype(dtype).name}: need a real floating-point dtype"
    with pytest.raises(errors.DtypeError, match=message):
        validate(**arrays)


@pytest.mark.parametrize(
    ("name", "other"),
    [*product(NAMES, ["a list", 3.0]), ("grad_w", None), ("weight", None)],
)
def test_arguments_that_are_not_arrays(layer: LayerGradient, name: str, other: object) -> None:
    arrays = {key: getattr(layer, key) for key in NAMES} | {name: other}
    with pytest.raises(errors.ArrayLibraryError, match=rf"{name} is {type(other).__name__}: need"):
        invert(**arrays)


def test_what_is_missing_of_a_bias_is_zero(layer: LayerGradient) -> None:
    arrays = {"grad_w": layer.grad_w, "weight": layer.weight}
    for more in ({}, {"bias": layer.bias}):
        space, given, _ = enter(**arrays, **more)
        found = checked(space, given)
        assert not found.scaled
        assert not found.grad_b.any()
        assert found.bias.any() == bool(more)
        assert not found.filled[-1]
        assert factorize(found).rank == factorize(validate(*layer.observed)).rank
    space, given, _ = enter(**arrays, weight_after=layer.weight + layer.grad_w)
    found = checked(space, given)
    moved = np.linalg.norm(layer.grad_w, axis=1)[found.live]
    np.testing.assert_allclose(found.drift(found.live), moved, rtol=1e-4)


def test_a_nested_list_is_not_an_array(layer: LayerGradient) -> None:
    with pytest.raises(errors.ArrayLibraryError, match="grad_w is list: need a NumPy, CuPy or torch"):
        invert(layer.grad_w.tolist(), *layer.observed[1:])


@pytest.mark.parametrize("name", NAMES)
def test_arrays_of_two_libraries(layer: LayerGradient, name: str) -> None:
    arrays = {key: getattr(layer, key) for key in NAMES}
    arrays[name] = array_api_strict.asarray(arrays[name])
    with pytest.raises(errors.ArrayLibraryError, match=r"grad_w.*numpy.*one library"):
        invert(**arrays)


@pytest.mark.parametrize("name", NAMES)
def test_arrays_on_two_devices(layer: LayerGradient, name: str) -> None:
    places = {key: array_api_strict.Device("device1" if key == name else "CPU_DEVICE") for key in NAMES}
    arrays = {
        key: array_api_strict.asarray(getattr(layer, key), device=place) for key, place in places.items()
    }
    with pytest.raises(errors.ArrayLibraryError, match=r"device1.*CPU_DEVICE|CPU_DEVICE.*device1") as caught:
        invert(**arrays)
    assert name in str(caught.value)
    assert "need one device" in str(caught.value)


@pytest.mark.parametrize("batch_size", [0, -3, True, False, 2.0, "6", np.float64(6)])
def test_batch_size_that_is_no_positive_integer(layer: LayerGradient, batch_size: object) -> None:
    message = rf"batch_size={re.escape(repr(batch_size))}: need an integer >= 1"
    with pytest.raises(errors.ArgumentRangeError, match=message):
        invert(*layer.observed, batch_size=batch_size)


def test_a_numpy_integer_is_a_batch_size(layer: LayerGradient) -> None:
    assert invert(*layer.observed, batch_size=np.int64(6), rng=0).batch_size == 6


@pytest.mark.parametrize("batch_size", [2, 7, 89, 10**6])
def test_a_clear_gap_beats_the_batch_size(layer: LayerGradient, batch_size: int) -> None:
    result = invert(*layer.observed, batch_size=batch_size, rng=0)
    assert result.batch_size == 6
    assert result.success


@pytest.mark.parametrize("batch_size", [41, 10**6])
def test_a_batch_size_that_leaves_no_room_for_noise(batch_size: int) -> None:
    rng = np.random.default_rng(0)
    grad_w, weight = rng.standard_normal((2, 90, 40))
    grad_b, bias = rng.standard_normal((2, 90))
    message = rf"batch_size={batch_size} and grad_w has numerical rank.*41.*need less"
    with pytest.raises(errors.RankError, match=message):
        factorize(validate(grad_w, grad_b, weight, bias), batch_size)
    result = invert(grad_w, grad_b, weight, bias, batch_size=batch_size, time_limit=3.0)
    assert (
        not result.certified.any()
    )  # it may hold more samples than dimensions, which only a search can tell


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(90, 40), (40, 90), (60, 60)])
def test_a_gradient_of_full_rank(shape: tuple[int, int], dtype: str) -> None:
    rng = np.random.default_rng(0)
    grad_w, weight = rng.standard_normal((2, *shape)).astype(dtype)
    grad_b, bias = rng.standard_normal((2, shape[0])).astype(dtype)
    message = rf"grad_w has numerical rank.*{min(shape[0], shape[1] + 1)}.*need less"
    with pytest.raises(errors.RankError, match=message):
        factorize(validate(grad_w, grad_b, weight, bias))
    if shape[0] <= shape[1] + 1:
        with pytest.raises(errors.RankError, match=message):
            invert(grad_w, grad_b, weight, bias)
    else:  # more rows than columns: it may hold more samples than dimensions
        assert invert(grad_w, grad_b, weight, bias).status is Status.HOPELESS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"search": "magic"}, r"search='magic': need one of .*'sampling'"),
        ({"time_limit": 0}, r"time_limit=0: need a positive"),
        ({"time_limit": -1.0}, r"time_limit=-1.0: need a positive"),
        ({"time_limit": float("nan")}, r"time_limit=nan: need a positive"),
        ({"rng": -1}, r"rng=-1: need"),
        ({"rng": "seed"}, r"rng='seed': need"),
    ],
)
def test_options_out_of_range(layer: LayerGradient, options: dict[str, object], message: str) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=message):
        invert(*layer.observed, **options)


def test_every_error_is_a_value_error() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(kind, errors.SpearError) and issubclass(kind, ValueError) for kind in kinds)
    assert issubclass(errors.DtypeError, TypeError)
    assert issubclass(errors.ArrayLibraryError, TypeError)


def test_bad_input_leaves_the_arguments_as_they_were(layer: LayerGradient) -> None:
    copies = [array.copy() for array in layer.observed]
    with pytest.raises(errors.ArgumentRangeError):
        invert(*layer.observed, batch_size=0)
    invert(*layer.observed, rng=0)
    assert all(np.array_equal(a, b) for a, b in zip(copies, layer.observed, strict=True))


def test_dead_rows_are_those_without_any_active_sample(space: Backend) -> None:
    truth = space.mlp(3, 80, 20)
    found = validate(*truth.observed)
    silent = space.to_numpy(truth.zero_pattern).all(axis=1)
    assert silent.any()
    assert np.array_equal(np.nonzero(silent)[0], space.to_numpy(found.dead))
    assert np.array_equal(np.nonzero(~silent)[0], space.to_numpy(found.live))


@pytest.mark.parametrize("power", [-30, -15, 0, 15])
def test_norms_neither_overflow_nor_underflow(power: int) -> None:
    truth = mlp_gradient(gaussian_inputs(3, 20, rng=0).astype("float64"), width=50, rng=0)
    grad_w, grad_b = (10.0**power * array for array in truth.observed[:2])
    expected = np.linalg.norm(np.c_[truth.grad_w, truth.grad_b], axis=1) * 10.0**power
    found = validate(grad_w.astype("float32"), grad_b.astype("float32"), *truth.observed[2:])
    np.testing.assert_allclose(found.norms, expected, rtol=1e-5)


@pytest.mark.parametrize("narrow", [1, 7, 64])
def test_blocks_are_the_live_rows_of_the_extended_gradient(
    space: Backend, narrow: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("spear_xp.reduction.gradient")
    monkeypatch.setattr(module, "BLOCK_BYTES", 1)
    monkeypatch.setattr(module, "NARROW", narrow)
    truth = space.mlp(3, 50, 20)
    found = validate(*truth.observed)
    starts, stops, blocks = zip(*found.blocks(), strict=True)
    whole = np.c_[space.to_numpy(truth.grad_w), space.to_numpy(truth.grad_b)]
    assert [*starts, 21] == [0, *stops]
    joined = np.concatenate([space.to_numpy(block) for block in blocks], axis=1)
    assert np.array_equal(joined, whole[space.to_numpy(found.live)])


@pytest.mark.parametrize(("size", "live"), [(1e-9, False), (1e-5, True)])
def test_negligible_rows_are_neither_live_nor_dead(
    precise_layer: LayerGradient, size: float, live: bool
) -> None:
    grad_w, grad_b = precise_layer.grad_w.copy(), precise_layer.grad_b.copy()
    row = int(np.abs(grad_b).argmax())
    scale = size / np.linalg.norm(np.c_[grad_w, grad_b][row])
    scale *= np.median(np.linalg.norm(np.c_[grad_w, grad_b], axis=1)[precise_layer.grad_b != 0])
    grad_w[row] *= scale
    grad_b[row] *= scale
    found = validate(grad_w, grad_b, precise_layer.weight, precise_layer.bias)
    assert (row in found.live) == live
    assert row not in found.dead


def test_columns_that_are_all_zero_are_told_from_the_others(space: Backend) -> None:
    truth = space.mlp(3, 50, 20)
    grad_w = space.to_numpy(truth.grad_w).copy()
    grad_w[:, [0, 7, 19]] = 0.0
    found = validate(*space.arrays(grad_w), *truth.observed[1:])
    assert np.nonzero(~space.to_numpy(found.filled))[0].tolist() == [0, 7, 19]


def test_factorize_checks_the_batch_size_too(layer: LayerGradient) -> None:
    with pytest.raises(errors.ArgumentRangeError, match="batch_size=0"):
        factorize(validate(*layer.observed), 0)


def test_drift_is_how_far_each_row_of_the_layer_has_moved(space: Backend) -> None:
    truth = space.mlp(4, 60, 30)
    rng = np.random.default_rng(0)
    arrays = dict(zip(NAMES, truth.observed, strict=True))
    steps = [rng.standard_normal(np.shape(space.to_numpy(arrays[name]))) for name in ("weight", "bias")]
    checked_space, entered, _ = enter(**arrays)
    after = [
        entered[name] + checked_space.asarray(step)
        for name, step in zip(("weight", "bias"), steps, strict=True)
    ]
    gradient = checked(checked_space, entered | {"weight_after": after[0], "bias_after": after[1]})
    rows = gradient.live[3:7]
    expected = np.linalg.norm(np.c_[steps[0], steps[1]], axis=1)[space.to_numpy(rows)]
    drift = gradient.drift(rows)
    assert drift is not None
    np.testing.assert_allclose(space.to_numpy(drift), expected, rtol=1e-4)
    assert checked(checked_space, entered).drift(rows) is None


def test_rows_below_the_smallest_normal_number_do_not_count(layer: LayerGradient) -> None:
    arrays = dict(zip(NAMES, (one.astype(np.float64) for one in layer.observed), strict=True))
    arrays["grad_w"][:60], arrays["grad_b"][:60] = 1e-320, 0.0
    gradient = validate(**arrays)
    assert gradient.live.min() >= 60
    assert not (gradient.dead < 60).any()
    with np.errstate(all="raise"):
        assert invert(**arrays, rng=0, work_limit=1e6).batch_size == 6

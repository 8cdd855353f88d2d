"""NumPy against array-api-strict: the same seed, the same search, the same result to rounding."""

from typing import Any

import array_api_strict
import numpy as np
import pytest

from spear_xp import invert
from spear_xp.updates import images
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.careless import careless
from tests.helpers.networks import network

# Rooms that easier batches never enter: information sets, splitting, single rows, tentative and nuisance
# sets. The last one has less than it needs, and ends where its work does.
HARD = {
    "few rows": lambda: (gaussian_inputs(30, 784, rng=0), 100, 3e10),
    "fewer rows": lambda: (gaussian_inputs(10, 60, rng=0), 30, 1e10),
    "near-duplicates": lambda: (images.crops(12, distinct=0.0, rng=0), 200, 3e10),
    "near-duplicates, cut short": lambda: (images.crops(24, distinct=0.0, rng=1), 300, 1e10),
}

CPU = array_api_strict.Device("CPU_DEVICE")
CASES = {
    "gaussian": lambda dtype: (gaussian_inputs(8, 60, rng=0).astype(dtype), 140, 2),
    "gaussian, deeper": lambda dtype: (gaussian_inputs(10, 40, rng=1).astype(dtype), 200, 3),
    "faces": lambda dtype: (images.faces(8, rng=0).astype(dtype), 160, 2),
    "one sample": lambda dtype: (gaussian_inputs(1, 60, rng=2).astype(dtype), 40, 2),
    "two samples": lambda dtype: (gaussian_inputs(2, 60, rng=3).astype(dtype), 60, 2),
}


def host(array: Any) -> Any:
    return np.asarray(array_api_strict.asarray(array, device=CPU))


def both(truth: LayerGradient, device: str, **options: Any) -> tuple[Any, Any]:
    place = array_api_strict.Device(device)
    moved = (array_api_strict.asarray(a, device=place) for a in truth.observed)
    return invert(*truth.observed, rng=5, **options), invert(*moved, rng=5, **options)


def agree(one: Any, other: Any, *, atol: float) -> None:
    """The same search, and the same result to rounding."""
    assert one.status is other.status
    assert (one.batch_size, one.reasons) == (other.batch_size, other.reasons)
    for name in ("samples_drawn", "candidates", "threshold", "noise_model"):
        assert getattr(one.trace, name) == getattr(other.trace, name), name
    np.testing.assert_array_equal(one.certified, host(other.certified))
    np.testing.assert_allclose(one.inputs, host(other.inputs), atol=atol)
    np.testing.assert_allclose(one.error_bars, host(other.error_bars), rtol=1e-2)
    assert one.trace.noise_level == pytest.approx(other.trace.noise_level, rel=1e-2)


@pytest.mark.parametrize("device", ["CPU_DEVICE", "device1"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_the_same_seed_gives_the_same_search(case: str, dtype: str, device: str) -> None:
    inputs, width, depth = CASES[case](dtype)
    truth = mlp_gradient(inputs, width=width, depth=depth, rng=0)
    one, other = both(truth, device)
    agree(one, other, atol=1e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("case", HARD)
def test_the_same_seed_gives_the_same_search_where_much_has_to_be_tried(case: str) -> None:
    inputs, width, work = HARD[case]()
    one, other = both(mlp_gradient(inputs, width=width, rng=0), "device1", work_limit=work, time_limit=1e3)
    agree(one, other, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_library_that_hands_back_garbage_in_silence_gives_the_same_search(case: str) -> None:
    inputs, width, depth = CASES[case]("float32")
    with careless():
        agree(*both(mlp_gradient(inputs, width=width, depth=depth, rng=0), "device1"), atol=1e-6)


@pytest.mark.parametrize("case", HARD)
def test_it_does_where_much_has_to_be_tried(case: str) -> None:
    inputs, width, work = HARD[case]()
    truth = mlp_gradient(inputs, width=width, rng=0)
    with careless():
        agree(*both(truth, "device1", work_limit=work, time_limit=1e3), atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_the_same_directions_without_a_bias_gradient(bias: bool) -> None:
    rng = np.random.default_rng(0)
    net = network((40, 90, 10), rng)
    net.biases[0][:] *= bias
    grad_w, _, weight, beta = net.observed(gaussian_inputs(6, 40, rng=0), rng.integers(0, 10, 6))
    moved = [array_api_strict.asarray(one, device=CPU) for one in (grad_w, weight, beta)]
    one = invert(grad_w, None, weight, beta if bias else None, rng=5)
    other = invert(moved[0], None, moved[1], moved[2] if bias else None, rng=5)
    assert one.status is other.status
    np.testing.assert_array_equal(one.direction_certified, host(other.direction_certified))
    np.testing.assert_allclose(one.inputs, host(other.inputs), atol=1e-5)


def test_gradients_agree() -> None:
    inputs = gaussian_inputs(6, 30, rng=0).astype("float64")
    one = mlp_gradient(inputs, width=40, depth=4, rng=0)
    other = mlp_gradient(array_api_strict.asarray(inputs), width=40, depth=4, rng=0)
    for a, b in zip(one.observed, other.observed, strict=True):
        np.testing.assert_allclose(a, host(b), atol=1e-15)


def test_a_device_without_double_precision_certifies_the_same_samples() -> None:
    truth = mlp_gradient(gaussian_inputs(8, 60, rng=0), width=140, rng=0)
    one, other = both(truth, "no_float64")
    assert one.status is other.status
    np.testing.assert_allclose(np.sort(one.inputs, axis=0), np.sort(host(other.inputs), axis=0), atol=1e-4)

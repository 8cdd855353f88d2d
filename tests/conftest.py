"""Fixtures: array backends, and Hypothesis profiles (derandomised where CI is set)."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_strict
import numpy as np
import pytest
from array_api_compat import numpy as array_api_numpy
from hypothesis import HealthCheck, settings

from spear_xp import invert
from spear_xp.reduction.gradient import Gradient, validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats

settings.register_profile(
    "local", deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@dataclass(frozen=True, slots=True)
class Backend:
    """An array library, a device and a dtype, and the accuracy that a recovery reaches there."""

    name: str
    xp: Any
    device: Any
    dtype: str
    least_psnr: float

    def asarray(self, values: Floats) -> Any:
        kind = self.dtype if np.asarray(values).dtype.kind == "f" else str(np.asarray(values).dtype)
        return self.xp.asarray(values, dtype=getattr(self.xp, kind), device=self.device)

    def arrays(self, *values: Floats) -> tuple[Any, ...]:
        return tuple(self.asarray(value) for value in values)

    def to_numpy(self, array: Any) -> Floats:
        if self.xp.__name__ == "array_api_strict":
            array = array_api_strict.asarray(array, device=array_api_strict.Device("CPU_DEVICE"))
        return np.asarray(array.get() if hasattr(array, "get") else array)

    def mlp(self, batch: int, width: int, features: int, **options: Any) -> LayerGradient:
        """A synthetic gradient computed in this library."""
        seed = options.pop("rng", 0)
        inputs = self.asarray(gaussian_inputs(batch, features, rng=seed))
        return mlp_gradient(inputs, width=width, rng=seed, **options)


def _cupy() -> Any:
    """CuPy, if a device answers."""
    try:
        import cupy
        from array_api_compat import cupy as array_api_cupy

        cupy.zeros(1).sum().item()
    except Exception:  # noqa: BLE001  # whatever keeps CuPy from working: there is no device to test on
        return None
    return array_api_cupy


STRICT = [
    ("strict CPU_DEVICE float64", "CPU_DEVICE", "float64", 200.0),
    ("strict device1 float32", "device1", "float32", 120.0),
    ("strict no_float64 float32", "no_float64", "float32", 100.0),
]
BACKENDS = {
    "numpy float64": lambda: Backend("numpy float64", array_api_numpy, "cpu", "float64", 200.0),
    "numpy float32": lambda: Backend("numpy float32", array_api_numpy, "cpu", "float32", 120.0),
    **{
        name: lambda name=name, place=place, dtype=dtype, psnr=psnr: Backend(
            name, array_api_strict, array_api_strict.Device(place), dtype, psnr
        )
        for name, place, dtype, psnr in STRICT
    },
    "cupy float32": lambda: Backend("cupy float32", _cupy(), None, "float32", 120.0),
    "cupy float64": lambda: Backend("cupy float64", _cupy(), None, "float64", 200.0),
}


@pytest.fixture(scope="session", params=BACKENDS)
def space(request: pytest.FixtureRequest) -> Backend:
    """Every array backend, one after the other."""
    backend = BACKENDS[request.param]()
    if backend.xp is None:
        pytest.skip("no CUDA device answers through CuPy")
    return backend


@pytest.fixture(scope="session")
def layer() -> LayerGradient:
    """A batch of 6 behind 90 neurons, float32."""
    return mlp_gradient(gaussian_inputs(6, 40, rng=1), width=90, rng=1)


@pytest.fixture(scope="session")
def precise_layer() -> LayerGradient:
    """The same in float64."""
    return mlp_gradient(gaussian_inputs(6, 40, rng=1).astype("float64"), width=90, rng=1)


@pytest.fixture(scope="session")
def gradient(layer: LayerGradient) -> Gradient:
    return validate(*layer.observed)


@pytest.fixture(scope="session")
def problem(gradient: Gradient) -> Problem:
    return reduce(gradient)


@pytest.fixture(scope="session")
def solve() -> Callable[..., Any]:
    """`invert` with a seed and a time limit that no solvable test reaches."""

    def run(*arrays: Any, **options: Any) -> Any:
        return invert(*arrays, **{"rng": 0, "time_limit": 20.0, **options})

    return run

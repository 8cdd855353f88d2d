"""Enters: the caller's arrays. Leaves: one namespace, one device, and the way back.

This file alone names CuPy and torch. Everything else receives a namespace `xp` and calls the
array API standard on it. Randomness is drawn on the host, so that every backend sees the same.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
from array_api_compat import (
    array_namespace,
    device,
    is_array_api_obj,
    is_array_api_strict_namespace,
    is_cupy_array,
    is_cupy_namespace,
    is_numpy_namespace,
    is_torch_array,
    to_device,
)

from spear_xp.errors import ArrayLibraryError, DtypeError

__all__ = [
    "Array",
    "Host",
    "LinAlgError",
    "Namespace",
    "Space",
    "enter",
    "laid_out",
    "layout_of",
    "libraries",
    "on_device",
    "on_its_device",
    "quiet",
    "signs",
    "space_of",
    "to_host",
]

# chosen: times its own bytes that an array may span in memory: a column of a matrix with so many; a damaged
# file asks for no more
SPREAD = 2**24
Array = Any  # an array of whatever library the caller uses
Namespace = Any  # its array API namespace
Host = np.ndarray[Any, Any]  # an array that is known to live in host memory
LinAlgError = np.linalg.LinAlgError
Given = ParamSpec("Given")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace, a device on it, and the widest real dtype that the device computes in.

    Attributes
    ----------
    xp : module
        Array API namespace.
    device : object
        Device on which every array of a computation lives.
    dtype : object
        float64 where the device has it, else float32.
    """

    xp: Namespace
    device: Any
    dtype: Any

    @property
    def eps(self) -> float:
        """Rounding unit of `dtype`."""
        return float(self.xp.finfo(self.dtype).eps)

    def current(self) -> AbstractContextManager[Any]:
        """Make the device current: CuPy creates arrays there, whatever `device=` says."""
        return self.device if hasattr(self.device, "__enter__") else nullcontext()

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Host values as an array of this space; `dtype` defaults to the working dtype."""
        return self.xp.asarray(values, dtype=self.dtype if dtype is None else dtype, device=self.device)

    def indices(self, values: Any) -> Array:
        """Host integers as an index array of this space."""
        return self.asarray(np.asarray(values), dtype=self.xp.int64)

    def fused(self, name: str) -> Callable[..., Any] | None:
        """A kernel of `numerics/cuda`, where the device compiles it; None where arrays have to do."""
        if not is_cupy_namespace(self.xp) or "cupy" not in sys.modules:  # a double of it compiles nothing
            return None
        from spear_xp.numerics.cuda import FUSED  # its twins are written on top of this file

        return FUSED[name](_compiled)

    def normal(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Standard normal numbers, drawn on the host."""
        return self.asarray(rng.standard_normal(shape))


@lru_cache(maxsize=64)
def _compiled(unit: Any) -> Callable[..., Any]:
    """One kernel, compiled on its first call and then kept in CuPy's cache of binaries."""
    import cupy

    kernel: Callable[..., Any] = cupy.RawKernel(unit.code, unit.kernel, options=unit.options)
    return kernel


def quiet() -> AbstractContextManager[None]:
    """Silence floating-point warnings where non-finite intermediate results are expected."""
    return np.errstate(all="ignore")


def on_its_device(function: Callable[Given, Found]) -> Callable[Given, Found]:
    """A function that runs with the device of its first argument as the current one.

    CuPy creates arrays on the current device, whatever `device=` says. The first argument is an array, has
    one as `grad_w`, or has a `space`.
    """

    @wraps(function)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> Found:
        first: Any = next(iter((*args, *kwargs.values())), None)
        with _device_of(first):
            return function(*args, **kwargs)

    return run


def _device_of(first: Any) -> AbstractContextManager[Any]:
    space = getattr(first, "space", None)
    if isinstance(space, Space):
        return space.current()
    array, where = getattr(first, "grad_w", first), None
    if is_torch_array(array) and array.device.type == "cuda":
        import cupy

        where = cupy.cuda.Device(array.device.index)
    return where or (array.device if is_cupy_array(array) else nullcontext())


def on_device(xp: Namespace) -> bool:
    """Whether arrays of a namespace live beside the host, where each call on one waits for a launch."""
    return bool(is_cupy_namespace(xp))


def signs(xp: Namespace, values: Array) -> Array:
    """-1, 0 or 1; `sign` and `clip` of array-api-compat wait for the device, comparisons do not."""
    return xp.astype(values > 0, values.dtype) - xp.astype(values < 0, values.dtype)


def layout_of(array: Any) -> tuple[Host, tuple[int, ...]] | None:
    """Values and strides of a NumPy array that is not contiguous; None for anything else."""
    if not isinstance(array, np.ndarray) or array.flags.c_contiguous or min(array.strides) < 0:
        return None
    return np.ascontiguousarray(array), array.strides


def laid_out(values: Host, strides: Sequence[int]) -> Host:
    """The same values with this distance in bytes between neighbours on each axis."""
    span = values.itemsize + sum((size - 1) * step for size, step in zip(values.shape, strides, strict=True))
    if not 0 < span <= SPREAD * values.nbytes:
        msg = f"strides {strides} do not fit an array of shape {values.shape}"
        raise ValueError(msg)
    array = np.ndarray(values.shape, values.dtype, np.empty(span, np.uint8), 0, tuple(strides))
    array[...] = values
    return array


def libraries(space: Space) -> dict[str, str]:
    """Versions of what computes in a space: NumPy, the BLAS behind it, and another array library."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    name = space.xp.__name__.removeprefix("array_api_compat.").partition(".")[0]
    versions = {"NumPy": np.__version__, "BLAS": f"{blas['name']} {blas['version']}"}
    if name != "numpy":
        versions[name] = str(getattr(sys.modules.get(name), "__version__", "unknown"))
    return versions


def space_of(array: Array) -> Space:
    """Namespace, device and working dtype of an array."""
    xp = array_namespace(array)
    where = device(array)
    reals = xp.__array_namespace_info__().dtypes(device=where, kind="real floating")
    return Space(xp, where, reals.get("float64", xp.float32))


def _unwrap_torch(name: str, array: Array) -> Array:
    """A torch tensor as a NumPy (CPU) or CuPy (CUDA) array, on the same memory where its format allows."""
    if not array.is_floating_point():
        msg = f"{name} has dtype {array.dtype!s}: need a real floating-point dtype, such as float32"
        raise DtypeError(msg)
    tensor = _plain(array.detach())
    if tensor.device.type == "cpu":
        return np.from_dlpack(tensor)
    if tensor.device.type == "cuda":
        import cupy  # the caller's tensor lives on CUDA: CuPy is the library that computes there

        return cupy.from_dlpack(tensor)
    msg = f"tensor on device {tensor.device!s}: need cpu or cuda"
    raise ArrayLibraryError(msg)


def _plain(tensor: Array) -> Array:
    """A tensor whose memory holds its values: DLPack passes over the negative bit, NumPy has no bfloat16."""
    import torch

    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_floating_point() and tensor.dtype not in {torch.float16, torch.float32, torch.float64}:
        tensor = tensor.to(torch.float32)
    return tensor.resolve_conj().resolve_neg()


def _wrap_torch(array: Array) -> Array:
    from torch.utils.dlpack import from_dlpack

    return from_dlpack(array)


def enter(**arrays: Array) -> tuple[Space, dict[str, Array], Callable[[Array], Array]]:
    """Check that the arrays belong together and find where to compute.

    Parameters
    ----------
    **arrays : array
        The caller's arrays by argument name: NumPy, CuPy, torch (through DLPack), or another
        library that follows the array API and allows assignment. Sparse tensors become dense and
        bfloat16 and shorter formats become float32.

    Returns
    -------
    space : Space
        Where the computation takes place.
    arrays : dict
        The same arrays in that space's library.
    leave : callable
        Turns an array of the space into one of the caller's library.

    Raises
    ------
    ArrayLibraryError
        If an argument is not an array, or two come from different libraries or devices.
    DtypeError
        If an array is not of a real floating-point dtype.
    """
    for name, array in arrays.items():
        if not is_array_api_obj(array):
            msg = f"{name} is {type(array).__name__}: need a NumPy, CuPy or torch array"
            raise ArrayLibraryError(msg)
    torch_names = [name for name, array in arrays.items() if is_torch_array(array)]
    if torch_names and len(torch_names) < len(arrays):
        other = next(name for name in arrays if name not in torch_names)
        msg = f"{torch_names[0]} is a torch tensor and {other} is not: need arrays of one library"
        raise ArrayLibraryError(msg)
    if torch_names:
        places = {str(array.device) for array in arrays.values()}
        if len(places) > 1:
            msg = f"{', '.join(arrays)} lie on devices {', '.join(sorted(places))}: need one device"
            raise ArrayLibraryError(msg)
        arrays = {name: _unwrap_torch(name, array) for name, array in arrays.items()}
    first = next(iter(arrays))
    try:
        xp = array_namespace(*arrays.values())
    except TypeError as error:
        kinds = ", ".join(f"{name} of {type(array).__module__}" for name, array in arrays.items())
        msg = f"{kinds}: need arrays of one library"
        raise ArrayLibraryError(msg) from error
    if not (is_numpy_namespace(xp) or is_cupy_namespace(xp) or is_array_api_strict_namespace(xp)):
        msg = f"{first} is of {xp.__name__}: need a NumPy, CuPy or torch array"
        raise ArrayLibraryError(msg)
    devices = {name: device(array) for name, array in arrays.items()}
    for name, where in devices.items():
        if where != devices[first]:
            msg = f"{name} lies on {where!s} and {first} on {devices[first]!s}: need one device"
            raise ArrayLibraryError(msg)
    for name, array in arrays.items():
        if not xp.isdtype(array.dtype, "real floating"):
            msg = f"{name} has dtype {array.dtype!s}: need a real floating-point dtype, such as float32"
            raise DtypeError(msg)
    return space_of(arrays[first]), arrays, _wrap_torch if torch_names else lambda array: array


def to_host(array: Array) -> Host:
    """Any array, or nested sequence of numbers, as a NumPy array in host memory."""
    if isinstance(array, np.ndarray):
        return array
    if is_torch_array(array):
        return np.asarray(_plain(array.detach()).cpu())
    if not is_array_api_obj(array):
        return np.asarray(array)
    xp = array_namespace(array)
    if is_array_api_strict_namespace(xp):
        return np.asarray(to_device(array, xp.Device("CPU_DEVICE")))
    if is_cupy_namespace(xp):
        return np.asarray(array.get())
    return np.asarray(array)

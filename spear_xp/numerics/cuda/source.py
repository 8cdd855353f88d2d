"""Enters: the name of a kernel and its sizes. Leaves: CUDA C++ and the options it is compiled with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spear_xp.numerics.backend import Array, Namespace

__all__ = ["Compile", "Kernel", "Unit", "packed"]

# A compiled kernel: kernel((blocks,), (threads,), arguments), scalars of the types that its source names.
Kernel = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Unit:
    """One kernel, for sizes that are known when it is compiled.

    Attributes
    ----------
    file : str
        Source in this folder, without its ending.
    kernel : str
        Name of the function.
    sizes : tuple of (str, int or str)
        Constants of the source, or types: loops over them are unrolled, what they span stays in registers.
    """

    file: str
    kernel: str
    sizes: tuple[tuple[str, int | str], ...] = ()

    @property
    def code(self) -> str:
        """The source."""
        return self.path.read_text()

    @property
    def path(self) -> Path:
        """Where the source is."""
        return Path(__file__).with_name(f"{self.file}.cu")

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the compiler: NVRTC, nvcc and g++ understand them."""
        return ("--std=c++17", *(f"-D{name}={size}" for name, size in self.sizes))


Compile = Callable[[Unit], Kernel]


def packed(xp: Namespace, array: Array, dtype: Any, device: Any) -> Array:
    """The same values row after row, as a kernel reads them; the array itself where it is like that."""
    array = xp.asarray(array, device=device)
    if array.dtype == dtype and array.flags.c_contiguous:
        return array
    values = xp.empty(array.shape, dtype=dtype, device=device)
    values[...] = xp.astype(array, dtype)
    return values

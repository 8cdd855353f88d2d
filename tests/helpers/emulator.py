"""CUDA C++ enters; a kernel leaves that runs on the CPU, on NumPy arrays, its threads in one of two orders.

It is what `cupy.RawKernel` is on a device, so that the code around a kernel is tested as well.
"""

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spear_xp.numerics.cuda.source import Kernel, Unit
from tests.helpers.optional import need_program

__all__ = ["DivergentBarrierError", "OutOfBoundsError", "emulated", "kernel_of"]

HERE = Path(__file__).parent
FLAGS = ("-O1", "-shared", "-fPIC", "-Wl,-Bsymbolic", "-fno-gnu-unique", "-ffp-contract=off", "-w")
# -Bsymbolic: else a kernel may bind to a symbol of the same name in the interpreter
# -ffp-contract=off: else products and sums are fused, and results differ from NumPy's in the last bit

FENCE = 256  # bytes beside an array


class DivergentBarrierError(Exception):
    """Threads that wait for each other at different places."""


class OutOfBoundsError(Exception):
    """A kernel that writes beside an array."""


def emulated(*, backwards: bool) -> Callable[[Unit], Kernel]:
    """A compiler of kernels whose threads run in this order between barriers."""
    return lambda unit: kernel_of(unit.code, unit.kernel, unit.options, backwards=backwards)


def kernel_of(code: str, name: str, options: tuple[str, ...] = (), *, backwards: bool) -> Kernel:
    """The function of that name in a source."""
    run = _compiled(code, name, options)

    def kernel(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
        fenced = [_Fenced(a) for a in arguments]
        places = (ctypes.c_void_p * len(fenced))(*(f.argument for f in fenced))
        fault = run(int(backwards), grid[0], block[0], places)
        if fault:
            raise DivergentBarrierError(fault.decode())
        for number, each in enumerate(fenced):
            each.give_back(number)

    return kernel


class _Fenced:
    """An argument in memory of its own between two fences; what is read there is NaN or out of range."""

    def __init__(self, value: Any) -> None:
        self.value, self.size = value, np.asarray(value).nbytes
        self.memory = np.full(self.size + 3 * FENCE, 0xFF, np.uint8)
        self.start = FENCE + -(self.memory.ctypes.data + FENCE) % FENCE
        self.inside = self.memory[self.start : self.start + self.size]
        self.inside[:] = np.frombuffer(np.asarray(value).tobytes(), np.uint8)
        pointer = ctypes.c_void_p(self.memory.ctypes.data + self.start)
        if isinstance(value, np.ndarray):
            assert value.flags.c_contiguous, "a kernel is handed a view"
            self.pointer = pointer
            self.argument = ctypes.addressof(self.pointer)
        else:  # a scalar: what its place holds is the argument
            self.argument = pointer.value or 0

    def give_back(self, number: int) -> None:
        """Write the result into the caller's array, and look at the fences."""
        outside = np.delete(self.memory, slice(self.start, self.start + self.size))
        if (outside != 0xFF).any():
            raise OutOfBoundsError(f"argument {number}")
        if isinstance(self.value, np.ndarray) and self.value.flags.writeable:
            self.value[...] = self.inside.view(self.value.dtype).reshape(self.value.shape)


@cache
def _compiled(code: str, name: str, options: tuple[str, ...]) -> Any:
    compiler = need_program("g++")
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "kernel.cpp", Path(folder) / "kernel.so"
        source.write_text(f'#include "cuda_on_cpu.h"\n{code}\nCUDA_ON_CPU_EXPORT({name})\n')
        subprocess.run(
            [compiler, *FLAGS, *options, f"-I{HERE}", "-o", library, source], check=True, capture_output=True
        )
        run = ctypes.CDLL(str(library)).run
    run.restype = ctypes.c_char_p
    run.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p]
    return run

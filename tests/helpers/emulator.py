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

__all__ = ["DivergentBarrierError", "emulated", "kernel_of"]

HERE = Path(__file__).parent
FLAGS = ("-O1", "-shared", "-fPIC", "-Wl,-Bsymbolic", "-fno-gnu-unique", "-ffp-contract=off", "-w")
# -Bsymbolic: else a kernel may bind to a symbol of the same name in the interpreter
# -ffp-contract=off: else products and sums are fused, and results differ from NumPy's in the last bit


class DivergentBarrierError(Exception):
    """Threads that wait for each other at different places."""


def emulated(*, backwards: bool) -> Callable[[Unit], Kernel]:
    """A compiler of kernels whose threads run in this order between barriers."""
    return lambda unit: kernel_of(unit.code, unit.kernel, unit.options, backwards=backwards)


def kernel_of(code: str, name: str, options: tuple[str, ...] = (), *, backwards: bool) -> Kernel:
    """The function of that name in a source."""
    run = _compiled(code, name, options)

    def kernel(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
        held = [np.atleast_1d(np.asarray(a)) for a in arguments]
        scalar = [not isinstance(a, np.ndarray) for a in arguments]
        assert all(a.flags.c_contiguous for a in held)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in held]
        values = [p if s else ctypes.pointer(p) for p, s in zip(pointers, scalar, strict=True)]
        places = (ctypes.c_void_p * len(values))(*(ctypes.cast(v, ctypes.c_void_p) for v in values))
        fault = run(int(backwards), grid[0], block[0], places)
        if fault:
            raise DivergentBarrierError(fault.decode())

    return kernel


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

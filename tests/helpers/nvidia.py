"""CUDA C++ enters; PTX and the registers it takes leave, by NVIDIA's wheels and without a driver."""

import ctypes
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from spear_xp.numerics.cuda.source import Unit
from tests.helpers.optional import need_wheel

__all__ = ["Usage", "architectures", "ptx_of", "usage_of"]


class Usage(NamedTuple):
    """What a thread of a kernel takes."""

    registers: int
    spilled: int  # bytes stored to memory because registers ran out


@cache
def _nvrtc() -> Any:
    # found by path: the wheel's own lookup of its built-in headers needs them loaded first
    for part in ("libnvrtc-builtins.so*", "libnvrtc.so*"):
        library = ctypes.CDLL(str(need_wheel("nvidia.cuda_nvrtc", part)), mode=ctypes.RTLD_GLOBAL)
    return library


def architectures() -> list[int]:
    """Compute capabilities that the compiler knows, such as 90."""
    count = ctypes.c_int()
    assert not _nvrtc().nvrtcGetNumSupportedArchs(ctypes.byref(count))
    known = (ctypes.c_int * count.value)()
    assert not _nvrtc().nvrtcGetSupportedArchs(known)
    return list(known)


@cache
def ptx_of(unit: Unit, architecture: str) -> bytes:
    """PTX of a kernel; raises with the compiler's words if it does not compile."""
    library, program = _nvrtc(), ctypes.c_void_p()
    options = [f"--gpu-architecture={architecture}", *unit.options]
    flags = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    code = unit.code.encode()
    assert not library.nvrtcCreateProgram(ctypes.byref(program), code, b"kernel.cu", 0, None, None)
    try:
        if library.nvrtcCompileProgram(program, len(options), flags):
            raise SyntaxError(_text(program, "ProgramLog").decode())
        return _text(program, "PTX")
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _text(program: ctypes.c_void_p, kind: str) -> bytes:
    library, size = _nvrtc(), ctypes.c_size_t()
    assert not getattr(library, f"nvrtcGet{kind}Size")(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    assert not getattr(library, f"nvrtcGet{kind}")(program, text)
    return text.value


def usage_of(unit: Unit, architecture: str, folder: Path) -> Usage:
    """Registers and spills of the machine code."""
    source = folder / "kernel.ptx"
    source.write_bytes(ptx_of(unit, architecture))
    done = subprocess.run(
        [
            need_wheel("nvidia.cuda_nvcc", "ptxas"),
            "-v",
            f"-arch={architecture}",
            source,
            "-o",
            folder / "kernel.cubin",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    registers = re.search(r"Used (\d+) registers", done.stderr)
    spilled = re.search(r"(\d+) bytes spill stores", done.stderr)
    assert registers
    assert spilled, done.stderr
    return Usage(int(registers[1]), int(spilled[1]))

"""Enters: named arrays and plain values. Leaves: a file of them, and what a file holds, checked.

A file is a ZIP archive that `numpy.load` reads, too: one .npy member an array, and `about.json`. Nothing in
it is pickled or compressed, so that reading one runs no code and needs a few times its size in memory.
"""

import io
import json
import math
import os
import re
import struct
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spear_xp.errors import SavedFileError
from spear_xp.numerics.backend import Host

__all__ = ["read", "write", "write_atomically"]

ABOUT = "about.json"
MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(
    rb"\{'descr': '([<>|][bfiu]\d{1,2})', 'fortran_order': False, 'shape': \(((?:\d+, )*\d+,?)\), \} *\n"
)
EPOCH = (1980, 1, 1, 0, 0, 0)  # cosmetic: date of every member, so that equal contents are equal bytes
DAMAGED = (
    zipfile.BadZipFile,
    EOFError,
    KeyError,
    OSError,
    OverflowError,
    RuntimeError,  # encrypted members, and JSON nested too deep
    TypeError,
    ValueError,
    struct.error,
)


def write(
    path: Path, arrays: Mapping[str, Host], about: Mapping[str, Any], *, kind: str, version: int
) -> None:
    """Write arrays, none of them a scalar, and what JSON can say about them; all or nothing.

    Only the owner may read the file: it may hold personal data.
    """
    stream = io.BytesIO()
    head = json.dumps({"kind": kind, "version": version, **about}, indent=1)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:
        file.writestr(zipfile.ZipInfo(ABOUT, EPOCH), head)
        for name, array in arrays.items():
            with file.open(zipfile.ZipInfo(f"{name}.npy", EPOCH), "w") as member:
                np.lib.format.write_array(
                    member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False
                )
    write_atomically(path, stream.getbuffer())


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file that only its owner may read; whoever looks sees the old one or the new one, whole."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(path: Path, *, kind: str, version: int) -> tuple[dict[str, Host], dict[str, Any]]:
    """Arrays and values of a file that `write` has written.

    Raises
    ------
    SavedFileError
        If it is of another kind or of a later version, damaged, or made to do harm.
    OSError
        If it cannot be opened.
    """
    with path.open("rb") as stream:
        try:
            arrays, about = _members(stream, path.stat().st_size)
            found = about.pop("kind"), about.pop("version")
        except DAMAGED as error:
            msg = f"{path} is damaged, or no {kind} of spear_xp: {error}"
            raise SavedFileError(msg) from error
    if found[0] != kind:
        msg = f"{path} is a {found[0]!r}: need a {kind} of spear_xp"
        raise SavedFileError(msg)
    if found[1] != version:
        msg = f"{path} is a {kind} of version {found[1]!r}: need version {version}"
        raise SavedFileError(msg)
    return arrays, about


def _members(stream: io.BufferedReader, size: int) -> tuple[dict[str, Host], dict[str, Any]]:
    arrays: dict[str, Host] = {}
    with zipfile.ZipFile(stream) as file:
        members = file.infolist()
        names = [member.filename for member in members]
        if len(set(names)) < len(names):
            msg = "a name comes twice"
            raise ValueError(msg)
        stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
        if not stored or sum(member.file_size for member in members) > size:
            msg = "it would unpack to more than it is"
            raise ValueError(msg)
        if ABOUT not in names:
            msg = f"it has no {ABOUT}"
            raise ValueError(msg)
        about = json.loads(file.read(ABOUT))
        for name in names:
            if name != ABOUT:
                arrays[name.removesuffix(".npy")] = _array(name, file.read(name))
    if not isinstance(about, dict):
        msg = f"{ABOUT} holds no object"
        raise TypeError(msg)
    return arrays, about


def _array(name: str, content: bytes) -> Host:
    """An array from the bytes of a .npy file, of which nothing is believed."""
    start = len(MAGIC) + 2
    end = start + int.from_bytes(content[len(MAGIC) : start], "little")
    header = HEADER.fullmatch(content[start:end])
    if not content.startswith(MAGIC) or header is None:
        msg = f"{name} is no plain array"
        raise ValueError(msg)
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(part) for part in header[2].decode().rstrip(",").split(", "))
    if math.prod(shape) * dtype.itemsize != len(content) - end:
        msg = f"{name} has {len(content) - end} bytes, which is not what its shape {shape} asks for"
        raise ValueError(msg)
    if dtype.kind == "b" and max(content[end:], default=0) > 1:
        msg = f"{name} holds truth values that are neither 0 nor 1"
        raise ValueError(msg)
    return np.frombuffer(content, dtype=dtype, offset=end).reshape(shape).copy()

"""Enters: the path of a file. Leaves: its arrays by name. Nothing is ever unpickled without limits.

Formats: `.npz`, `.safetensors`, and `.pt`, `.pth` or `.bin` of tensors alone (torch,
``weights_only=True``). Those of torch are memory-mapped; of a `.safetensors` file each array is read when
it is asked for.
"""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spear_xp.errors import FileError
from spear_xp.numerics.backend import Array

__all__ = ["DAMAGED", "FORMATS", "flattened", "read_arrays", "why"]

ABOUT = "about.json"  # in files that this library has written
DAMAGED = (  # what readers raise on bytes that nobody wrote
    ValueError, OSError, EOFError, MemoryError, RuntimeError, LookupError, TypeError, AttributeError,
    ArithmeticError, SyntaxError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_arrays(path: Path) -> Mapping[str, Array]:
    """Arrays of a file by name.

    Parameters
    ----------
    path : Path
        Its ending tells the format.

    Returns
    -------
    mapping of str to array
        NumPy arrays, or tensors where the format is that of torch or knows bfloat16.

    Raises
    ------
    FileError
        If the ending is not known, the file is missing or damaged, it needs a library that is not
        installed, or it holds pickled objects. The message names file and array.
    """
    if path.is_dir():
        msg = f"{path} is a folder: need a file, or spear_xp.audit_folder for all in it"
        raise FileError(msg)
    if path.suffix not in FORMATS:
        msg = f"{path}: format {path.suffix!r} is not known: need {', '.join(FORMATS)}"
        raise FileError(msg)
    try:
        return FORMATS[path.suffix](path)
    except FileError:
        raise
    except ModuleNotFoundError as error:
        msg = f"{path} needs {error.name}: pip install {error.name}"
        raise FileError(msg) from error
    except DAMAGED as error:
        msg = f"{path} cannot be read: {why(error)}"
        raise FileError(msg) from error


def flattened(arrays: Mapping[str, Any], prefix: str = "") -> dict[str, Array]:
    """Arrays of nested mappings, with names joined by dots; what is no array is left out."""
    found: dict[str, Array] = {}
    for name, value in arrays.items():
        if isinstance(value, Mapping):
            found |= flattened(value, f"{prefix}{name}.")
        elif hasattr(value, "ndim") and hasattr(value, "dtype"):
            found[f"{prefix}{name}"] = value
    return found


def why(error: BaseException) -> str:
    """What a reader says of a file, in one line; never that it could be unpickled."""
    if "unsafely" in str(error):
        return "no archive of arrays, or pickled objects, which are never loaded"
    return str(error).partition("\n")[0] or type(error).__name__


def _npz(path: Path) -> dict[str, Array]:
    found: dict[str, Array] = {}
    with path.open("rb") as stream:
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            msg = f"{path} holds a single array without a name: need an archive of named arrays"
            raise FileError(msg)
        if ABOUT in file.files:
            msg = (
                f"{path} is a saved result or a checkpoint: need an update (`spear-xp report` reads results)"
            )
            raise FileError(msg)
        for name in file.files:
            try:
                found[name] = file[name]
            except DAMAGED as error:
                msg = f"{path}: array {name!r} cannot be read: {why(error)}"
                raise FileError(msg) from error
            if not isinstance(found[name], np.ndarray):
                msg = f"{path}: {name!r} is no array: need an archive of named arrays"
                raise FileError(msg)
    return found


class _Lazy(Mapping[str, Array]):
    """Arrays of an open `.safetensors` file, each read when it is asked for."""

    def __init__(self, path: Path, open_: Callable[..., Any]) -> None:
        self.path, self.open = path, open_
        self.file = open_(path, framework="np")
        self.names = list(self.file.keys())

    def __getitem__(self, name: str) -> Array:
        if name not in self.names:
            raise KeyError(name)
        if self.file.get_slice(name).get_dtype() in {"F16", "F32", "F64"}:
            return self.file.get_tensor(name)
        return self.open(self.path, framework="pt").get_tensor(name)  # NumPy has no bfloat16

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _safetensors(path: Path) -> Mapping[str, Array]:
    from safetensors import SafetensorError, safe_open

    try:
        return _Lazy(path, safe_open)
    except SafetensorError as error:
        msg = f"{path} cannot be read: {why(error)}"
        raise FileError(msg) from error


def _torch(path: Path) -> dict[str, Array]:
    from pickle import UnpicklingError

    import torch

    try:
        found = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
    except UnpicklingError as error:
        msg = f"{path} holds pickled objects, which are never loaded: need tensors alone, as of state_dict()"
        raise FileError(msg) from error
    if isinstance(found, list | tuple):
        found = {str(k): one for k, one in enumerate(found)}
    if not isinstance(found, Mapping):
        msg = f"{path} holds {type(found).__name__}: need tensors by name, as of state_dict()"
        raise FileError(msg)
    return flattened(found)


FORMATS: dict[str, Callable[[Path], Mapping[str, Array]]] = {
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
    ".bin": _torch,
}

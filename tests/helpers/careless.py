"""An array library that says nothing: array-api-strict with the habits of CuPy that a CPU never shows.

`inv`, `solve` and `cholesky` hand back finite garbage in the place of what does not exist, `take` and indices
wrap around, `clip` and `sign` are refused (there they wait for the device), and batches are worked off in the
large parts of a device.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import array_api_strict as strict
import numpy as np

from spear_xp.numerics import backend

__all__ = ["careless"]

Solver = Callable[..., Any]


def _garbage(shape: tuple[int, ...], dtype: Any) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def _silent(exact: Solver) -> Solver:
    """A solver of NumPy that fills in garbage where it would raise, matrix by matrix."""

    def run(matrix: Any, *right: Any) -> Any:
        host = [np.asarray(a._array) for a in (matrix, *right)]
        try:
            found = exact(*host)
        except np.linalg.LinAlgError:
            found = _one_by_one(exact, *host)
        return strict.asarray(found, device=matrix.device)

    return run


def _one_by_one(exact: Solver, matrix: Any, *right: Any) -> Any:
    shape = matrix.shape[:-2] + (right[0].shape[-2:] if right else matrix.shape[-2:])
    found = _garbage(shape, matrix.dtype)
    for place in np.ndindex(*matrix.shape[:-2]):
        try:
            found[place] = exact(matrix[place], *(r[place] for r in right))
        except np.linalg.LinAlgError:
            continue
    return found


def _wrapping(array: Any, indices: Any, /, *, axis: int | None = None) -> Any:
    found = np.take(array._array, indices._array, axis=axis, mode="wrap")
    return strict.asarray(found, device=array.device)


def _refused(*_: Any, **__: Any) -> Any:
    msg = "waits for the device"
    raise AssertionError(msg)


@contextmanager
def careless() -> Iterator[None]:
    """Let array-api-strict behave in this way."""
    swaps = [
        *((strict.linalg, name, _silent(getattr(np.linalg, name))) for name in ("inv", "solve", "cholesky")),
        (strict, "take", _wrapping),
        (strict, "clip", _refused),
        (strict, "sign", _refused),
        (backend, "is_cupy_namespace", lambda _: True),
    ]
    patches = [patch.object(owner, name, new) for owner, name, new in swaps]
    try:
        for one in patches:
            one.start()
        yield
    finally:
        for one in patches:
            one.stop()

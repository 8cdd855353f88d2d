"""Enters: a library on a device. Leaves: how far its results are from float64 on the host, and its habits.

Inputs are fresh random numbers, and memory that the library hands out next is filled with NaN before: what
was not written cannot pass for a result of an earlier run.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from spear_xp.geometry.masks import predicted_activity
from spear_xp.numerics.classifiers import hyperplanes, logistic
from spear_xp.numerics.elimination import kernel_directions
from spear_xp.numerics.irls import sharpen
from spear_xp.numerics.linalg import balance, cholesky, inverse, inverses, smallest_singular, weighted_kernels
from spear_xp.numerics.sorting import sort_in_place, upper_median

__all__ = ["checked", "habits"]

Make = Callable[..., Any]
TOLERANCES = {"float64": 1e-8, "float32": 2e-3}
POISON = tuple(8**k for k in range(2, 9))  # entries of arrays of NaN that are let go of


def _square(rng: np.random.Generator, d: int, *stack: int) -> Any:
    return rng.standard_normal((*stack, d, d)) + 3 * np.eye(d)


def _projection(vectors: Any) -> Any:
    """What unit vectors in columns are, whatever their signs."""
    return vectors[:, None, :] * vectors[None, :, :]


def _sorted(xp: Any, values: Any) -> Any:
    keys = xp.asarray(values, copy=True)
    sort_in_place(xp, keys)
    return keys


def _with_kernel(rng: np.random.Generator, m: int, d: int) -> Any:
    """Rows of which half vanish on one unit vector."""
    vector = rng.standard_normal(d)
    rows = rng.standard_normal((m, d))
    rows[: m // 2] -= np.outer(rows[: m // 2] @ vector, vector) / (vector @ vector)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _near(rng: np.random.Generator, rows: Any) -> Any:
    right = np.linalg.svd(rows[: len(rows) // 2])[2][-1]
    near = right[:, None] + 1e-3 * rng.standard_normal((len(right), 4))
    return near / np.linalg.norm(near, axis=0)


def _cases(rng: np.random.Generator, d: int) -> Iterator[tuple[str, Make, tuple[Any, ...], str]]:
    """Name, function of a namespace and arrays, these arrays, and the precision it is computed in."""
    m, wide = 8 * d, rng.standard_normal((8 * d, d))
    square, stack = _square(rng, d), _square(rng, d, 5)
    spd = square @ square.T
    yield "matmul", lambda xp, a, b: a @ b, (wide, square), "float64"
    yield "matmul, single", lambda xp, a, b: a @ b, (wide, square), "float32"
    yield "stacked matmul", lambda xp, a, b: a @ b, (stack, stack), "float64"
    yield "inverse", lambda xp, a: inverse(xp, a)[0], (square,), "float64"
    yield "inverses", lambda xp, a: inverses(xp, a)[0], (stack,), "float64"
    yield "solve", lambda xp, a, b: xp.linalg.solve(a, b), (stack, stack), "float64"
    yield "cholesky", lambda xp, a: cholesky(xp, a)[0], (spd,), "float64"
    yield "qr", lambda xp, a: _projection(xp.linalg.qr(a).Q), (wide,), "float64"
    yield "complete qr", lambda xp, a: _outside(xp.linalg.qr(a, mode="complete").Q, d), (wide,), "float64"
    yield "svd", lambda xp, a: _put_together(xp.linalg.svd(a, full_matrices=False)), (wide,), "float64"
    yield "svd, values", lambda xp, a: xp.linalg.svd(a, full_matrices=False)[1], (wide,), "float64"
    yield "eigh", lambda xp, a: xp.linalg.eigh(a)[0], (spd,), "float64"
    yield "argsort", lambda xp, a: xp.take(a[:, 0], xp.argsort(a[:, 0])), (wide,), "float64"
    yield "sorting network", _sorted, (wide[: 2 * d, :],), "float32"
    yield "median", upper_median, (wide,), "float64"
    yield "where and copysign", lambda xp, a: xp.where(a > 0, a, xp.copysign(a * a, a)), (wide,), "float64"
    yield "boolean index", lambda xp, a: a[a[:, 0] > 0, :], (wide,), "float64"
    yield "least singular pair", lambda xp, a: _pair(smallest_singular(xp, a)), (wide,), "float64"
    rows = _with_kernel(rng, m, d)
    weights = (np.arange(m) < m // 2)[:, None] * np.ones(3)
    yield (
        "weighted kernels",
        lambda xp, a, w: _projection(weighted_kernels(xp, a, w)),
        (rows, weights),
        "float64",
    )
    yield "sharpen", lambda xp, a, q: _projection(sharpen(xp, a, q)), (rows, _near(rng, rows)), "float64"
    subsets = np.stack([rng.permutation(m)[: d - 1] for _ in range(6)])
    yield "elimination", lambda xp, a: _vanishing(xp, a, subsets), (rows,), "float32"
    yield "balance", lambda xp, a: xp.abs(balance(xp, a)[0]), (wide,), "float64"
    basis, label = np.linalg.qr(wide).Q, np.sign(wide @ rng.standard_normal((d, 3)))
    full = np.ones_like(label)
    yield "hyperplanes", lambda xp, q, s, w: hyperplanes(xp, q, s, w, 40), (basis, label, full), "float32"
    offset = 0.1 * rng.standard_normal(label.shape)
    yield "logistic", lambda xp, o, f, s: logistic(xp, o, f, s)[0], (offset, basis * m**0.5, label), "float64"
    z = wide @ rng.standard_normal((d, 3))
    yield "predicted activity", predicted_activity, (z, wide @ rng.standard_normal((d, 3)), basis), "float64"


def _outside(q: Any, d: int) -> Any:
    return q[:, d:] @ q[:, d:].T


def _put_together(parts: Any) -> Any:
    left, values, right = parts
    return (left * values) @ right


def _pair(kernel: Any) -> Any:
    return _projection(kernel.vectors[:, :1])


def _vanishing(xp: Any, rows: Any, subsets: Any) -> Any:
    """Kernels of subsets of rows, whatever their signs."""
    found = kernel_directions(xp, rows, xp.asarray(subsets, device=rows.device))
    return _projection(found / xp.sqrt(xp.sum(found * found, axis=0)))


def checked(xp: Any, to_device: Make, to_host: Make, seed: int, size: int) -> dict[str, Any]:
    """Largest relative difference from float64 on the host by function, and whether all are small enough."""
    found: dict[str, Any] = {}
    for name, make, arrays, precision in _cases(np.random.default_rng(seed), size):
        exact = np.asarray(make(np, *arrays), dtype=float)
        poison = [xp.full((entries,), xp.nan, dtype=xp.float64) for entries in POISON]
        del poison
        try:
            result = to_host(make(xp, *(to_device(array, precision) for array in arrays))).astype(float)
        except Exception as error:  # noqa: BLE001  # the other functions are looked at all the same
            found[name] = {"error": None, "right": False, "raised": repr(error)}
            continue
        same = result.shape == exact.shape
        error = float(np.abs(result - exact).max() / np.abs(exact).max()) if same else float("inf")
        found[name] = {"error": error, "right": bool(error < TOLERANCES[precision])}
    return found


def habits(xp: Any, to_device: Make, to_host: Make, seed: int, size: int) -> dict[str, Any]:
    """What libraries do differently: signs of factors, the last right vectors, singular matrices, indices."""
    rng = np.random.default_rng(seed)
    wide, stack = rng.standard_normal((8 * size, size)), rng.standard_normal((4, size - 1, size))
    signs = [np.sign(np.diagonal(np.linalg.qr(wide).R))]
    signs.append(np.sign(np.diagonal(to_host(xp.linalg.qr(to_device(wide, "float64")).R))))
    right = to_host(xp.linalg.svd(to_device(stack, "float64"), full_matrices=True)[2])
    missed = np.abs(stack @ right[:, -1, :, None]).max()
    return {
        "signs of R as on the host": bool((signs[0] == signs[1]).all()),
        "last row of V is the kernel": bool(missed < TOLERANCES["float64"]),
        "inverse of zero": _outcome(lambda: xp.linalg.inv(to_device(np.zeros((3, 3)), "float64")), to_host),
        "root of -1": _outcome(lambda: xp.linalg.cholesky(to_device(-np.eye(3), "float64")), to_host),
        "index out of range": _outcome(
            lambda: xp.take(to_device(np.arange(3.0), "float64"), xp.asarray([5], dtype=xp.int64)), to_host
        ),
    }


def _outcome(make: Make, to_host: Make) -> str:
    try:
        found = to_host(make())
    except Exception as error:  # noqa: BLE001  # whatever a library raises is the answer
        return f"raises {type(error).__name__}"
    return "finite numbers" if np.isfinite(found).all() else "not finite"

"""Enters: iterates of a descent and their gradients. Leaves: iterates one step later; signs with weights."""

from collections.abc import Callable

import numpy as np

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.cuda.source import Compile, Unit, packed
from spear_xp.numerics.linalg import outside

__all__ = [
    "Advance",
    "WeightedSigns",
    "advance",
    "fused_advance",
    "fused_signs",
    "size",
    "unit",
    "weighted_signs",
]

WIDEST = 1024  # chosen: coordinates of an iterate that fit into shared memory, twice
THREADS = 128  # chosen: of a block; the source says the same
TINY = 1e-20  # cosmetic: keeps a division from failing where everything is zero

WeightedSigns = Callable[[Namespace, Array, Array], Array]
Advance = Callable[[Namespace, Array, Array, Array, Array, Array | None, float], tuple[Array, Array]]
Pull = Callable[[Namespace, Array, Array, Array, Array], Array]


def weighted_signs(xp: Namespace, residual: Array, weights: Array) -> Array:
    """Weights, shape (m, s) or (m, 1), with the signs of residuals, shape (m, s)."""
    return xp.copysign(weights, residual)


def advance(
    xp: Namespace,
    current: Array,
    free: Array,
    gradient: Array,
    pull: Array,
    avoid: Array | None,
    length: float,
) -> tuple[Array, Array]:
    """One step of projected descent.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    current, free : array, shape (d, s)
        Iterates, and their parts outside of `avoid`, which have unit norm.
    gradient : array, shape (d, s)
        Of the objective; its part along `free` is taken out.
    pull : array, shape (d, s)
        Where else to go, in units of the gradient: `length` times as much.
    avoid : array, shape (d, k), or None
        Orthonormal directions that do not count for the norm.
    length : float
        Of the step.

    Returns
    -------
    current, free : array, shape (d, s)
        The same after the step.
    """
    gradient = gradient - length * pull
    gradient = gradient - free * xp.sum(current * gradient, axis=0)
    current = current - length * gradient / size(xp, gradient)
    current = current / size(xp, outside(avoid, current))
    return current, outside(avoid, current)


def pull(xp: Namespace, way: Array, current: Array, gradient: Array, strength: Array) -> Array:
    """Ways across iterates, shape (d, s), `strength`, shape (s,), times as long as gradients across them."""
    way, across = (part - current * xp.sum(current * part, axis=0) for part in (way, gradient))
    return way * (strength * size(xp, across) / size(xp, way))


def size(xp: Namespace, vectors: Array) -> Array:
    """Norms of columns, never zero."""
    return xp.linalg.vector_norm(vectors, axis=0) + TINY


def unit(kernel: str) -> Unit:
    """One of the kernels of a step."""
    return Unit("descent", kernel, (("WIDEST", WIDEST),))


def fused_signs(compiled: Compile) -> WeightedSigns:
    """`weighted_signs` as one launch, in float32."""

    def launched(xp: Namespace, residual: Array, weights: Array) -> Array:
        weights = xp.broadcast_to(weights, residual.shape)
        one, other = (packed(xp, a, xp.float32, residual.device) for a in (residual, weights))
        count = int(np.prod(one.shape))
        kernel = compiled(unit("weighted_signs"))
        signed = xp.empty(one.shape, dtype=xp.float32, device=one.device)
        kernel((-(-count // THREADS),), (THREADS,), (one, other, np.int32(count), signed))
        return signed

    return launched


def fused_advance(compiled: Compile) -> Advance:
    """`advance` as one launch, in float32, for up to 1024 coordinates; as arrays beyond."""

    def launched(
        xp: Namespace,
        current: Array,
        free: Array,
        gradient: Array,
        pull: Array,
        avoid: Array | None,
        length: float,
    ) -> tuple[Array, Array]:
        d, s = current.shape
        if d > WIDEST:
            return advance(xp, current, free, gradient, pull, avoid, length)
        known = avoid if avoid is not None else xp.zeros((d, 0), dtype=xp.float32, device=current.device)
        parts = [packed(xp, a, xp.float32, current.device) for a in (current, free, gradient, pull, known)]
        sizes = np.int32(d), np.int32(s), np.int32(known.shape[1])
        kernel = compiled(unit("advance"))
        moved, rest = (xp.empty((d, s), dtype=xp.float32, device=current.device) for _ in range(2))
        kernel((s,), (THREADS,), (*parts, *sizes, np.float32(length), np.float32(TINY), moved, rest))
        return moved, rest

    return launched


def fused_pull(compiled: Compile) -> Pull:
    """`pull` as one launch, in float32."""

    def launched(xp: Namespace, way: Array, current: Array, gradient: Array, strength: Array) -> Array:
        (d, s), device = current.shape, current.device
        given = [packed(xp, a, xp.float32, device) for a in (way, current, gradient, strength)]
        pulled = xp.empty((d, s), dtype=xp.float32, device=device)
        kernel = compiled(unit("pull"))
        kernel((s,), (THREADS,), (*given, np.int32(d), np.int32(s), np.float32(TINY), pulled))
        return pulled

    return launched

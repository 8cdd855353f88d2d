"""Enters: margins of hyperplanes and coefficients. Leaves: what margins are short of; the next step."""

from collections.abc import Callable

import numpy as np

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.cuda.source import Compile, Unit, packed

__all__ = ["Accelerate", "Shortfall", "accelerate", "fused_accelerate", "fused_shortfall", "shortfall"]

THREADS = 128  # chosen: of a block; the source says the same

Shortfall = Callable[[Namespace, Array, Array, Array, Array], Array]
Accelerate = Callable[[Namespace, Array, Array, Array, float], tuple[Array, Array]]


def shortfall(xp: Namespace, label: Array, margin: Array, least: Array, most: Array) -> Array:
    """What margins are short of labels, between bounds; all of shape (m, k)."""
    return xp.minimum(xp.maximum(label - margin, least), most)


def accelerate(
    xp: Namespace,  # noqa: ARG001  # as every twin
    ahead: Array,
    pull: Array,
    before: Array,
    momentum: float,
) -> tuple[Array, Array]:
    """A gradient step from `ahead`, and the point beyond it from which the next one starts (Nesterov 1983).

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    ahead, pull, before : array, shape (d, k)
        Where the gradient was taken, the step, and the last point.
    momentum : float
        How far to go on, in units of the way from `before`.
    """
    current = ahead + pull
    return current, current + momentum * (current - before)


def fused_shortfall(compiled: Compile) -> Shortfall:
    """`shortfall` as one launch, in float32."""

    def launched(xp: Namespace, label: Array, margin: Array, least: Array, most: Array) -> Array:
        given = [packed(xp, array, xp.float32, label.device) for array in (label, margin, least, most)]
        missing = xp.empty(label.shape, dtype=xp.float32, device=label.device)
        count = int(np.prod(label.shape))
        kernel = compiled(Unit("hinge", "shortfall"))
        kernel((-(-count // THREADS),), (THREADS,), (*given, np.int32(count), missing))
        return missing

    return launched


def fused_accelerate(compiled: Compile) -> Accelerate:
    """`accelerate` as one launch, in float32."""

    def launched(
        xp: Namespace, ahead: Array, pull: Array, before: Array, momentum: float
    ) -> tuple[Array, Array]:
        given = [packed(xp, array, xp.float32, ahead.device) for array in (ahead, pull, before)]
        current, further = (xp.empty(ahead.shape, dtype=xp.float32, device=ahead.device) for _ in range(2))
        count = int(np.prod(ahead.shape))
        kernel = compiled(Unit("hinge", "accelerate"))
        sizes = np.int32(count), np.float32(momentum)
        kernel((-(-count // THREADS),), (THREADS,), (*given, *sizes, current, further))
        return current, further

    return launched

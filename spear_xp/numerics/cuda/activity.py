"""Enters: residuals and pre-activations of iterates. Leaves: how active rows look, and weights."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.cuda.descent import THREADS, TINY, unit
from spear_xp.numerics.cuda.source import Compile, packed

__all__ = [
    "Conflicts",
    "Look",
    "MaskWeights",
    "Seen",
    "conflicts",
    "fused_conflicts",
    "fused_look",
    "fused_weights",
    "look",
    "mask_weights",
    "mixed",
]

# chosen: size over the mean residual from which a row is as good as active; a larger value favours loud
# rows
SATURATED = 0.3
FLAT = 20.0  # chosen: of a predicted mask, at which a weight stays above zero; exp may not overflow


class Seen(NamedTuple):
    """What residuals say of activity.

    Attributes
    ----------
    flat : array, shape (m, s)
        Sizes of the residuals, up to a limit from which a row is as good as active.
    level : array, shape (s,)
        Their means.
    share : array, shape (s,)
        What pre-activations are multiplied with: their sign, and half of their inverse mean size.
    """

    flat: Array
    level: Array
    share: Array


Look = Callable[[Namespace, Array, Array], Seen]
Conflicts = Callable[[Namespace, Array, Array], Array]
MaskWeights = Callable[[Namespace, Array, Array, Array, float], Array]


def look(xp: Namespace, residual: Array, z: Array) -> Seen:
    """What residuals, shape (m, s), say of the activity that pre-activations z, shape (m, s), predict.

    z gets the sign for which the rows that it calls inactive have the smaller residuals.
    """
    size = xp.abs(residual)
    mean = xp.mean(size, axis=0)
    turn = xp.copysign(1.0, xp.sum(size * z, axis=0) - mean * xp.sum(z, axis=0))
    flat = xp.minimum(size, SATURATED * mean)
    return Seen(flat, xp.mean(flat, axis=0), turn * _half_inverse(xp, z))


def mixed(xp: Namespace, z: Array, fitted: Array, share: Array) -> Array:
    """Pre-activations of two sources, shape (m, s) each, mixed in equal parts; of mean size near one."""
    return z * share + fitted * _half_inverse(xp, fitted)


def mask_weights(xp: Namespace, z: Array, fitted: Array, share: Array, temperature: float) -> Array:
    """Weights of rows, shape (m, s): near one where `mixed` pre-activations are negative, else near zero."""
    return 1 / (1 + xp.exp(xp.minimum(mixed(xp, z, fitted, share) / temperature, FLAT)))


def conflicts(xp: Namespace, residual: Array, weights: Array) -> Array:
    """Residuals of rows that count, without their weighted mean; shape (m, s) all.

    A row that is predicted inactive and has a residual says that the pre-activation is larger there.
    """
    conflict = weights * xp.abs(residual)
    return conflict - weights * (xp.sum(conflict, axis=0) / xp.sum(weights, axis=0))


def _half_inverse(xp: Namespace, values: Array) -> Array:
    return 0.5 / (xp.mean(xp.abs(values), axis=0) + TINY)


def fused_look(compiled: Compile) -> Look:
    """`look` as one launch, in float32."""

    def launched(xp: Namespace, residual: Array, z: Array) -> Seen:
        (m, s), device = residual.shape, residual.device
        given = [packed(xp, array, xp.float32, device) for array in (residual, z)]
        flat, level, share = (xp.empty(shape, dtype=xp.float32, device=device) for shape in ((m, s), s, s))
        limits = np.float32(SATURATED), np.float32(TINY)
        compiled(unit("look"))(
            (s,), (THREADS,), (*given, np.int32(m), np.int32(s), *limits, flat, level, share)
        )
        return Seen(flat, level, share)

    return launched


def fused_weights(compiled: Compile) -> MaskWeights:
    """`mask_weights` as one launch, in float32."""

    def launched(xp: Namespace, z: Array, fitted: Array, share: Array, temperature: float) -> Array:
        m, s = z.shape
        given = [packed(xp, array, xp.float32, z.device) for array in (z, fitted, share)]
        weights = xp.empty((m, s), dtype=xp.float32, device=z.device)
        limits = np.float32(temperature), np.float32(FLAT), np.float32(TINY)
        compiled(unit("mask_weights"))((s,), (THREADS,), (*given, np.int32(m), np.int32(s), *limits, weights))
        return weights

    return launched


def fused_conflicts(compiled: Compile) -> Conflicts:
    """`conflicts` as one launch, in float32."""

    def launched(xp: Namespace, residual: Array, weights: Array) -> Array:
        m, s = residual.shape
        given = [packed(xp, array, xp.float32, residual.device) for array in (residual, weights)]
        conflict = xp.empty((m, s), dtype=xp.float32, device=residual.device)
        compiled(unit("conflicts"))((s,), (THREADS,), (*given, np.int32(m), np.int32(s), conflict))
        return conflict

    return launched

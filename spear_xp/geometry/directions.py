"""Enters: unit directions. Leaves: their columns of D, and which of them are the same or lie in a span."""

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.reduction.problem import Problem

__all__ = ["SAME_DIRECTION", "WIDEN", "WITHIN", "columns_of", "in_span"]

WIDEN = 30.0  # a kernel of b-1 rows alone carries their noise amplified, with a heavy tail
SAME_DIRECTION = 1e-6  # 1 - |cos|
WITHIN = 1e-6  # squared sine of the angle up to which a direction lies in a kernel


def same_direction(first: Array, second: Array) -> bool:
    """Whether two unit vectors, shape (b,), are the same up to sign."""
    return abs(float(first @ second)) > 1 - SAME_DIRECTION


def in_span(xp: Namespace, kernel: Array, directions: Array) -> Array:
    """Those of the unit directions, shape (b, k), that lie in the span of an orthonormal kernel."""
    share = xp.sum((kernel.T @ directions) ** 2, axis=0)
    return xp.take(directions, xp.nonzero(share > 1 - WITHIN)[0], axis=1)


def columns_of(problem: Problem, directions: Array, zero: Array) -> Array:
    """`rows @ directions`, exactly zero on the zero rows of each direction, shape (m_live, k)."""
    d = problem.rows @ directions
    return problem.space.xp.where(zero, problem.space.xp.zeros_like(d), d)

"""Enters: unit directions. Leaves: their columns of D, and which of them are the same or lie in a span."""

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.reduction.problem import Problem

__all__ = [
    "APPROACHING",
    "FEWER_MISSING",
    "FEW_MISSING",
    "INDEPENDENT",
    "INDEPENDENT_IN_SET",
    "INDEPENDENT_OF_ROWS",
    "NEW_NUISANCE",
    "SAME_DIRECTION",
    "SAME_PROPOSAL",
    "SAME_SPACE",
    "WIDEN",
    "WITHIN",
    "columns_of",
    "in_span",
]

# measured: factor on the zero test of what was not solved on all of its zero rows yet: the noise of a kernel
# of b - 1 rows has a heavy tail (lab.md, "Noisy updates")
WIDEN = {"relative": 30.0, "additive": 3.0}

# When two directions are the same.

SAME_DIRECTION = 1e-6  # chosen: 1 - |cos| of two directions that are solved; a larger value merges near-twins
SAME_PROPOSAL = 1e-5  # chosen: the same of proposals before the refit, which have errors of their own
# chosen: |cos| from which two iterates are on their way to the same direction; a smaller value loses twins
APPROACHING = 0.97

# When a direction lies in a space: squared sine of the angle between them.

# chosen: for a known direction, which is then one of those that a kernel holds; a larger value counts
# near-twins
WITHIN = 1e-6
# chosen: for a direction with errors, or a space that holds a bit of its neighbours; a larger value merges
# near-twins
SAME_SPACE = 1e-3

# When a unit direction is independent of those before it: least sine of the angle to their span.

# chosen: for candidates, of which near-twins have .02; a larger value drops twins, a smaller one keeps
# mixtures
INDEPENDENT = 3e-3
NEW_NUISANCE = 1e-3  # chosen: for nuisance directions, which span spaces and need not tell samples apart
# chosen: for a direction in the place of another in a full set, whose inverse it must not spoil
INDEPENDENT_IN_SET = 5e-3
# chosen: for kernels of masks of single rows, which are guesses and need a wide margin
INDEPENDENT_OF_ROWS = 0.05

# How many samples may be missing.

FEW_MISSING = 24  # measured: open directions, up to which they are worked out together (lab.md, "Descent")
FEWER_MISSING = 16  # measured: the same where rows must hold one missing sample alone (lab.md, "Masks")


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

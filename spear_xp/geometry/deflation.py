"""Enters: a `Problem` and what is known. Leaves: what is left to search, in coordinates of its own.

Samples whose duals are known are projected out of the rows; what remains has as many dimensions as
samples are unsolved. Rows on which none of these is active hold noise alone and go: at unit norm they
would count like any other.
"""

from dataclasses import dataclass
from typing import NamedTuple

from spear_xp.geometry.masks import predicted_activity
from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import balance, inverse, normalize, outside
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known

__all__ = ["Complement", "Deflated", "LayerModel", "complement_of", "deflated", "remaining_activity"]

# measured: size of a row without the solved samples, over the largest, below which nothing is left (lab.md,
# "Descent")
EMPTY = 1e-3
# chosen: singular value, over the largest, from which a vector adds to a span; a smaller value takes errors
# for directions
DEPENDENT = 1e-4
POWER = 2 / 3  # measured: power of 1/S in the metric that makes duals of directions (lab.md, "Descent")
# chosen: rows for each dimension that a share must leave; with fewer, any direction vanishes on many
FEWEST = 2.5


def remaining_activity(problem: Problem, rest: Array) -> Array:
    """Mean pre-activation of the live rows over the samples that are left in the rows.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    rest : array, shape (m_live, b)
        Rows of U without the samples that are known.

    Returns
    -------
    array, shape (m_live,)
        The smaller, the fewer of the remaining samples activate the row.

    Notes
    -----
    Weighted mean input Gᵀg / (g·g), as a dual; weighted by what is left of g in each row.
    """
    xp = problem.space.xp
    mean = rest.T @ (rest @ problem.last)
    total = problem.last @ mean  # zero where nothing is left
    return problem.layer @ (mean / xp.where(total == 0, xp.ones_like(total), total))


class Complement(NamedTuple):
    """The problem without the samples whose duals are known.

    Attributes
    ----------
    frame : array, shape (b, d)
        Orthonormal basis of the complement of their duals: all other directions lie in it.
    full : array of bool, shape (m_live,)
        Rows on which some other sample is active.
    """

    frame: Array
    full: Array


def complement_of(problem: Problem, known: Known) -> Complement:
    """What solved samples leave over; everything where there are none."""
    xp, space = problem.space.xp, problem.space
    solved = space.indices([k for k, s in enumerate(known.solved) if s])
    count = int(solved.shape[0])
    if not count:
        eye = xp.eye(problem.rank, dtype=space.dtype, device=space.device)
        return Complement(eye, xp.ones((problem.width,), dtype=xp.bool, device=space.device))
    duals = normalize(xp, xp.take(known.duals, solved, axis=1))
    frame = xp.linalg.qr(duals, mode="complete").Q[:, count:]
    scale = xp.sum((problem.rows @ problem.unbalance) ** 2, axis=1)
    size = xp.sqrt(xp.sum((problem.rows @ frame) ** 2, axis=1) / scale)
    return Complement(frame, size > EMPTY * xp.max(size) if frame.shape[1] else size < 0)


class LayerModel(NamedTuple):
    """What the weights say of the samples that are left.

    Attributes
    ----------
    implied : array, shape (m, d)
        Maps an iterate to the pre-activations of the dual that it implies, which is free of what is known.
    basis : array, shape (m, r)
        Orthonormal basis of the pre-activations that the dual of any unknown sample can have.
    back : array, shape (d, m)
        Maps the sizes of residuals to the iterate that they imply.
    """

    implied: Array
    basis: Array
    back: Array


@dataclass(frozen=True, slots=True, eq=False)
class Deflated:
    """The part of the problem in which a descent moves: coordinates y with q = lift @ y.

    `rows` are balanced rows of U in these coordinates, `avoid` spans the known directions that are not
    solved, which starts keep away from (None: there are none).
    """

    rows: Array
    lift: Array
    layer: LayerModel
    avoid: Array | None

    def predict(self, xp: Namespace, vectors: Array) -> Array:
        """Pre-activations of the samples next to some iterates, shape (m, s)."""
        return predicted_activity(xp, self.rows @ vectors, self.layer.implied @ vectors, self.layer.basis)


def deflated(problem: Problem, known: Known, share: float = 1.0) -> Deflated:
    """Coordinates of the complement of solved samples, balanced, and what to avoid in them.

    With a share below 1 only the least active rows are kept: fewer nonzero entries, at the price of
    fewer rows.
    """
    xp, space = problem.space.xp, problem.space
    other = space.indices([k for k, s in enumerate(known.solved) if not s])
    frame, full = complement_of(problem, known)
    d = frame.shape[1]
    if d == 0:
        nothing = problem.rows[:, :0]
        return Deflated(nothing, problem.unbalance[:, :0], LayerModel(nothing, nothing, nothing.T), None)
    order = xp.argsort(remaining_activity(problem, problem.rows - known.coefficients @ known.duals.T))
    chosen = xp.take(order, xp.nonzero(xp.take(full, order))[0])
    if share < 1 and int(share * chosen.shape[0]) > FEWEST * d:
        chosen = chosen[: int(share * chosen.shape[0])]
    rows, layer = (xp.take(a, chosen, axis=0) for a in (problem.rows @ frame, problem.layer))
    balanced, change = balance(xp, rows)
    lift, scale = frame @ change, (d / rows.shape[0]) ** 0.5
    avoid = None
    if other.shape[0] and d > 1:
        back, _ = inverse(xp, change)
        avoid = _span(xp, back @ frame.T @ xp.take(known.directions, other, axis=1), d - 1)
    return Deflated(balanced * scale, lift, _layer(problem, known, layer, lift), avoid)


def _layer(problem: Problem, known: Known, layer: Array, lift: Array) -> LayerModel:
    """What the weights say of iterates `lift @ y`, for some rows of the layer.

    A direction q has the dual q if the columns of D are orthogonal, and S⁻² q if the inputs are. Neither is.
    The geometric mean S^-POWER is right where the correlations of one are a power of those of the other:
    what the one metric mixes in the other takes out. The dual of an unknown sample vanishes on all known
    directions; the nearest such dual in the metric is taken.

    And back: rows of the layer are Σ_k z_ik q_k, and their sum, weighted with the sizes of the entries of
    column j, is next to q_j: those go with z_ij, and hardly with another sample. That sum is taken half
    way to the metric.
    """
    xp = problem.space.xp
    root, found = problem.singular_values[:, None] ** (POWER / 2), known.directions
    metric = _span(xp, found / root, problem.rank - 1)
    half = outside(metric, lift / root)
    implied = layer @ (half / root)
    possible = xp.eye(problem.rank, dtype=lift.dtype, device=lift.device) / root
    if metric is not None:
        possible = xp.linalg.qr(metric, mode="complete").Q[:, metric.shape[1] :] / root
    return LayerModel(implied, xp.linalg.qr(layer @ possible).Q, (layer @ half).T)


def _span(xp: Namespace, vectors: Array, most: int) -> Array | None:
    """Orthonormal basis of the span of some vectors, of at most so many dimensions; None of none."""
    if not vectors.shape[1]:
        return None
    left, values, _ = xp.linalg.svd(normalize(xp, vectors), full_matrices=False)
    return left[:, : min(most, int(xp.sum(xp.astype(values > DEPENDENT * values[0], xp.int64))))]

"""Enters: b independent directions. Leaves: duals, scales and inputs with their error bars.

Q⁻¹ gives the samples in factor coordinates; the bias column of [x | 1] fixes the scale of each. Every
direction is then solved again on the rows that the layer predicts inactive for its sample.
"""

from dataclasses import dataclass

from spear_xp.numerics.backend import Array
from spear_xp.numerics.linalg import inverse, normalize, smallest_singular
from spear_xp.reduction.problem import Problem

__all__ = ["SampleSet", "recover", "refine", "samples_of", "to_inputs"]

CLEAR = 1e-3  # |pre-activation| over its median above which its sign is taken for sure in the refinement


@dataclass(frozen=True, slots=True, eq=False)
class SampleSet:
    """A full set of samples in factor coordinates.

    Attributes
    ----------
    duals : array, shape (b, b)
        Column k is p_k with [x_k | 1] = V S p_k.
    directions : array, shape (b, b)
        Column k is q_k scaled so that `rows @ q_k` is column k of D (rows of D scaled as the
        gradient's rows); duals.T @ directions is the identity.
    support : array of bool, shape (m_live, b)
        Rows that determined each direction: predicted inactive and zero within the noise.
    stand_ins : int
        Last columns that only complete the set: no samples, but with them all others are exact.
    """

    duals: Array
    directions: Array
    support: Array
    stand_ins: int = 0


def recover(problem: Problem, directions: Array, stand_ins: int = 0) -> SampleSet | None:
    """Samples from b independent directions, scaled by the bias gradient.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, b)
        Columns up to scale.
    stand_ins : int
        Number of last columns that are no directions of samples.

    Returns
    -------
    SampleSet or None
        None if the directions are dependent or a sample has no bias coordinate.
    """
    xp = problem.space.xp
    unit = normalize(xp, directions)
    inverted, valid = inverse(xp, unit)
    if not valid:
        return None
    duals = inverted.T
    scale = problem.last @ duals
    if not bool(xp.all(xp.abs(scale) > 0)):
        return None
    return SampleSet(duals / scale, unit * scale, problem.zeros_of(unit), stand_ins)


def refine(problem: Problem, recovery: SampleSet, *, rounds: int = 2) -> SampleSet:
    """Every direction again, from the rows predicted inactive for its sample and zero within the noise.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    recovery : SampleSet
        A full set of samples, roughly right.
    rounds : int
        Repetitions; two are enough when the masks are right.

    Returns
    -------
    SampleSet
        Directions whose masks do not determine them stay as they are.
    """
    xp, b = problem.space.xp, problem.rank
    if b == 1:
        return recovery
    for _ in range(rounds):
        z = problem.layer @ recovery.duals
        middle = _median_size(problem, z)
        inactive = z < -CLEAR * middle
        support = inactive & problem.zeros_of(recovery.directions)
        columns = []
        for k in range(b):
            direction = recovery.directions[:, k]
            same = bool(xp.all(support[:, k] == recovery.support[:, k]))  # solved on these rows already
            if k < b - recovery.stand_ins:
                whole = _whole_mask(problem, inactive[:, k], support[:, k])
                if whole is not None:
                    direction, support[:, k] = whole, inactive[:, k]
                elif not same and int(xp.sum(xp.astype(support[:, k], xp.int64))) >= b - 1:
                    direction = _kernel(problem, support[:, k])
            columns.append(direction)
        again = recover(problem, xp.stack(columns, axis=1), recovery.stand_ins)
        if again is None:
            return recovery
        real = xp.arange(b, device=problem.space.device) < b - recovery.stand_ins
        support = xp.where(real, support, again.support)
        recovery = SampleSet(again.duals, again.directions, support, recovery.stand_ins)
    return recovery


def _kernel(problem: Problem, which: Array) -> Array:
    """Direction that vanishes on some rows best, shape (b,)."""
    xp = problem.space.xp
    return smallest_singular(xp, xp.take(problem.rows, xp.nonzero(which)[0], axis=0)).vectors[:, 0]


def _whole_mask(problem: Problem, inactive: Array, support: Array) -> Array | None:
    """The direction that vanishes on all rows predicted inactive, where there is one and more than it had.

    A bit of a quiet sample in a direction shows on the few rows where that sample is not quiet.
    """
    xp = problem.space.xp
    if bool(xp.all(inactive == support)) or int(xp.sum(xp.astype(inactive, xp.int64))) < problem.rank:
        return None
    direction = _kernel(problem, inactive)
    return direction if bool(xp.all(problem.zeros_of(direction) | ~inactive)) else None


def _median_size(problem: Problem, z: Array) -> Array:
    """Median |z| of each column, shape (k,)."""
    xp = problem.space.xp
    return xp.sort(xp.abs(z), axis=0)[z.shape[0] // 2, :]


def samples_of(problem: Problem, recovery: SampleSet) -> tuple[Array, Array]:
    """Samples [x | 1] in the basis V as columns, shape (b, b), and their norms, shape (b,)."""
    samples = recovery.duals * problem.singular_values[:, None]
    return samples, problem.space.xp.sqrt(problem.space.xp.sum(samples * samples, axis=0))


def to_inputs(problem: Problem, duals: Array) -> Array:
    """Duals, shape (b, k), as inputs, shape (k, n): the only product as long as the input."""
    return (problem.right.T @ (problem.singular_values[:, None] * duals)).T[:, :-1]

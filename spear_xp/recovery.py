"""Enters: b independent directions. Leaves: duals, scales and inputs with their error bars.

Q⁻¹ gives the samples in factor coordinates; the bias column of [x | 1] fixes the scale of each. Every
direction is then solved again on the rows that the layer predicts inactive for its sample.
"""

from dataclasses import dataclass

from spear_xp._arrays import Array
from spear_xp._linalg import inverse, normalize, smallest_singular
from spear_xp.problem import Problem

__all__ = ["Recovery", "error_bars", "recover", "refine", "samples_of", "to_inputs"]

OPEN = 1e-10  # share of the largest eigenvalue below which rows say nothing about a direction
CLEAR = 1e-3  # |pre-activation| over its median above which its sign is taken for sure in the refinement


@dataclass(frozen=True, slots=True, eq=False)
class Recovery:
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


def recover(problem: Problem, directions: Array, stand_ins: int = 0) -> Recovery | None:
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
    Recovery or None
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
    return Recovery(duals / scale, unit * scale, problem.zeros_of(unit), stand_ins)


def refine(problem: Problem, recovery: Recovery, *, rounds: int = 2) -> Recovery:
    """Every direction again, from the rows predicted inactive for its sample and zero within the noise.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    recovery : Recovery
        A full set of samples, roughly right.
    rounds : int
        Repetitions; two are enough when the masks are right.

    Returns
    -------
    Recovery
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
        recovery = Recovery(again.duals, again.directions, support, recovery.stand_ins)
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


def error_bars(problem: Problem, recovery: Recovery, excess: Array | None = None) -> tuple[Array, Array]:
    """Standard deviation of the recovered inputs, propagated from the noise level.

    Parameters
    ----------
    problem : Problem
        The reduced gradient, source of σ.
    recovery : Recovery
        A full set of samples with the rows that determined them.
    excess : array, shape (b,), optional
        Factor on the variance of each direction, where its rows may hold more than they show; 1 if not given.

    Returns
    -------
    bars : array, shape (b,)
        Root mean square standard deviation of the entries of each recovered input, in its units.
    inside : array, shape (b,)
        Norm of the part of the error within the row space (the rest is outside, and independent).

    Notes
    -----
    First order. A direction q_k solved on rows Z_k has Cov(p_jᵀ δq_k) = σ²‖S⁻¹q_k‖² p_jᵀ(U_ZᵀU_Z)⁺p_j, with
    what these rows show in the place of σ²‖S⁻¹q_k‖² if that is more: noise may be louder in some columns.
    Inverting Q turns it into δx_j = -Σ_k (p_jᵀδq_k)(x_k - x_j). The right factor V adds σ‖p_j‖ to every
    entry, and its last row, the bias, the share σ_bias‖p_j‖ of x_j itself.
    """
    xp, b = problem.space.xp, problem.rank
    samples, _ = samples_of(problem, recovery)
    squared = xp.sum(samples * samples, axis=0)
    distance = squared[:, None] + squared[None, :] - 2 * samples.T @ samples  # ‖x_j - x_k‖²
    distance = xp.where(distance > 0, distance, xp.zeros_like(distance))
    unit = normalize(xp, recovery.directions)
    noise = xp.maximum(problem.noise_of(recovery.directions) ** 2, _seen(problem, recovery))
    noise = noise if excess is None else noise * excess
    inside = xp.zeros((b,), dtype=problem.space.dtype, device=problem.space.device)
    for k in range(b):
        rows = problem.rows * xp.astype(recovery.support[:, k], problem.space.dtype)[:, None]
        # Any value along q_k will do, because p_jᵀq_k = 0.
        gram = rows.T @ rows + unit[:, k][:, None] * unit[:, k][None, :]
        others = xp.where(distance[:, k] > 0, _spread(problem, gram, recovery.duals), 0 * noise)
        inside = inside + noise[k] * others * distance[:, k]
    n, lengths = problem.right.shape[1] - 1, xp.sum(recovery.duals**2, axis=0)
    outside = lengths * (problem.noise_level**2 + problem.bias_noise**2 * squared / n)
    return xp.sqrt(inside / n + outside), xp.sqrt(inside)


def _seen(problem: Problem, recovery: Recovery) -> Array:
    """Mean square of what the rows of each direction still hold, shape (b,); zero where they are too few."""
    xp = problem.space.xp
    on = xp.astype(recovery.support, problem.space.dtype)
    spare = xp.sum(on, axis=0) - (problem.rank - 1)
    energy = xp.sum(on * (problem.rows @ recovery.directions) ** 2, axis=0)
    return xp.where(spare > 0, energy, 0 * energy) / xp.clip(spare, 1.0, None)


def _spread(problem: Problem, gram: Array, duals: Array) -> Array:
    """p_jᵀ gram⁻¹ p_j for every dual, shape (b,); infinite where the rows leave a dual open."""
    xp = problem.space.xp
    inverted, valid = inverse(xp, gram)
    if valid:
        return xp.sum(duals * (inverted @ duals), axis=0)
    values, vectors = xp.linalg.eigh(gram)
    settled = values > OPEN * values[-1]
    shares = (vectors.T @ duals) ** 2
    zeros = xp.zeros_like(shares)
    finite = xp.where(settled[:, None], shares / xp.where(settled, values, values[-1])[:, None], zeros)
    left_open = xp.any(~settled[:, None] & (shares > OPEN * xp.sum(duals**2, axis=0)), axis=0)
    return xp.where(left_open, xp.full_like(finite[0, :], float("inf")), xp.sum(finite, axis=0))


def samples_of(problem: Problem, recovery: Recovery) -> tuple[Array, Array]:
    """Samples [x | 1] in the basis V as columns, shape (b, b), and their norms, shape (b,)."""
    samples = recovery.duals * problem.singular_values[:, None]
    return samples, problem.space.xp.sqrt(problem.space.xp.sum(samples * samples, axis=0))


def to_inputs(problem: Problem, duals: Array) -> Array:
    """Duals, shape (b, k), as inputs, shape (k, n): the only product as long as the input."""
    return (problem.right.T @ (problem.singular_values[:, None] * duals)).T[:, :-1]

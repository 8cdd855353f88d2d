"""Enters: a set of samples and the noise level. Leaves: error bars of the samples, and the noise that shows.

The noise of a direction is propagated from that of an entry. What its zero rows hold says more: rounding
errors of entries that hold equal pixels are equal, and add up along a sample.
"""

import math
from dataclasses import replace

from spear_xp.numerics.backend import Array, Host
from spear_xp.numerics.linalg import inverse, normalize
from spear_xp.numerics.sorting import upper_median
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem

__all__ = ["calibrated", "error_bars", "preactivation_errors", "shares_of", "sign_errors"]

# measured: rounding of working precision in a sample, over its size and the root of the number of rows that
# are added up (lab.md, "Rounding of double precision")
ARITHMETIC = 0.4
VALUES = 256  # derived: distinct values of a pixel of 8 bits; entries of equal pixels round alike


def calibrated(problem: Problem, samples: SampleSet) -> SampleSet:
    """A full set with the noise that its directions show on their zero rows, where that is more.

    Parameters
    ----------
    problem : Problem
        The reduced gradient with the noise that low rank leaves.
    samples : SampleSet
        Of this problem, or of the same with more noise.

    Returns
    -------
    SampleSet
        Of a problem with as much noise as shows; the set itself where that is no more than expected.

    Notes
    -----
    The factor is the median over the directions of (root mean square on zero rows) / (noise expected there).
    It is at least 1, independent errors, and at most √((n + 1) / 256), as where n + 1 entries of a row take
    256 values and those of each are rounded alike. Noise added on purpose is independent.
    """
    xp = problem.space.xp
    most = (problem.right.shape[1] / VALUES) ** 0.5
    if problem.noise_model != "relative" or problem.rank < 2 or not (most > 1 and problem.noise_level > 0):
        return samples
    shares = xp.sqrt(_seen(samples)) / problem.noise_of(samples.directions)
    factor = min(float(upper_median(xp, shares)), most)
    if not factor > 1:
        return samples
    louder = replace(
        problem, noise_level=factor * problem.noise_level, bias_noise=factor * problem.bias_noise
    )
    return replace(samples, problem=louder)


def error_bars(samples: SampleSet, spread: Array, proven: Host | None = None) -> tuple[Array, Array]:
    """Standard deviation of the recovered inputs, propagated from the noise level.

    Parameters
    ----------
    samples : SampleSet
        A full set of samples with the rows that determined them.
    spread : array, shape (b, b)
        What these rows say of the duals: `Support.spread`.
    proven : NumPy array of bool, shape (b,), optional
        Directions whose errors are noise alone; the others count for nothing here. All if not given.

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
    entry, and its last row, the bias, the share σ_bias‖p_j‖ of x_j itself. Own rounding comes on top. Terms
    count as independent, but under strong noise: see `_together`.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    x = samples.coordinates
    squared = xp.sum(x * x, axis=0)
    distance = squared[:, None] + squared[None, :] - 2 * x.T @ x  # ‖x_j - x_k‖²
    distance = xp.where(distance > 0, distance, xp.zeros_like(distance))
    # What is between a sample and itself is nothing, whatever its rows leave open.
    between = xp.where(distance > 0, shares_of(samples, spread, proven), xp.zeros_like(spread))
    inside = xp.sum(between * distance, axis=0)
    whole = _together(samples, xp.sum(between, axis=1) > 0) if problem.noise_hides else None
    whole = inside if whole is None else xp.where(xp.isfinite(inside), whole, inside)
    n, lengths = problem.right.shape[1] - 1, xp.sum(samples.duals**2, axis=0)
    outside = lengths * (problem.noise_level**2 + problem.bias_noise**2 * squared / n)
    # in double precision the noise of many rows averages to less than the rounding of their sums
    sums = (ARITHMETIC * problem.space.eps) ** 2 * problem.width * squared / n
    return xp.sqrt(whole / n + outside + sums), xp.sqrt(inside)


def _together(samples: SampleSet, right: Array) -> Array | None:
    """Mean square of the part of each error within the row space, shape (b,), by directions that are `right`.

    A row on which two directions vanish brings its noise to both: p_jᵀδq_k = -h_kjᵀ(noise) S⁻¹q_k with
    h_kj = U_Z (U_ZᵀU_Z)⁺p_j, so that two of them have the covariance σ²(h_kj·h_lj)(S⁻¹q_k·S⁻¹q_l), and what
    they move x_j by adds up with (x_k - x_j)·(x_l - x_j). Of inputs with a common mean much cancels. None
    where rows leave a dual open.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    x, on = samples.coordinates, xp.astype(samples.support, problem.space.dtype)
    unit, loud = normalize(xp, samples.directions), xp.sqrt(xp.maximum(samples.noise**2, _seen(samples)))
    turned = normalize(xp, samples.directions / problem.singular_values[:, None])
    alike = (turned.T @ turned) * (loud * xp.astype(right, loud.dtype))[:, None]
    alike = alike * (loud * xp.astype(right, loud.dtype))[None, :]
    solved, found = [], []
    for k in range(problem.rank):
        rows = problem.rows * on[:, k][:, None]
        inverted, valid = inverse(xp, rows.T @ rows + unit[:, k][:, None] * unit[:, k][None, :])
        if not valid:
            return None
        solved.append(inverted @ samples.duals)
    each_dual = xp.stack(solved, axis=1)
    for j in range(problem.rank):
        weights, between = on * (problem.rows @ each_dual[:, :, j]), x - x[:, j][:, None]
        found.append(xp.sum((weights.T @ weights) * alike * (between.T @ between)))
    return xp.maximum(xp.stack(found), xp.zeros_like(loud))


def shares_of(samples: SampleSet, spread: Array, proven: Host | None = None) -> Array:
    """Variance of what each sample takes up of another one less itself, shape (b, b), the other in row k.

    Of those that are not proven nothing; the arguments are those of `error_bars`.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    noise = xp.maximum(samples.noise**2, _seen(samples))
    right = samples.real | True if proven is None else problem.space.asarray(proven, dtype=xp.bool)
    shares = noise[:, None] * spread
    return xp.where(right[:, None], shares, xp.zeros_like(shares))


def sign_errors(samples: SampleSet, shares: Array, z: Array) -> Array:
    """Standard deviation of pre-activations within the row space, from `shares_of`, shape (rows, b).

    δx_j = -Σ_k a_kj (x_k - x_j) moves z_ij by -Σ_k a_kj (z_ik - z_ij), which a neuron sees of it: the norm of
    the error times that of its weights is much more, as most of a weight lies outside of the row space.

    Parameters
    ----------
    samples : SampleSet
        A full set of samples.
    shares : array, shape (b, b)
        Variances of a_kj.
    z : array, shape (rows, b)
        Pre-activations.
    """
    xp = samples.problem.space.xp
    told = xp.isfinite(shares)
    finite = xp.where(told, shares, xp.zeros_like(shares))
    squares = z * z
    variance = squares @ finite - 2 * z * (z @ finite) + squares * xp.sum(finite, axis=0)
    # Between a sample and itself nothing is open.
    own = xp.eye(shares.shape[0], dtype=shares.dtype, device=shares.device) > 0
    open_ = xp.any(~(told | own), axis=0)
    error = xp.sqrt(xp.maximum(variance, xp.zeros_like(variance)))
    return xp.where(open_[None, :], xp.full_like(error, math.inf), error)


def preactivation_errors(samples: SampleSet, shares: Array, *, dead: bool = False) -> Array:
    """Standard deviation of pre-activations, shape (rows, b), of live rows or of dead ones.

    Within the row space, from `shares_of`, outside of it, and by the noise of the bias column.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    z, bias, norms = samples.preactivations, problem.layer_bias, problem.layer_norms
    if dead:
        z, bias, norms = problem.dead_layer @ samples.duals, problem.dead_bias, problem.dead_norms
    lengths = xp.sqrt(xp.sum(samples.duals**2, axis=0))
    outside = norms[:, None] * (problem.noise_level * lengths)[None, :]
    scale = (z - bias[:, None]) * (problem.bias_noise * lengths)[None, :]
    return xp.sqrt(sign_errors(samples, shares, z) ** 2 + outside**2 + scale**2)


def _seen(samples: SampleSet) -> Array:
    """Mean square of what the rows of each direction still hold, shape (b,); zero where they are too few."""
    problem, xp = samples.problem, samples.problem.space.xp
    on = xp.astype(samples.support, problem.space.dtype)
    spare = xp.sum(on, axis=0) - (problem.rank - 1)
    energy = xp.sum(on * samples.columns**2, axis=0)
    return xp.where(spare > 0, energy, 0 * energy) / xp.maximum(spare, 1.0)

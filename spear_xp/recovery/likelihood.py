"""Enters: a full set of samples that nothing contradicts. Leaves: the most likely one with the same masks.

The noise of a row is one vector, and every sample that is inactive on it sees its share of that. Solved one
by one, as kernels, directions of near-twins take the same noise twice; all of them together do not.
"""

import math

from spear_xp.numerics.backend import Array, Namespace, on_device
from spear_xp.numerics.linalg import inverses
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.recovery.samples import SampleSet, recover
from spear_xp.reduction.problem import Problem

__all__ = ["most_likely"]

# measured: Gauss-Newton steps; the first finds most of what there is to find (lab.md, "All directions at
# once, and rows as samples")
ROUNDS = 2
# measured: conjugate gradients in each, at most (lab.md, "All directions at once, and rows as samples")
STEPS = 100
ENOUGH = 1e-3  # chosen: of the first residual, at which they end; a smaller value costs more steps
# chosen: entries of the weights of all rows (512 MiB), beyond which nothing is done, to save memory
LARGEST = 2**26


def most_likely(samples: SampleSet, keep_going: KeepGoing = forever) -> tuple[SampleSet, float, float]:
    """All directions of a full set at once, by maximum likelihood.

    Parameters
    ----------
    samples : SampleSet
        A full set of samples, no nuisance, whose masks are right.
    keep_going : callable
        Asked now and then.

    Returns
    -------
    samples : SampleSet
        The same set where the weights of its rows would not fit into memory.
    noise : float
        Mean square of what the rows then hold beside their active samples, in units of σ²; infinite where
        nothing was done. The least of two sets with different masks is that of the more likely one.
    gain : float
        Logarithm of the likelihood of the set found over that of the set given, σ² as likely as can be.

    Raises
    ------
    OutOfTime
        If `keep_going` says no.

    Notes
    -----
    Rows u_i hold noise of covariance σ²S⁻² each. With J the samples inactive on row i, its entries
    r_i = Q_Jᵀu_i are noise alone, of covariance σ²G_JJ with G = QᵀS⁻²Q, and minus twice the logarithm of the
    likelihood is Σ_i r_iᵀ(σ²G_JJ)⁻¹r_i: the squared distance of every row of the gradient from the span of
    its active samples, added up. Gauss-Newton steps Q ← Q(I + C) leave the scale of each direction, the
    diagonal of C, alone. Cost: m inversions of (b, b) matrices, which take m·b² numbers.
    """
    problem = samples.problem
    xp, space, b = problem.space.xp, problem.space, problem.rank
    noise, gain = math.inf, 0.0
    if problem.width * b * b > LARGEST:
        return samples, noise, gain
    here = (samples.preactivations < 0) & samples.zero
    inactive = xp.astype(here, space.dtype)
    count = float(xp.sum(inactive))
    silent = count * problem.noise_level**2
    if not silent > 0:
        return samples, noise, gain
    for _ in range(ROUNDS):
        scaled = samples.directions / problem.singular_values[:, None]
        sizes = xp.sqrt(xp.sum(scaled * scaled, axis=0))
        weights = _weights(problem, scaled / sizes, inactive, keep_going)
        if weights is None:
            break
        directions = samples.directions / sizes
        entries = problem.rows @ directions
        directions = directions + directions @ _correction(problem, entries, weights, keep_going)
        found = recover(problem, directions)
        if found is None:
            break
        samples = SampleSet(problem, found.duals, found.directions, here)
        before, noise = (_energy(xp, rows, weights) / silent for rows in (entries, problem.rows @ directions))
        if before > 0 and noise > 0:
            gain += 0.5 * count * math.log(before / noise)
    return samples, noise, gain


def _energy(xp: Namespace, entries: Array, weights: Array) -> float:
    """What the entries of inactive samples hold, in units of their noise."""
    return float(xp.sum(entries * (weights @ entries[:, :, None])[:, :, 0]))


def _weights(problem: Problem, scaled: Array, inactive: Array, keep_going: KeepGoing) -> Array | None:
    """Inverse covariances of the entries of inactive samples, zero elsewhere, shape (m_live, b, b)."""
    xp, space = problem.space.xp, problem.space
    eye, covariance = xp.eye(problem.rank, dtype=space.dtype, device=space.device), scaled.T @ scaled
    parts = []
    for part in blocks(problem.width, problem.rank**2, device=on_device(xp)):
        ask(keep_going)
        on = inactive[part, :]
        both = on[:, :, None] * on[:, None, :]
        found, valid = inverses(xp, both * covariance + (1 - on)[:, :, None] * eye)
        if not bool(xp.all(valid)):
            return None
        parts.append(both * found)
    return xp.concat(parts, axis=0)


def _correction(problem: Problem, entries: Array, weights: Array, keep_going: KeepGoing) -> Array:
    """C of a Gauss-Newton step, shape (b, b), by conjugate gradients."""
    xp, space = problem.space.xp, problem.space
    others = 1 - xp.eye(problem.rank, dtype=space.dtype, device=space.device)

    def pull(rows: Array) -> Array:
        return others * (entries.T @ (weights @ rows[:, :, None])[:, :, 0])

    curvature = (entries**2).T @ xp.linalg.diagonal(weights)
    scale = xp.where(curvature > 0, 1 / xp.where(curvature > 0, curvature, 1.0), 1.0)
    change, residual = xp.zeros_like(others), -pull(entries)
    ahead = scale * residual
    length = first = float(xp.sum(residual * ahead))
    for _ in range(STEPS):
        ask(keep_going)
        if not length > ENOUGH**2 * first:
            break
        image = pull(entries @ ahead)
        bend = float(xp.sum(ahead * image))
        if not bend > 0:
            break
        step = length / bend
        change, residual = change + step * ahead, residual - step * image
        before, length = length, float(xp.sum(residual * scale * residual))
        ahead = scale * residual + (length / before) * ahead
    return change

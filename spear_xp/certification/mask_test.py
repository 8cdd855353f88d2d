"""Enters: a set of samples with error bars. Leaves: whether predicted masks and zero patterns agree."""

from spear_xp.certification.evidence import allowed_flips
from spear_xp.certification.split_half import SIGMAS
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem

__all__ = ["count_rows", "masks_agree", "sign_band"]


def sign_band(samples: SampleSet, inside: Array, norms: Array, drift: Array | None = None) -> Array:
    """Half-width of the pre-activations whose sign is open, shape (rows, b).

    Parameters
    ----------
    samples : SampleSet
        A full set of samples.
    inside : array, shape (b,)
        Norm of the error of each within the row space.
    norms : array, shape (rows,)
        Norms of the rows of [W | β].
    drift : array, shape (rows,), optional
        Norms of what these rows have moved by since, where an update sums several steps.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    size = samples.sizes
    error = inside + problem.noise_level * xp.sqrt(xp.sum(samples.duals**2, axis=0))
    # The client's own forward pass rounds too: a pre-activation within rounding of zero has no sign.
    band = norms[:, None] * (SIGMAS * error + 4 * problem.unit_roundoff * size)[None, :]
    return band if drift is None else band + drift[:, None] * size[None, :]


def masks_agree(samples: SampleSet, band: Array, inside: Array) -> tuple[Host, Host]:
    """Condition (a): whether masks and zero patterns agree, and on what share of rows, shape (b,) each."""
    problem = samples.problem
    xp, zero = problem.space.xp, samples.zero
    z = samples.preactivations
    inactive, active = z < -band, z > band
    wrong = count_rows(problem, inactive & ~zero)
    # One entry of many thousands is noise that exceeds the tolerance.
    beyond = count_rows(problem, inactive & ~zero & ~samples.ambiguous)
    vanished = count_rows(problem, active & zero)
    clear = count_rows(problem, inactive | active)
    holds = (beyond == 0) & (clear > 0)
    for flips, rows in ((wrong, inactive), (vanished, active)):
        holds &= flips <= allowed_flips(count_rows(problem, rows))
    if problem.dead_layer.shape[0]:
        dead = problem.dead_layer @ samples.duals
        dead_band = sign_band(samples, inside, problem.dead_norms)
        holds &= to_host(~xp.any(dead > dead_band, axis=0))
    return holds, 1 - (wrong + vanished) / clear.clip(min=1)


def count_rows(problem: Problem, flags: Array) -> Host:
    """True rows of each column of flags, shape (m, k)."""
    xp = problem.space.xp
    return to_host(xp.sum(xp.astype(flags, xp.int64), axis=0))

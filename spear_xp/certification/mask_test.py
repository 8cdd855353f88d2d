"""Enters: a set of samples with error bars. Leaves: whether predicted masks and zero patterns agree."""

from spear_xp.certification.evidence import allowed_flips
from spear_xp.certification.split_half import SIGMAS
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem

__all__ = ["count_rows", "masks_agree", "scale_is_told", "sign_band"]

FACTORS = tuple(2.0**k for k in (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0))  # chosen: of the scale
DECISIVE = 3  # chosen: contradictions, of all samples together, that no honest mask has
REFUTING = (
    4  # chosen: contradictions, and how many times fewer another scale has, from which it is the true one
)


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


def scale_is_told(samples: SampleSet, certified: Host) -> bool:
    """Whether masks contradict samples that are four times as large or as small.

    The bias gradient gives a sample its scale, and a client may treat it on its own: another learning rate,
    clipping of each tensor. Masks tell the scale through the bias of the layer: with c x in the place of x a
    pre-activation z turns into c z + (1 - c) β. With a bias of zero every c has the same masks.

    Parameters
    ----------
    samples : SampleSet
        A full set.
    certified : NumPy array of bool, shape (b,)
        Samples that are asked, all together: what changes the scale changes that of all.
    """
    own = _contradictions(samples, 1.0)
    scaled = {factor: _contradictions(samples, factor) for factor in FACTORS}
    least = DECISIVE + 2 * own[certified].sum()
    told = all(scaled[factor][certified].sum() >= least for factor in (FACTORS[0], FACTORS[-1]))
    # A sample whose mask fits at another scale shows that scales are not what the bias gradient says.
    best = to_host(list(scaled.values())).min(axis=0)
    refuted = (own >= REFUTING) & (REFUTING * best <= own) & ~certified & to_host(samples.real)
    return bool(told and not refuted.any())


def _contradictions(samples: SampleSet, factor: float) -> Host:
    """Rows on which the mask of a sample so many times as large contradicts its zero pattern, shape (b,)."""
    problem = samples.problem
    rows = factor * samples.preactivations + (1 - factor) * problem.layer_bias[:, None]
    dead = factor * (problem.dead_layer @ samples.duals) + (1 - factor) * problem.dead_bias[:, None]
    rounding = 4 * problem.unit_roundoff * max(1.0, factor) * samples.sizes
    margin, dead_margin = (norms[:, None] * rounding for norms in (problem.layer_norms, problem.dead_norms))
    shown = (rows < -margin) & ~samples.zero & ~samples.ambiguous
    wrong = count_rows(problem, shown | ((rows > margin) & samples.zero))
    return to_host(wrong + count_rows(problem, dead > dead_margin))


def count_rows(problem: Problem, flags: Array) -> Host:
    """True rows of each column of flags, shape (m, k)."""
    xp = problem.space.xp
    return to_host(xp.sum(xp.astype(flags, xp.int64), axis=0))

"""Enters: a set of samples with error bars. Leaves: whether predicted masks and zero patterns agree."""

import math
from typing import NamedTuple

from spear_xp.certification.certificate import Certificate
from spear_xp.certification.evidence import FLIPS_AT_MOST, allowed_flips
from spear_xp.certification.split_half import SIGMAS
from spear_xp.geometry.masks import zeros_beside
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.sorting import upper_median
from spear_xp.recovery.samples import SampleSet
from spear_xp.recovery.scales import common_scale, scales_in_words
from spear_xp.recovery.uncertainty import preactivation_errors
from spear_xp.reduction.problem import ACCURACY, TOLERANCE, Problem

__all__ = [
    "TOLD",
    "ScaleProof",
    "count_rows",
    "counts_of",
    "lost_entries",
    "masks_agree",
    "scale_of",
    "sign_band",
    "sign_bands",
]

CONTRADICTED = (
    "masks of all certified samples contradict the scale that grad_b gives: they fit {:.2g} times that"
)
LEFT_OPEN = "its scale rests on grad_b alone: masks leave {:.0%} of it open, more than the accuracy asked for"
FACTORS = tuple(2.0**k for k in (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0))  # chosen: of the scale
# chosen: samples, and one of how many of all, that have to activate a row of zeros for it to say nothing;
# fewer prove less
SILENT, SILENT_SHARE = 3, 4
# measured: share of entries that noise hides, over that of the tolerance in a usual one (lab.md, "Noisy
# updates")
LOST = 8.0
UPPER = 3  # chosen: quarters of the samples by such entries, beyond which more of one count for no other
QUIETER = 4.0  # chosen: times a usual sample, to which one may be quieter and lose entries; more proves less
# chosen: of the width of the zero test, where many entries are small: a smaller value counts fewer rows
NARROW = 0.5
# measured: share of rows that contradict both ends of a layer on its way (lab.md, "Both ends, and the way
# between")
DETOURS = 0.03
DECISIVE = 3  # chosen: contradictions, of all samples together, that no honest mask has
# chosen: share of rows on which the mask of a sample without a certificate has to fit to say something of the
# scale; fewer may be a mixture
NEARLY = 0.95
REFUTING = (
    4  # chosen: contradictions, and how many times fewer another scale has, from which it is the true one
)


def sign_bands(samples: SampleSet, inside: Array, shares: Array | None = None) -> tuple[Array, Array]:
    """Below minus the first band a neuron is inactive for sure, above the second it is active.

    An update of several local steps adds something where a sample is active in any of them. It is in none
    where its pre-activation is farther below zero than the layer can have moved. It is active in some, if not
    in all, where its pre-activation is positive at both ends.

    Parameters
    ----------
    samples : SampleSet
        A full set of samples.
    inside : array, shape (b,)
        Norm of the error of each within the row space.
    shares : array, shape (b, b), optional
        What is known of that error, as `shares_of` has it; then `inside` is the norm of what comes beside it.

    Returns
    -------
    inactive, active : array, shape (m_live, b)
        Half-widths.
    """
    problem = samples.problem
    band = sign_band(samples, inside, shares)
    if problem.drift is None:
        return band, band
    drift = problem.drift[:, None] * samples.sizes[None, :]
    return band + drift, band + (drift if problem.moved is None else samples.moved)


def sign_band(samples: SampleSet, inside: Array, shares: Array | None = None, *, dead: bool = False) -> Array:
    """Half-width of the pre-activations whose sign is open, shape (rows, b), of live rows or of dead ones.

    The other arguments are those of `sign_bands`.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    norms = problem.dead_norms if dead else problem.layer_norms
    # The client's own forward pass rounds too: a pre-activation within rounding of zero has no sign.
    rounding = 4 * problem.unit_roundoff * samples.sizes
    if shares is None:
        outside = problem.noise_level * xp.sqrt(xp.sum(samples.duals**2, axis=0))
        return norms[:, None] * (SIGMAS * (inside + outside) + rounding)[None, :]
    error = preactivation_errors(samples, shares, dead=dead)
    return SIGMAS * error + norms[:, None] * (SIGMAS * inside + rounding)[None, :]


def masks_agree(
    samples: SampleSet, below: Array, above: Array, inside: Array, shares: Array | None = None
) -> tuple[Host, Host]:
    """Condition (a): whether masks and zero patterns agree, and on what share of rows, shape (b,) each.

    `below` and `above` are the bands of `sign_bands`. Where the layer is known to have moved, a few more rows
    may contradict them: it does not move in a straight line, so that both ends may miss an activity on the
    way; and in small batches a sample may come late, when a row that it activates at both ends is off.
    """
    problem, zero, z = samples.problem, samples.zero, samples.preactivations
    inactive, active = z < -below, z > above
    wrong, beyond, vanished, off, on = counts_of(
        problem,
        inactive & ~zero,
        inactive & ~zero & ~samples.ambiguous,  # one entry of many thousands is noise beyond the tolerance
        active & zero,
        inactive,
        active,
    )
    clear = off + on
    share = 0.0 if problem.moved is None else DETOURS
    early, late = (to_host((share * rows).clip(max=FLIPS_AT_MOST).astype(int)) for rows in (off, on))
    holds = (beyond <= early) & (clear > 0) & (wrong <= allowed_flips(off).clip(min=early))
    dead = _denied(samples, inside, shares)
    if problem.noise_model == "relative":
        holds &= dead == 0
    else:  # rounding to a grid leaves nothing of a row of small entries
        vanished = vanished + dead
    holds &= vanished <= allowed_flips(on).clip(min=late) + lost_entries(samples, inactive)
    return holds, 1 - (wrong + vanished) / clear.clip(min=1)


def _denied(samples: SampleSet, inside: Array, shares: Array | None) -> Host:
    """Rows of zeros that each sample should activate, shape (b,), without neurons that are silent for all.

    A neuron whose outgoing weights are zero has a gradient of zero whatever activates it. Several samples at
    once tell that it is so, where the mask of a wrong one errs alone. If most neurons that should be active
    are silent, as in a pruned layer, rows of zeros say nothing.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    active = problem.dead_layer @ samples.duals > sign_band(samples, inside, shares, dead=True)
    votes = xp.sum(xp.astype(active & samples.real, xp.int64), axis=1)
    silent = votes >= max(SILENT, math.ceil(problem.rank / SILENT_SHARE))
    most = 2 * xp.sum(xp.astype(silent, xp.int64)) > xp.sum(xp.astype(votes > 0, xp.int64))
    return count_rows(problem, active & ~(silent | most)[:, None])


def lost_entries(samples: SampleSet, inactive: Array) -> Host:
    """Entries of an active sample that noise hides, as entries next to the tolerance suggest, shape (b,).

    Where a sample has few of these by chance, as many as samples have on average, where no more count of one
    than of three in four. But no more than the tolerance is of a usual entry, here and in half of the others:
    mixed near-twins have small entries and directions of large noise, where there is none in other samples.

    Parameters
    ----------
    samples : SampleSet
        A full set of samples.
    inactive : array of bool, shape (m_live, b)
        Rows on which they are inactive for sure.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    unsure = count_rows(problem, samples.ambiguous & ~inactive)
    average = unsure.clip(max=sorted(unsure)[UPPER * (len(unsure) - 1) // 4]).mean()
    sizes, shown = xp.abs(samples.columns), ~samples.zero
    count = xp.sum(xp.astype(shown, sizes.dtype), axis=0)
    total = xp.sum(xp.where(shown, sizes, 0 * sizes), axis=0)
    usual = xp.where(count > 0, total, xp.ones_like(total)) / xp.maximum(count, 1.0)  # noise may hide all
    share = TOLERANCE[problem.noise_model] * samples.noise / usual
    share = xp.minimum(share, QUIETER * upper_median(xp, share))
    most = to_host(LOST * share * count).astype(int)
    return to_host(zeros_beside(unsure.clip(min=average)).clip(max=most))


class ScaleProof(NamedTuple):
    """What masks say of the scale that the bias gradient gives to samples.

    Attributes
    ----------
    told : bool
        Whether they bear it out.
    factor : float
        What all samples would have to be multiplied by, where masks contradict their scale; 1 elsewhere.
    open : float
        Error of the scale that masks do not exclude, relative to the sample found, where error bars have to
        hold it; 0 elsewhere.
    """

    told: bool
    factor: float = 1.0
    open: float = 0.0

    @property
    def bar(self) -> float:
        """What it adds to error bars, relative to a sample: six of them hold it."""
        return self.open / SIGMAS

    def widened(self, bars: Host, problem: Problem, duals: Array, merged: Host | float = 0.0) -> Host:
        """Error bars, shape (k,), of samples with duals, shape (b, k), and what it adds to them.

        `merged` is the share of each sample by which several that merged in it may be off: six bars hold it.
        """
        shares = self.bar**2 + (merged / SIGMAS) ** 2
        if not to_host(shares).any():
            return bars
        x = problem.singular_values[:, None] * duals
        squares = to_host(problem.space.xp.sum(x * x, axis=0)) / (problem.right.shape[1] - 1)
        return to_host((bars**2 + shares * squares) ** 0.5)

    def in_words(self, samples: SampleSet) -> tuple[str, ...]:
        """Why the scale of each sample is not told."""
        count = samples.problem.rank
        if self.factor != 1:
            return (CONTRADICTED.format(self.factor),) * count
        if not self._within(samples.problem):
            return (LEFT_OPEN.format(self.open),) * count
        return scales_in_words(samples)

    def _within(self, problem: Problem) -> bool:
        """Whether it is as small as was asked."""
        return self.open < problem.accuracy


TOLD = ScaleProof(told=True)  # where nothing is certified there is nothing to tell


def scale_of(samples: SampleSet, certificate: Certificate) -> ScaleProof:
    """Whether masks bear out the scale of samples, and how far they leave it open.

    The bias gradient gives a sample its scale, and a client may treat it on its own: another learning rate,
    clipping of each tensor. Masks tell the scale through the bias of the layer: with c x in the place of x a
    pre-activation z turns into c z + (1 - c) β. With a bias of zero every c has the same masks.

    Parameters
    ----------
    samples : SampleSet
        A full set.
    certificate : Certificate
        Of this set. What is certified is asked, all together: what changes the scale changes that of all. So
        is what fails by few rows of its mask alone: a wrong scale certifies samples that it happens to suit.

    Notes
    -----
    No common factor may fit better by three standard deviations. Where added noise is strong, or where the
    layer moved and errors beyond the default accuracy are borne, error bars hold every factor that this
    leaves, and no such factor may be off by more than was asked. Elsewhere masks have to contradict a
    quarter and four, and nearer to one the bias gradient is believed.
    """
    problem = samples.problem
    if problem.scale != "given":
        return ScaleProof(told=False)
    certified = certificate.certified
    near = certificate.kernel & certificate.error_bar_small & (certificate.agreement > NEARLY)
    asked = (certified | near) & to_host(samples.real) if certified.any() else certified
    found = common_scale(samples, certificate.spread, asked)
    if not found.fits:
        return ScaleProof(told=False, factor=found.best)
    told = not _fits_elsewhere(samples, certified)
    if problem.is_loud or (problem.drift is not None and problem.accuracy > ACCURACY):
        proof = ScaleProof(told, open=max(found.most - 1, 1 - found.least))
        return proof._replace(told=told and proof._within(problem))
    return ScaleProof(told and _bounded(samples, certified))


def _bounded(samples: SampleSet, certified: Host) -> bool:
    """Whether masks contradict certified samples four times as large or as small."""
    problem, own = samples.problem, _contradictions(samples, 1.0)
    for factor in (FACTORS[0], FACTORS[-1]):
        # What contradicts both is noise, and says nothing of the scale.
        scaled = _contradictions(samples, factor)
        mine, others = counts_of(problem, own & ~scaled, scaled & ~own)
        if others[certified].sum() < DECISIVE + 2 * mine[certified].sum():
            return False
    return True


def _fits_elsewhere(samples: SampleSet, certified: Host) -> bool:
    """Whether the mask of a sample without a certificate fits at another scale: none is as given then."""
    problem = samples.problem
    wrong = count_rows(problem, _contradictions(samples, 1.0))
    doubtful = (wrong >= REFUTING) & ~certified & to_host(samples.real)
    if not doubtful.any():
        return False
    best = to_host([count_rows(problem, _contradictions(samples, factor)) for factor in FACTORS]).min(axis=0)
    return bool((doubtful & (REFUTING * best <= wrong)).any())


def _contradictions(samples: SampleSet, factor: float) -> Array:
    """Rows on which the mask of a sample so many times as large contradicts its zero pattern, dead ones last.

    Shape (m_live + m_dead, b).
    """
    problem, xp = samples.problem, samples.problem.space.xp
    rows = factor * samples.preactivations + (1 - factor) * problem.layer_bias[:, None]
    dead = factor * (problem.dead_layer @ samples.duals) + (1 - factor) * problem.dead_bias[:, None]
    rounding = 4 * problem.unit_roundoff * max(1.0, factor) * samples.sizes
    margin, dead_margin = (norms[:, None] * rounding for norms in (problem.layer_norms, problem.dead_norms))
    zero, shown = samples.zero, ~samples.zero & ~samples.ambiguous
    if problem.noise_hides:  # many entries are small; nearly all zeros are within half of the width
        zero, shown = problem.vanish(samples.columns, samples.noise, widen=NARROW), ~samples.zero
    against = ((rows < -margin) & shown) | ((rows > margin) & zero)
    return xp.concat([against, dead > dead_margin], axis=0)


def count_rows(problem: Problem, flags: Array) -> Host:
    """True rows of each column of flags, shape (m, k)."""
    found: Host = counts_of(problem, flags)[0]
    return found


def counts_of(problem: Problem, *flags: Array) -> Host:
    """The same of several flags at once, one below the other: the host waits once."""
    xp = problem.space.xp
    return to_host(xp.stack([xp.sum(xp.astype(one, xp.int64), axis=0) for one in flags]))

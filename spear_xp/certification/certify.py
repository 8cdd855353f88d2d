"""Enters: a full set of recovered samples. Leaves: for each, whether it is proven, without ground truth.

A sample is certified only if all of these hold:

(a) masks: every live row that its pre-activations leave unambiguous is zero or not as predicted, and
    no dead row is predicted active;
(b) kernel: the rows predicted inactive have a one-dimensional kernel, by a margin that the noise
    cannot bridge and that does not hang on its three most influential rows;
(c) error bar: the error propagated from the noise is small, estimates from two disjoint halves of the
    rows agree with the sample within their error bars, and so little noise that several samples near
    each other could not look like this one;
(d) row span: every informative row of the gradient lies in the span of the certified samples that
    may be active on it and of the others that do not vanish there, and every other sample is told apart
    from it by at least three such rows.
"""

from dataclasses import replace

from spear_xp.certification.certificate import Certificate
from spear_xp.certification.contamination import contamination, proportional
from spear_xp.certification.evidence import Evidence
from spear_xp.certification.mask_test import count_rows, counts_of, lost_entries, masks_agree, sign_bands
from spear_xp.certification.row_span import contested, most_open, row_span
from spear_xp.certification.split_half import SURE, blur_of, halves_agree, is_precise, resolution_of, snr_of
from spear_xp.geometry.masks import doubtful_zeros
from spear_xp.geometry.nullspaces import INFLUENTIAL, PLENTY
from spear_xp.numerics.backend import Array, Host, on_its_device, to_host
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.recovery.samples import SampleSet
from spear_xp.recovery.support import supported
from spear_xp.recovery.uncertainty import error_bars, shares_of
from spear_xp.reduction.problem import ACCURACY, TOLERANCE, Problem

__all__ = ["certify"]

# chosen: accuracies that a row may miss its span by and prove something; more makes proofs weaker
INFORMATIVE = 2.0
# measured: beside unproven samples error bars have to be so many times smaller than otherwise, are reported
# so many times as large, and so is the bound on what a sample may hold of others (lab.md, "Certificates group
# by group")
DOUBTS, LEAST, MARGIN = 30.0, 3.0, 3.0
# chosen: widths of the zero test that noise may leave of a row, √b of them; a larger value proves less
MISSED = 10 / 3
# chosen: relative residual that rounding in the client's own computation may leave; a larger value proves
# less
FLOOR = 1e-5
# measured: rows on which noise may hide a sample, over those that clearly show it; honest samples have twice
# as many at most, digits at noise of 3 % (lab.md, "A record and a multiple of it")
HIDDEN = 3.0


@on_its_device
def certify(
    problem: Problem,
    samples: SampleSet,
    *,
    provable: bool = True,
    keep_going: KeepGoing = forever,
) -> Certificate:
    """Test the four conditions on every sample of a full set; nuisance directions are no samples.

    Parameters
    ----------
    samples : SampleSet
        As many samples as the rank, refined.
    provable : bool
        Whether nuisance directions, where there are any, hold whole samples; nothing is certified otherwise.
    keep_going : callable
        Asked before each sample of the longer tests.

    Returns
    -------
    Certificate

    Raises
    ------
    OutOfTime
        If `keep_going` says no: part of a certificate is worth nothing.

    Notes
    -----
    Cost: about one inversion of a (b, b) matrix for each sample, and a small least-squares problem
    for each row that the quick bound on its residual does not clear.
    """
    xp = problem.space.xp
    support = supported(samples, keep_going)
    bars, inside = error_bars(samples, support.spread)
    blur = blur_of(samples)
    bars = xp.sqrt(bars**2 + blur**2)
    z = samples.preactivations
    shares = shares_of(samples, support.spread) if problem.noise_hides else None
    if shares is not None:  # it says all of the error, and more of each neuron
        inside = xp.zeros_like(inside)
    below, above = sign_bands(samples, inside, shares)
    zero = samples.zero
    masks, agreement = masks_agree(samples, below, above, inside, shares)
    kernel = support.unique
    resolution = resolution_of(samples)
    precise = is_precise(samples, bars)
    if samples.nuisance:
        masks[-samples.nuisance :] = False
    agrees = halves_agree(samples, ~(masks & kernel), below) & (resolution < problem.accuracy)
    columns = to_host(xp.where(zero, xp.zeros_like(z), samples.columns))
    chance = doubtful_zeros(problem, samples.ambiguous)
    holds, wide, n = masks & kernel & agrees & provable, SURE * bars, problem.right.shape[1] - 1
    assumed = masks | True  # samples that the error bars take for right: all of them at first
    while True:
        accuracy = agrees & is_precise(samples, wide)
        evidence = _evidence(samples, below, above)
        rows = row_span(samples, evidence, holds & accuracy, chance, to_host(z > above))
        kept = rows.kept & ~proportional(columns, rows.kept)
        kept = kept & ~contested(samples, kept, masks)
        if not kept.any() or (kept == assumed).all():
            break
        # What is not proven may be wrong, and more so than noise makes it: the others have to bear that.
        bars, noise = error_bars(samples, support.spread, kept)
        held = contamination(samples, kept, keep_going)
        wide = xp.sqrt((DOUBTS * bars) ** 2 + (MARGIN * held) ** 2 / n + (SURE * blur) ** 2)
        bars = xp.sqrt((LEAST * bars) ** 2 + held**2 / n + blur**2)
        # Where nothing bounds it, the sample fails, and its mask is told as if the others were right.
        if shares is None:
            inside = xp.where(xp.isfinite(held), xp.sqrt((LEAST * noise) ** 2 + held**2), inside)
        else:
            shares = LEAST**2 * shares_of(samples, support.spread, kept)
            inside = xp.where(xp.isfinite(held), held, inside)
        below, above = sign_bands(samples, inside, shares)
        assumed = holds = kept
    shown = _clearly_shown(samples, below, above)
    return Certificate(
        certified=kept & rows.told_apart & shown,
        error_bars=to_host(bars),
        masks=masks & shown,
        kernel=kernel,
        error_bar_small=precise,
        accuracy=accuracy,
        row_span=kept & rows.told_apart,
        snr=snr_of(samples, bars),
        resolution=resolution,
        agreement=agreement,
        residuals=rows.residuals,
        limits=evidence.limits,
        evidence=replace(evidence, informative=rows.counts, possible=rows.open),
        exact=(resolution < ACCURACY) & is_precise(samples, SURE * bars, ACCURACY),
        spread=support.spread,
        promised=problem.accuracy,
    )


def _clearly_shown(samples: SampleSet, below: Array, above: Array) -> Host:
    """Whether enough rows clearly show each sample, beside those on which noise may hide it, shape (b,).

    Where a record and a multiple of it nearly cancel, strong noise may hide most of what is left. This comes
    last: on its way to more exact samples a search may build on such ones.
    """
    zero, z = samples.zero, samples.preactivations
    shown, hidden, odd = counts_of(
        samples.problem, ~zero & ~samples.ambiguous, (z > above) & zero, (z < -below) & ~zero
    )
    return to_host(hidden + odd <= HIDDEN * shown)


def _evidence(samples: SampleSet, below: Array, above: Array) -> Evidence:
    problem = samples.problem
    xp, b = problem.space.xp, problem.rank
    z, zero, real = samples.preactivations, samples.zero, samples.real
    rows = problem.rows * problem.singular_values  # rows of the gradient in the basis V
    noise = MISSED * TOLERANCE[problem.noise_model] * problem.noise_level
    limit_ = noise * b**0.5 / xp.sqrt(xp.sum(rows * rows, axis=1))
    limit_ = xp.where(limit_ > FLOOR, limit_, xp.full_like(limit_, FLOOR))
    # Rows are Σ_k d_ik x_k exactly: where a direction vanishes its sample adds nothing, whatever a wide
    # error bar or a polluted dual predicts, and leaving it out makes the test of the row only harder.
    # On its way a layer may activate what neither end does.
    open_ = ~zero if problem.moved is not None else ((z > -below) | ~real) & ~zero
    possible, limits = to_host(open_), to_host(limit_)
    crowd = possible.sum(axis=1)
    # U has orthonormal columns: a direction and its column of D have the same norm.
    squares = to_host(xp.sum(samples.directions**2, axis=0))
    size = (squares / count_rows(problem, ~zero).clip(min=1)) ** 0.5
    # A row that settles a dimension alone has leverage 1 and is left out; without leverages it may stay.
    zeros = count_rows(problem, samples.support)
    # In small batches a sample may come late, when a row that it activates at both ends has turned away.
    active = (z > above) & real if problem.moved is None else (z > above) & real & ~zero
    return Evidence(
        active=to_host(active),
        inactive=to_host((z < -below) & real),
        zero=to_host(zero),
        possible=possible,
        informative=(limits < INFORMATIVE * problem.accuracy) & (crowd <= most_open(b)),
        limits=limits,
        tolerances=TOLERANCE[problem.noise_model] * to_host(samples.noise) / size,
        lost=lost_entries(samples, z < -below),
        spare=(zeros - (b - 1) >= PLENTY * INFLUENTIAL).astype(int),
    )

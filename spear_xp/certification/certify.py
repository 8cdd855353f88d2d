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
    may be active on it, and every other sample is told apart from it by at least three such rows.
"""

from dataclasses import replace

from spear_xp.certification.certificate import Certificate
from spear_xp.certification.contamination import contamination, excess, proportional
from spear_xp.certification.evidence import Evidence
from spear_xp.certification.mask_test import count_rows, masks_agree, sign_band
from spear_xp.certification.row_span import row_span, settled, sizes_of
from spear_xp.certification.split_half import SMALL, halves_agree, is_precise, resolution_of, snr_of
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH, doubtful_zeros
from spear_xp.geometry.nullspaces import INFLUENTIAL, PLENTY, is_unique
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.linalg import smallest_singular
from spear_xp.recovery.samples import SampleSet
from spear_xp.recovery.uncertainty import error_bars
from spear_xp.reduction.problem import TOLERANCE, Problem

__all__ = ["certify"]

INFORMATIVE = 0.02  # relative residual limit above which a row proves nothing
DOUBTS = 30.0  # times smaller than otherwise error bars have to be beside unproven samples
FLOOR = 1e-5  # relative residual that rounding in the client's own computation may leave


def certify(problem: Problem, recovery: SampleSet, *, provable: bool = True) -> Certificate:
    """Test the four conditions on every sample of a full set; stand-ins are no samples.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    recovery : SampleSet
        As many samples as the rank, refined.
    provable : bool
        Whether the stand-ins, where there are any, hold whole samples; nothing is certified otherwise.

    Returns
    -------
    Certificate

    Notes
    -----
    Cost: about one inversion of a (b, b) matrix for each sample, and a small least-squares problem
    for each row that the quick bound on its residual does not clear.
    """
    xp = problem.space.xp
    bars, inside = error_bars(problem, recovery)
    z = problem.layer @ recovery.duals
    band = sign_band(problem, recovery, inside, problem.layer_norms)
    zero = problem.zeros_of(recovery.directions)
    masks, agreement = masks_agree(problem, recovery, z, zero, band, inside)
    kernel = _kernels_are_unique(problem, recovery)
    resolution = resolution_of(problem, recovery)
    precise = is_precise(problem, recovery, bars)
    if recovery.stand_ins:
        masks[-recovery.stand_ins :] = False
    agrees, adds = halves_agree(problem, recovery) & (resolution < SMALL), sizes_of(problem, recovery)
    columns = to_host(xp.where(zero, xp.zeros_like(z), problem.rows @ recovery.directions))
    chance = doubtful_zeros(problem, problem.zeros_of(recovery.directions, widen=AMBIGUOUS_WIDTH) & ~zero)
    holds, surely = masks & kernel & agrees & provable, to_host(z > band)
    assumed = masks | True  # samples that the error bars take for right: all of them at first
    while True:
        doubts = 1.0 if assumed.all() else DOUBTS
        accuracy = agrees & is_precise(problem, recovery, doubts * bars)
        evidence = _evidence(problem, recovery, z, zero, band)
        sizes = adds * evidence.possible
        kept, told_apart, residuals = row_span(problem, recovery, evidence, sizes, holds & accuracy, chance)
        kept = kept & ~proportional(columns, kept)
        if not kept.any() or (kept == assumed).all():
            break
        # What is not proven may be wrong, and more so than noise makes it: the others have to bear that.
        bars, inside = error_bars(problem, recovery, excess(problem, recovery, kept))
        mixed = contamination(problem, recovery, to_host(zero), surely, kept)
        bars = xp.sqrt(bars**2 + mixed**2 / (problem.right.shape[1] - 1))
        inside = xp.sqrt(inside**2 + mixed**2)
        band = sign_band(problem, recovery, inside, problem.layer_norms)
        assumed = holds = kept
    # Rows on which much of something unproven may be were not judged and are no evidence.
    judged = evidence.informative & settled(sizes, kept)
    limits = evidence.limits + sizes[:, ~kept].sum(axis=1)
    return Certificate(
        certified=kept & told_apart,
        error_bars=to_host(bars),
        masks=masks,
        kernel=kernel,
        precise=precise,
        accuracy=accuracy,
        row_span=kept & told_apart,
        snr=snr_of(problem, recovery, bars),
        resolution=resolution,
        agreement=agreement,
        residuals=residuals,
        limits=evidence.limits,
        evidence=replace(evidence, informative=judged, limits=limits),
    )


def _kernels_are_unique(problem: Problem, recovery: SampleSet) -> Host:
    xp, b = problem.space.xp, problem.rank
    holds = []
    for k in range(b):
        index = xp.nonzero(recovery.support[:, k])[0]
        if b == 1:
            holds.append(True)
        elif index.shape[0] < b:  # b - 1 rows define a kernel, one more has to confirm it
            holds.append(False)
        else:
            rows = xp.take(problem.rows, index, axis=0)
            kernel = smallest_singular(xp, rows).vectors
            holds.append(is_unique(problem, rows, kernel[:, 0], kernel[:, 1]))
    return to_host(problem.space.asarray(holds, dtype=xp.bool))


def _evidence(problem: Problem, recovery: SampleSet, z: Array, zero: Array, band: Array) -> Evidence:
    xp, b = problem.space.xp, problem.rank
    rows = problem.rows * problem.singular_values  # rows of the gradient in the basis V
    limit_ = 50 * problem.noise_level * b**0.5 / xp.sqrt(xp.sum(rows * rows, axis=1))
    limit_ = xp.where(limit_ > FLOOR, limit_, xp.full_like(limit_, FLOOR))
    # Rows are Σ_k d_ik x_k exactly: where a direction vanishes its sample adds nothing, whatever a wide
    # error bar or a polluted dual predicts, and leaving it out makes the test of the row only harder.
    real = xp.arange(b, device=problem.space.device) < b - recovery.stand_ins
    possible, limits = to_host(((z > -band) | ~real) & ~zero), to_host(limit_)
    crowd = possible.sum(axis=1)
    # U has orthonormal columns: a direction and its column of D have the same norm.
    squares = to_host(xp.sum(recovery.directions**2, axis=0))
    size = (squares / count_rows(problem, ~zero).clip(min=1)) ** 0.5
    # A row that settles a dimension alone has leverage 1 and is left out; without leverages it may stay.
    zeros = count_rows(problem, recovery.support)
    return Evidence(
        active=to_host((z > band) & real),
        inactive=to_host((z < -band) & real),
        zero=to_host(zero),
        possible=possible,
        informative=(limits < INFORMATIVE) & (crowd <= max(b - 2, 1 if b < 3 else 2)),
        limits=limits,
        tolerances=TOLERANCE[problem.noise_model] * to_host(problem.noise_of(recovery.directions)) / size,
        spare=(zeros - (b - 1) >= PLENTY * INFLUENTIAL).astype(int),
    )

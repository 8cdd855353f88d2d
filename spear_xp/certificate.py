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

import math
from dataclasses import dataclass, replace

from spear_xp._arrays import Array, Host, to_host
from spear_xp._linalg import smallest_singular
from spear_xp.accuracy import SIGMAS, SMALL, halves_agree, is_precise, resolution_of, snr_of
from spear_xp.evidence import Evidence, allowed_flips
from spear_xp.kernels import INFLUENTIAL, PLENTY, is_unique
from spear_xp.masks import NEXT, hidden
from spear_xp.problem import TOLERANCE, Problem
from spear_xp.recovery import Recovery, error_bars, samples_of
from spear_xp.row_span import SEPARATE, proportional, row_span, settled, sizes_of

__all__ = ["Certificate", "certify"]

NO_SNR = -99.0  # dB, below which a number says nothing
NOTHING = 1e-100  # keeps quotients finite, and their squares
INACCURATE = "its error bar is too wide, or disjoint rows give different estimates"
INFORMATIVE = 0.02  # relative residual limit above which a row proves nothing
DROWNED = 0.5  # of the largest resolution of a certified sample, from where noise is to blame for doubts
DOUBTS = 30.0  # times smaller than otherwise error bars have to be beside unproven samples
FLOOR = 1e-5  # relative residual that rounding in the client's own computation may leave


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """Proof of each recovered sample, and what is missing where there is none.

    Attributes
    ----------
    certified : NumPy array of bool, shape (b,)
        All conditions hold.
    error_bars : NumPy array, shape (b,)
        Standard deviation of the entries of each input, in its units.
    masks, kernel, accuracy, row_span : NumPy array of bool, shape (b,)
        Conditions (a) to (d) one by one.
    precise : NumPy array of bool, shape (b,)
        The error bar is small, if the other samples are right.
    snr : NumPy array, shape (b,)
        Norm of each input with its bias coordinate over the norm of its error, by its error bar, in dB.
    resolution : NumPy array, shape (b,)
        Relative distance below which several samples of the batch would merge into this one.
    agreement : NumPy array, shape (b,)
        Share of the unambiguous live rows whose zero pattern fits the prediction.
    residuals : NumPy array, shape (m_live,)
        Relative distance of each row from the span of the samples that may be active on it.
    limits : NumPy array, shape (m_live,)
        What noise and rounding allow that distance to be.
    evidence : Evidence
        The counts behind these conditions.
    """

    certified: Host
    error_bars: Host
    masks: Host
    kernel: Host
    precise: Host
    accuracy: Host
    row_span: Host
    snr: Host
    resolution: Host
    agreement: Host
    residuals: Host
    limits: Host
    evidence: Evidence

    @property
    def rank(self) -> tuple[int, int, float]:
        """What of two certificates for the same gradient makes one better: proofs, masks, explained rows."""
        return (
            int(self.certified.sum()),
            int(self.masks.sum()),
            float((self.residuals <= self.limits).mean()),
        )

    @property
    def trusted(self) -> Host:
        """Samples that a search may build on, shape (b,): right, if the others are."""
        return self.masks & self.kernel & self.precise

    @property
    def conclusive(self) -> bool:
        """Whether nothing is left to search for: masks fit, rows are explained, and something is proven.

        Or noise keeps it from that; otherwise a false direction may be beside true ones, too quiet to show.
        """
        explained = self.masks.all() and (self.residuals <= self.limits).all()
        drowned = sorted(self.resolution)[len(self.resolution) // 2] >= DROWNED * SMALL
        return bool(explained and (self.certified.any() or drowned))

    def reason(self, k: int) -> str:
        """Why sample k is not certified, as a sentence; empty if it is."""
        if self.certified[k]:
            return ""
        for holds, text in (
            (self.masks[k], "its predicted mask contradicts rows of the gradient"),
            (self.kernel[k], "the rows that are inactive for it do not determine it"),
            (self.resolution[k] < math.inf, "batch_size is below the numerical rank: it may be several"),
            (self.resolution[k] < SMALL, "the noise could merge several samples near each other into it"),
            (self.accuracy[k], INACCURATE),
            (self.row_span[k], "rows of the gradient on which it is active are not explained"),
        ):
            if not holds:
                return f"{text} (SNR {self.snr[k]:.0f} dB)" if self.snr[k] > NO_SNR else text
        return "another sample that it depends on is not certified"


def certify(problem: Problem, recovery: Recovery, *, provable: bool = True) -> Certificate:
    """Test the four conditions on every sample of a full set; stand-ins are no samples.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    recovery : Recovery
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
    band = _band(problem, recovery, inside, problem.layer_norms)
    zero = problem.zeros_of(recovery.directions)
    masks, agreement = _masks_agree(problem, recovery, z, zero, band, inside)
    kernel = _kernels_are_unique(problem, recovery)
    resolution = resolution_of(problem, recovery)
    precise = is_precise(problem, recovery, bars)
    if recovery.stand_ins:
        masks[-recovery.stand_ins :] = False
    agrees, adds = halves_agree(problem, recovery) & (resolution < SMALL), sizes_of(problem, recovery)
    columns = to_host(xp.where(zero, xp.zeros_like(z), problem.rows @ recovery.directions))
    chance = hidden(problem, problem.zeros_of(recovery.directions, widen=NEXT) & ~zero)
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
        bars, inside = error_bars(problem, recovery, _excess(problem, recovery, kept))
        mixed = _mixed(problem, recovery, to_host(zero), surely, kept)
        bars = xp.sqrt(bars**2 + mixed**2 / (problem.right.shape[1] - 1))
        inside = xp.sqrt(inside**2 + mixed**2)
        band = _band(problem, recovery, inside, problem.layer_norms)
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


def _excess(problem: Problem, recovery: Recovery, proven: Host) -> Array:
    """Variance of each direction in units of that of noise, shape (b,); 1 for those of proven samples.

    The zero rows of an unproven one may hold a bit of a sample, too little to show: on n rows as much as the
    noise does on each, and all of the same sign.
    """
    xp = problem.space.xp
    factor = 1 + xp.sum(xp.astype(recovery.support, problem.space.dtype), axis=0)
    return xp.where(problem.space.asarray(proven, dtype=xp.bool), xp.ones_like(factor), factor)


def _mixed(problem: Problem, recovery: Recovery, zero: Host, active: Host, proven: Host) -> Array:
    """How much of unproven samples each sample may hold, as a norm, shape (b,).

    If c q_j is mixed into q_u, then c x_u into x_j. It shows where j is active and q_u vanishes: c is at most
    the tolerance there over the entry of j, on the third of the rows on which that is largest. Stand-ins are
    any basis of their space, so all of them have to vanish.
    """
    _, size = samples_of(problem, recovery)
    size, entries = to_host(size), to_host(problem.space.xp.abs(problem.rows @ recovery.directions))
    zero, row_noise, first = zero.copy(), to_host(problem.row_noise), problem.rank - recovery.stand_ins
    zero[:, first:] = zero[:, first:].all(axis=1, keepdims=True)
    tolerance = TOLERANCE[problem.noise_model] * to_host(problem.noise_of(recovery.directions))
    squares = 0.0 * size
    clear = entries * active / row_noise[:, None]
    for u in (~proven).nonzero()[0]:
        seen = clear[zero[:, u]]
        if len(seen) < SEPARATE:
            return problem.space.asarray(squares + math.inf)
        largest = seen[seen.argsort(axis=0)[-SEPARATE], range(len(size))]
        share = tolerance[u] / largest.clip(min=NOTHING)
        share[u] = 0.0
        squares = squares + (share * size[u]) ** 2
    return problem.space.asarray(squares**0.5)


def _band(problem: Problem, recovery: Recovery, inside: Array, norms: Array) -> Array:
    """Half-width of the pre-activations whose sign the error bar leaves open, shape (rows, b)."""
    xp = problem.space.xp
    _, size = samples_of(problem, recovery)
    error = inside + problem.noise_level * xp.sqrt(xp.sum(recovery.duals**2, axis=0))
    # The client's own forward pass rounds too: a pre-activation within rounding of zero has no sign.
    return norms[:, None] * (SIGMAS * error + 4 * problem.unit_roundoff * size)[None, :]


def _masks_agree(
    problem: Problem, recovery: Recovery, z: Array, zero: Array, band: Array, inside: Array
) -> tuple[Host, Host]:
    xp = problem.space.xp
    inactive, active = z < -band, z > band
    wrong = _count(problem, inactive & ~zero)
    # One entry of many thousands is noise that exceeds the tolerance.
    beyond = _count(problem, inactive & ~problem.zeros_of(recovery.directions, widen=NEXT))
    vanished = _count(problem, active & zero)
    clear = _count(problem, inactive | active)
    holds = (beyond == 0) & (clear > 0)
    for flips, rows in ((wrong, inactive), (vanished, active)):
        holds &= flips <= allowed_flips(_count(problem, rows))
    if problem.dead_layer.shape[0]:
        dead = problem.dead_layer @ recovery.duals
        dead_band = _band(problem, recovery, inside, problem.dead_norms)
        holds &= to_host(~xp.any(dead > dead_band, axis=0))
    return holds, 1 - (wrong + vanished) / clear.clip(min=1)


def _count(problem: Problem, flags: Array) -> Host:
    xp = problem.space.xp
    return to_host(xp.sum(xp.astype(flags, xp.int64), axis=0))


def _kernels_are_unique(problem: Problem, recovery: Recovery) -> Host:
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


def _evidence(problem: Problem, recovery: Recovery, z: Array, zero: Array, band: Array) -> Evidence:
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
    size = (squares / _count(problem, ~zero).clip(min=1)) ** 0.5
    # A row that settles a dimension alone has leverage 1 and is left out; without leverages it may stay.
    zeros = _count(problem, recovery.support)
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

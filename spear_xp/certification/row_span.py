"""Enters: a full set of samples with their masks. Leaves: whether the rows of the gradient agree with them.

A row is Σ_k d_k x_k over the samples that are active on it: a wrong sample leaves rows outside of the span
of those that may be active. Unproven samples may add anything within their span: they are open wherever
their directions do not vanish, so that they accuse no one, and rows on which too many are open prove nothing.
"""

from typing import NamedTuple

from spear_xp.certification.evidence import Evidence, allowed_flips
from spear_xp.certification.split_half import SIGMAS
from spear_xp.numerics.backend import Array, Host, Namespace, to_host
from spear_xp.recovery.samples import SampleSet

__all__ = ["SEPARATE", "RowSpan", "contested", "most_open", "row_span"]

# chosen: informative rows that must confirm a sample; more certify fewer samples, fewer prove less
SUPPORT = 5
# chosen: informative rows that must tell it from each other sample; more certify fewer near-twins
SEPARATE = 3
CLEAR = 0.9  # chosen: share of rows on which the mask of what a row names has to be clear; more contests less


class RowSpan(NamedTuple):
    """What the rows say of a set.

    Attributes
    ----------
    kept : NumPy array of bool, shape (b,)
        Samples left when all rows that count are explained.
    told_apart : NumPy array of bool, shape (b,)
        Which of all samples are told apart from each other one.
    open : NumPy array of bool, shape (m_live, b)
        Rows on which a sample may add something: where it may be active, or, unless it is kept, where its
        direction does not vanish.
    counts : NumPy array of bool, shape (m_live,)
        Informative rows on which few enough are open.
    residuals : NumPy array, shape (m_live,)
        Relative distance of each row from the span of the samples that are open on it.
    """

    kept: Host
    told_apart: Host
    open: Host
    counts: Host
    residuals: Host


def most_open(rank: int) -> int:
    """Samples that may be open on a row which proves something: two dimensions are left to miss."""
    return max(rank - 2, 1 if rank < 3 else 2)


def row_span(samples: SampleSet, evidence: Evidence, start: Host, chance: Host, claimed: Host) -> RowSpan:
    """Condition (d), from the samples of `start`, shape (b,), to those that all rows allow.

    A sample k mixed into a sample j must show somewhere: on rows where j is active for sure and k is not.
    Where it would not, both are in doubt, but not the space that they span, so they still explain rows. An
    unproven k may be small there by chance, on as many rows as `chance` says, shape (b,). Rows that k should
    activate for sure, `claimed`, shape (m_live, b), tell nothing: where it vanishes it is odd itself, and
    mixtures of twins with one mask vanish on some rows of it.
    """
    possible, limits, keep = evidence.possible, evidence.limits, start.copy()
    residuals = _residuals(samples, possible, limits, to_host(range(len(limits))))
    nearest, before = residuals.copy(), possible  # from the span of what is open; that only grows
    while True:
        open_ = possible | (~keep & ~evidence.zero)
        counts = evidence.informative & (open_.sum(axis=1) <= most_open(samples.problem.rank))
        again = (counts & (nearest > limits) & (open_ != before).any(axis=1)).nonzero()[0]
        if len(again):
            nearest[again] = _residuals(samples, open_, limits, again)
        dropped = _least_credible(keep, open_, counts, counts & (nearest > limits))
        if dropped is None:
            break
        keep[dropped], before = False, open_
    seen = (counts[:, None] & evidence.active).astype(float).T @ (~open_ & ~claimed)
    apart: Host = seen >= SEPARATE + chance * ~keep
    apart[range(len(keep)), range(len(keep))] = True
    return RowSpan(keep, to_host(apart.all(axis=1)), open_, counts, residuals)


def contested(samples: SampleSet, proven: Host, masks: Host) -> Host:
    """Proven samples for which a row of the gradient names another one with the same mask, shape (b,).

    A row that one sample alone activates, over its bias entry, is that sample. Where a direction that fails
    its mask shows on a row, and what the row names fits the zero pattern of another direction everywhere, the
    sample of that one may be a mixture, as the mean of twins is.

    Parameters
    ----------
    samples : SampleSet
        A full set.
    proven : NumPy array of bool, shape (b,)
        Samples that are asked.
    masks : NumPy array of bool, shape (b,)
        Directions whose zero patterns fit their masks; nothing is contested where all do.
    """
    found = proven & False
    if masks.all() or not proven.any():
        return found
    problem, xp = samples.problem, samples.problem.space.xp
    bias, row_noise = problem.rows @ problem.last, problem.row_noise
    settled = samples.zero | problem.space.asarray(masks, dtype=xp.bool)
    named = xp.abs(bias) > SIGMAS * problem.noise_level * row_noise
    rows = xp.nonzero(named & ~xp.all(settled, axis=1))[0]
    bias, row_noise = xp.take(bias, rows), xp.take(row_noise, rows)
    duals = xp.take(problem.rows, rows, axis=0) / bias[:, None]
    points = duals * problem.singular_values
    sizes = xp.sqrt(xp.sum(points * points, axis=1))
    error = problem.noise_level * row_noise * problem.rank**0.5 / xp.abs(bias) * (1 + sizes)
    error = SIGMAS * error + 4 * problem.unit_roundoff * sizes
    asked = problem.space.indices(proven.nonzero()[0])
    zero, own = xp.take(samples.zero, asked, axis=1), xp.take(samples.coordinates, asked, axis=1)
    shown = ~zero & ~xp.take(samples.ambiguous, asked, axis=1)
    z, band = duals @ problem.layer.T, error[:, None] * problem.layer_norms
    wrong = _overlap(xp, z < -band, shown) + _overlap(xp, z > band, zero)
    squares = xp.sum(own * own, axis=0)
    other = sizes[:, None] ** 2 + squares - 2 * points @ own > problem.accuracy**2 * squares
    # What noise may move over zero on more rows has no mask that could contradict anything.
    clear = xp.mean(xp.astype(xp.abs(z) > band, z.dtype), axis=1) > CLEAR
    rivals = clear[:, None] & other & (wrong == 0) & xp.take(shown, rows, axis=0)
    found[proven] = to_host(xp.any(rivals, axis=0))
    return found


def _overlap(xp: Namespace, some: Array, others: Array) -> Array:
    """Places where both a row of the first and a column of the second are true, shape (rows, columns)."""
    return xp.astype(some, xp.float32) @ xp.astype(others, xp.float32)


def _least_credible(keep: Host, open_: Host, counts: Host, failing: Host) -> int | None:
    """The kept sample with the largest share of failing rows, or that too few rows show; None if all stay."""
    index = keep.nonzero()[0]
    if not len(index):
        return None
    seen = open_[counts][:, keep].sum(axis=0)
    if (seen < SUPPORT).any():
        return int(index[seen.argmin()])
    failed = open_[failing][:, keep].sum(axis=0)
    counted = (failed > allowed_flips(seen)) * failed
    return int(index[(counted / seen).argmax()]) if counted.any() else None


def _residuals(samples: SampleSet, open_: Host, limits: Host, which: Host) -> Host:
    """Relative distance of some rows from the span of the samples that are open on them.

    The rows are Σ_k d_ik x_k exactly, so the other terms bound the distance from above; only rows that this
    bound does not clear get their own least-squares problem.
    """
    problem, xp, space = samples.problem, samples.problem.space.xp, samples.problem.space
    index = space.indices(which)
    rows = xp.take(problem.rows, index, axis=0) * problem.singular_values
    x = samples.coordinates
    size = xp.sqrt(xp.sum(rows * rows, axis=1))
    d = xp.take(samples.columns, index, axis=0)
    rest = xp.where(space.asarray(open_[which], dtype=xp.bool), xp.zeros_like(d), d) @ x.T
    bound = to_host(xp.sqrt(xp.sum(rest * rest, axis=1)) / size).copy()
    for i in (bound > limits[which]).nonzero()[0]:
        chosen = space.indices(open_[which[i]].nonzero()[0])
        row = rows[int(i), :]
        if not chosen.shape[0]:
            bound[i] = 1.0
            continue
        basis = xp.linalg.qr(xp.take(x, chosen, axis=1)).Q
        for _ in range(2):
            row = row - basis @ (basis.T @ row)
        bound[i] = float(xp.sqrt(xp.sum(row * row)) / size[int(i)])
    return bound

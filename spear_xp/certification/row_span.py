"""Enters: a full set of samples with their masks. Leaves: whether the rows of the gradient agree with them.

A row is Σ_k d_k x_k over the samples that are active on it: a wrong sample leaves rows outside of the span
of those that may be active. An unproven sample excuses nothing and accuses no one: rows that hold more of it
than next to nothing are not judged.
"""

from spear_xp.certification.evidence import Evidence, allowed_flips
from spear_xp.numerics.backend import Host, to_host
from spear_xp.recovery.samples import SampleSet

__all__ = ["SEPARATE", "row_span", "settled", "sizes_of"]

# chosen: informative rows that must confirm a sample; more certify fewer samples, fewer prove less
SUPPORT = 5
# chosen: informative rows that must tell it from each other sample; more certify fewer near-twins
SEPARATE = 3
# chosen: share of a row that unproven samples may add, and the row still counts; a larger value excuses
# errors
NEGLIGIBLE = 1e-3


def sizes_of(samples: SampleSet) -> Host:
    """What each sample adds to each row, relative to the row, shape (m_live, b)."""
    problem, xp = samples.problem, samples.problem.space.xp
    size = samples.sizes
    rows = problem.rows * problem.singular_values
    norms = xp.sqrt(xp.sum(rows * rows, axis=1))
    return to_host(xp.abs(samples.columns) * size / norms[:, None])


def settled(sizes: Host, keep: Host) -> Host:
    """Rows on which samples that are not kept are not active, or next to nothing, shape (m_live,)."""
    return to_host(sizes[:, ~keep].sum(axis=1) <= NEGLIGIBLE)


def row_span(
    samples: SampleSet, evidence: Evidence, sizes: Host, start: Host, chance: Host
) -> tuple[Host, Host, Host]:
    """Condition (d): samples left when all rows are explained, which of all are told apart, and residuals.

    A sample k mixed into a sample j must show somewhere: on rows where j is active for sure and k is not.
    Where it would not, both are in doubt, but not the space that they span, so they still explain rows. An
    unproven k may be small there by chance, on as many rows as `chance` says, shape (b,).
    """
    problem = samples.problem
    possible, informative = evidence.possible, evidence.informative
    residuals = _residuals(samples, possible, evidence.limits)
    failing = informative & (residuals > evidence.limits)
    keep = _attribute(start.copy(), possible, sizes, informative, failing)
    seen = (informative[:, None] & evidence.active).astype(float).T @ ~possible
    apart: Host = seen >= SEPARATE + chance * ~keep
    apart[range(problem.rank), range(problem.rank)] = True
    return keep, to_host(apart.all(axis=1)), residuals


def _residuals(samples: SampleSet, possible: Host, limits: Host) -> Host:
    """Relative distance of each row from the span of its possibly active samples.

    The rows are Σ_k d_ik x_k exactly, so the impossible terms bound the distance from above; only
    rows that this bound does not clear get their own least-squares problem.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    rows = problem.rows * problem.singular_values
    x = samples.coordinates
    size = xp.sqrt(xp.sum(rows * rows, axis=1))
    d = samples.columns
    rest = xp.where(problem.space.asarray(possible, dtype=xp.bool), xp.zeros_like(d), d) @ x.T
    bound = to_host(xp.sqrt(xp.sum(rest * rest, axis=1)) / size).copy()
    for i in (bound > limits).nonzero()[0]:
        index = problem.space.indices(possible[i].nonzero()[0])
        row = rows[int(i), :]
        if not index.shape[0]:
            bound[i] = 1.0
            continue
        basis = xp.linalg.qr(xp.take(x, index, axis=1)).Q
        for _ in range(2):
            row = row - basis @ (basis.T @ row)
        bound[i] = float(xp.sqrt(xp.sum(row * row)) / size[int(i)])
    return bound


def _attribute(keep: Host, possible: Host, sizes: Host, informative: Host, failing: Host) -> Host:
    """Drop the sample with the largest share of failing rows, until none fails.

    A row counts only while no dropped sample may add to it more than next to nothing: an unproven sample
    excuses nothing and accuses no one.
    """
    while keep.any():
        judged = informative & settled(sizes, keep)
        index = keep.nonzero()[0]
        seen = possible[judged][:, keep].sum(axis=0)
        failed = possible[judged & failing][:, keep].sum(axis=0)
        if (seen < SUPPORT).any():
            keep[index[seen.argmin()]] = False
            continue
        counted = (failed > allowed_flips(seen)) * failed
        if not counted.any():
            break
        keep[index[(counted / seen).argmax()]] = False
    return keep

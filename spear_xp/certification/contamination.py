"""Enters: a set of which some samples are not certified. Leaves: how much of these the others may hold."""

import math

from spear_xp.certification.row_span import SEPARATE
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import TOLERANCE

__all__ = ["contamination", "excess", "proportional"]

NOTHING = 1e-100  # cosmetic: keeps quotients finite, and their squares
EQUAL = 1e-3  # measured: relative difference of two quotients that are the same (lab.md, "Certificate")


def excess(samples: SampleSet, proven: Host) -> Array:
    """Variance of each direction in units of that of noise, shape (b,); 1 for those of proven samples.

    The zero rows of an unproven one may hold a bit of a sample, too little to show: on n rows as much as the
    noise does on each, and all of the same sign.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    factor = 1 + xp.sum(xp.astype(samples.support, problem.space.dtype), axis=0)
    return xp.where(problem.space.asarray(proven, dtype=xp.bool), xp.ones_like(factor), factor)


def contamination(samples: SampleSet, zero: Host, active: Host, proven: Host) -> Array:
    """How much of unproven samples each sample may hold, as a norm, shape (b,).

    If c q_j is mixed into q_u, then c x_u into x_j. It shows where j is active and q_u vanishes: c is at most
    the tolerance there over the entry of j, on the third of the rows on which that is largest. Stand-ins are
    any basis of their space, so all of them have to vanish.
    """
    problem = samples.problem
    size, entries = to_host(samples.sizes), to_host(problem.space.xp.abs(samples.columns))
    zero, row_noise, first = zero.copy(), to_host(problem.row_noise), samples.count
    zero[:, first:] = zero[:, first:].all(axis=1, keepdims=True)
    tolerance = TOLERANCE[problem.noise_model] * to_host(samples.noise)
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


def proportional(entries: Host, proven: Host) -> Host:
    """Which proven samples an unproven one may be hidden in, shape (b,).

    Where columns of D are proportional on the rows that two samples share, as behind two classes,
    one of the two can take up the other: what is left of that vanishes on these rows, and both may have masks
    that fit. Quotients of the entries of two such columns are none, or the same again and again; those of
    others are all different.

    Parameters
    ----------
    entries : NumPy array, shape (m_live, b)
        Columns of D, exactly zero on their zero rows.
    proven : NumPy array of bool, shape (b,)
    """
    found = proven & False
    for u in (~proven).nonzero()[0]:
        for j in (proven & ~found).nonzero()[0]:
            both = (entries[:, u] != 0) & (entries[:, j] != 0)
            quotients = entries[both, u] / entries[both, j]
            quotients.sort()
            gaps = abs(quotients[1:] - quotients[:-1]) > EQUAL * abs(quotients[1:])
            found[j] = 1 + gaps.sum() < max(SEPARATE, len(quotients) / 2)
    return to_host(found)

"""Enters: a full set of samples, some of them not proven. Leaves: a pool without what held the search back.

Proven samples are frozen and leave the problem. Each of the others is repaired where the mask of its
own estimate has a kernel that fits it; false directions are deflated like true ones and block the search,
so the least credible of the rest go.
"""

from spear_xp._arrays import Array, to_host
from spear_xp.certificate import Certificate
from spear_xp.filtering import Candidate, filter_directions
from spear_xp.pool import Entry, Pool
from spear_xp.problem import Problem
from spear_xp.recovery import Recovery
from spear_xp.search.alternation import masked_kernels

__all__ = ["agreement", "steer"]

EXACT_FLIPS = 2  # rows that may differ between a mask and the zero pattern of its direction
EIGHTHS = 8  # a share of attempts/8 of the unproven candidates goes


def agreement(problem: Problem, zero: Array, z: Array) -> Array:
    """Share of rows whose zero pattern is the predicted mask, for each column, shape (k,)."""
    xp = problem.space.xp
    return xp.mean(xp.astype(zero == (z < 0), problem.space.dtype), axis=0)


def steer(
    pool: Pool,
    chosen: list[Candidate],
    recovery: Recovery,
    certificate: Certificate,
    threshold: int,
    attempt: int,
) -> None:
    """Freeze what is proven, repair what can be repaired, drop the least credible.

    Parameters
    ----------
    pool : Pool
        Changed in place.
    chosen : list of Candidate
        The full set, in the order of `recovery`.
    recovery, certificate : Recovery, Certificate
        What became of it.
    threshold : int
        Zero rows that a repaired direction needs.
    attempt : int
        How often this very set has been certified.
    """
    problem = pool.problem
    xp = problem.space.xp
    proven, doubtful = [], []
    unit = recovery.directions / xp.sqrt(xp.sum(recovery.directions**2, axis=0))
    scale = xp.sqrt(xp.sum(recovery.directions**2, axis=0))
    for k, old in enumerate(chosen):
        if certificate.certified[k]:
            zero = problem.zeros_of(unit[:, k])
            count = int(xp.sum(xp.astype(zero, xp.int64)))
            candidate = Candidate(unit[:, k], zero, count, old.source)
            proven.append(Entry(candidate, recovery.duals[:, k] * scale[k], proven=True))
        else:
            doubtful.append(k)
    z = problem.layer @ xp.take(recovery.duals, problem.space.indices(doubtful), axis=1)
    fit = to_host(agreement(problem, xp.stack([chosen[k].zero for k in doubtful], axis=1), z))
    repaired = _repair(problem, z, threshold)
    members = {id(candidate) for candidate in chosen}
    credible = sorted(((float(fit[j]), chosen[k]) for j, k in enumerate(doubtful)), key=lambda pair: -pair[0])
    keep = len(credible) - max(2, len(credible) * min(attempt, 4) // EIGHTHS)
    rest = [candidate for _, candidate in credible[: max(0, keep)]]
    others = [candidate for candidate in pool.candidates if id(candidate) not in members]
    pool.entries = proven
    for candidate in repaired:
        pool.add(candidate)
    for candidate in [*rest, *others]:
        pool.add(candidate)


def _repair(problem: Problem, z: Array, threshold: int) -> list[Candidate]:
    """Directions of the masks of doubtful samples, where mask and zero pattern are the same."""
    xp = problem.space.xp
    kernels = problem.unbalance @ masked_kernels(xp, problem.balanced, z)
    kernels = kernels / xp.sqrt(xp.sum(kernels**2, axis=0))
    found = []
    for candidate in filter_directions(problem, kernels, threshold=threshold, source="repair"):
        flips = xp.sum(xp.astype(candidate.zero[:, None] != (z < 0), xp.int64), axis=0)
        if int(xp.min(flips)) <= EXACT_FLIPS:
            found.append(candidate)
    return found

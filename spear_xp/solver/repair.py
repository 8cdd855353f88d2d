"""Enters: a full set of samples, some of them not proven. Leaves: a pool without what held the search back.

Proven samples are frozen and leave the problem. Each of the others is repaired where the mask of its
own estimate has a kernel that fits it; false directions are deflated like true ones and block the search,
so the least credible of the rest go.
"""

from spear_xp.candidates.pool import Entry, Pool
from spear_xp.candidates.refit import Candidate, filter_directions
from spear_xp.certification.certificate import Certificate
from spear_xp.geometry.directions import SAME_DIRECTION
from spear_xp.geometry.masks import EXACT_FLIPS
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.irls import masked_kernels
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem

__all__ = ["adopt", "agreement", "freeze", "repair"]

SOFTNESS = 0.3  # of the masks of doubtful samples, in units of the mean pre-activation
EIGHTHS = 8  # a share of attempts/8 of the unproven candidates goes


def agreement(problem: Problem, zero: Array, z: Array) -> Array:
    """Share of rows whose zero pattern is the predicted mask, for each column, shape (k,)."""
    xp = problem.space.xp
    return xp.mean(xp.astype(zero == (z < 0), problem.space.dtype), axis=0)


def repair(
    pool: Pool,
    chosen: list[Candidate],
    recovery: SampleSet,
    certificate: Certificate,
    threshold: int,
    attempt: int,
) -> bool:
    """Freeze what is proven, repair what can be repaired, drop the least credible.

    Parameters
    ----------
    pool : Pool
        Changed in place.
    chosen : list of Candidate
        The full set, in the order of `recovery`.
    recovery, certificate : SampleSet, Certificate
        What became of it.
    threshold : int
        Zero rows that a repaired direction needs.
    attempt : int
        How often this very set has been certified.

    Returns
    -------
    bool
        Whether a repair took the place of a candidate: the pool may hold a better full set.
    """
    problem = pool.problem
    xp = problem.space.xp
    kept, doubtful = [], []
    for k, old in enumerate(chosen):
        if certificate.trusted[k]:
            kept.append(_entry(problem, old, recovery, k))
        else:
            doubtful.append(k)
    if not doubtful:
        pool.entries = kept
        return False
    z = problem.layer @ xp.take(recovery.duals, problem.space.indices(doubtful), axis=1)
    repairs = _repair(problem, z, threshold)
    confirmed: set[int] = set()
    refuted: set[int] = set()
    for j, k in enumerate(doubtful):
        if j in repairs:
            (confirmed if _same(chosen[k], repairs[j]) else refuted).add(id(chosen[k]))
    # What rows or an earlier certificate have settled is not in doubt for what stands beside it now.
    solved = {id(entry.candidate) for entry in pool.entries if entry.dual is not None}
    open_ = [chosen[k] for k in doubtful if id(chosen[k]) not in confirmed | refuted | solved]
    if not refuted:  # nothing learnt: the least credible go, more of them at every repetition
        fit = to_host(agreement(problem, xp.stack([chosen[k].zero for k in doubtful], axis=1), z))
        credible = {id(chosen[k]): float(fit[j]) for j, k in enumerate(doubtful)}
        open_.sort(key=lambda candidate: -credible[id(candidate)])
        out = open_[max(0, len(open_) - max(2, len(open_) * min(attempt, 4) // EIGHTHS)) :]
        refuted |= {id(candidate) for candidate in out}
    frozen = {id(c) for c in chosen} - {id(chosen[k]) for k in doubtful}
    others = [entry for entry in pool.entries if id(entry.candidate) not in refuted | frozen]
    pool.entries = kept
    renewed = [pool.add(candidate) for candidate in repairs.values()]
    pool.entries += [entry for entry in others if pool.find(entry.candidate) is None]
    return any(new for new, j in zip(renewed, repairs, strict=True) if id(chosen[doubtful[j]]) in refuted)


def freeze(pool: Pool, chosen: list[Candidate], recovery: SampleSet, proven: Host) -> None:
    """Give the pool directions and duals of the candidates that are proven, of an incomplete set.

    Parameters
    ----------
    pool : Pool
        Changed in place.
    chosen : list of Candidate
        The set, in the order of `recovery`.
    recovery : SampleSet
        What became of it.
    proven : NumPy array of bool, shape (b,)
        Which samples are certified.
    """
    place = {id(candidate): k for k, candidate in enumerate(chosen) if proven[k]}
    for i, entry in enumerate(pool.entries):
        k = place.get(id(entry.candidate))
        if k is not None:
            pool.entries[i] = _entry(pool.problem, entry.candidate, recovery, k)


def adopt(pool: Pool, chosen: list[Candidate], recovery: SampleSet, proven: Host) -> None:
    """Give the pool the candidates that are proven, whether it holds them or not; as `freeze` otherwise."""
    new = [_entry(pool.problem, c, recovery, k) for k, c in enumerate(chosen) if proven[k]]
    old = [e for e in pool.entries if not any(_same(e.candidate, entry.candidate) for entry in new)]
    pool.entries = new + old


def _entry(problem: Problem, old: Candidate, recovery: SampleSet, k: int) -> Entry:
    """A candidate as sample k of a recovery has refined it, with its dual."""
    xp = problem.space.xp
    scale = xp.sqrt(xp.sum(recovery.directions[:, k] ** 2))
    candidate = Candidate.of(problem, recovery.directions[:, k] / scale, old.source, old.misfit)
    return Entry(candidate, recovery.duals[:, k] * scale)


def _same(first: Candidate, second: Candidate) -> bool:
    return abs(float(first.direction @ second.direction)) > 1 - SAME_DIRECTION


def _repair(problem: Problem, z: Array, threshold: int) -> dict[int, Candidate]:
    """For each column of z whose mask has a kernel with just that zero pattern, the candidate it yields."""
    xp = problem.space.xp
    kernels = problem.unbalance @ masked_kernels(xp, problem.balanced, z, softness=SOFTNESS)
    kernels = kernels / xp.sqrt(xp.sum(kernels**2, axis=0))
    found = {}
    for candidate in filter_directions(problem, kernels, threshold=threshold, source="repair"):
        flips = to_host(xp.sum(xp.astype(candidate.zero[:, None] != (z < 0), xp.int64), axis=0))
        if flips.min() <= EXACT_FLIPS:
            found[int(flips.argmin())] = candidate
    return found

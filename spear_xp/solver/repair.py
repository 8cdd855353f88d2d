"""Enters: a full set of samples, some not certified. Leaves: a pool without what holds the search back.

Certified samples are frozen and leave the problem. Each of the others is repaired where the mask of its
own estimate has a kernel that fits it; false directions are deflated like true ones and block the search,
so the least credible of the rest go.
"""

from spear_xp.candidates.candidate import Candidate, stacked_zeros
from spear_xp.candidates.pool import Entry, Pool
from spear_xp.candidates.refit import filter_directions
from spear_xp.geometry.directions import same_direction
from spear_xp.geometry.masks import EXACT_FLIPS
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.irls import FIRM, masked_kernels
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem
from spear_xp.solver.assessment import Assessment

__all__ = ["agreement", "freeze", "repair"]

# chosen: a share of attempts/8 of the candidates that are not certified goes; a smaller value loses true
# ones
EIGHTHS = 8


def agreement(problem: Problem, zero: Array, z: Array) -> Array:
    """Share of rows whose zero pattern is the predicted mask, for each column, shape (k,)."""
    xp = problem.space.xp
    return xp.mean(xp.astype(zero == (z < 0), problem.space.dtype), axis=0)


def repair(
    pool: Pool,
    chosen: tuple[Candidate, ...],
    found: Assessment,
    *,
    threshold: int,
    attempt: int,
    keep_going: KeepGoing = forever,
) -> bool:
    """Freeze what is certified, repair what can be repaired, drop the least credible.

    Parameters
    ----------
    pool : Pool
        Changed in place.
    chosen : tuple of Candidate
        The full set.
    found : Assessment
        What became of it.
    threshold : int
        Zero rows that a repaired direction needs.
    attempt : int
        How often this very set has come.
    keep_going : callable
        Asked before each repair.

    Returns
    -------
    bool
        Whether a repair took the place of a candidate: the pool may hold a better full set.
    """
    problem, samples = pool.problem, found.samples
    xp, trusted = problem.space.xp, found.certificate.trusted
    proven = [_entry(problem, old, samples, k) for k, old in enumerate(chosen) if trusted[k]]
    doubtful = [k for k in range(len(chosen)) if not trusted[k]]
    if not doubtful:
        pool.renew(proven, [], set(pool.candidates))
        return False
    z = xp.take(samples.preactivations, problem.space.indices(doubtful), axis=1)
    repairs = _repaired(problem, z, threshold, keep_going)
    confirmed: set[Candidate] = set()
    refuted: set[Candidate] = set()
    for j, k in enumerate(doubtful):
        if j in repairs:
            same = same_direction(chosen[k].direction, repairs[j].direction)
            (confirmed if same else refuted).add(chosen[k])
    # What rows or an earlier certificate have settled is not in doubt for what stands beside it now.
    solved = {entry.candidate for entry in pool.entries if entry.dual is not None}
    open_ = [chosen[k] for k in doubtful if chosen[k] not in confirmed | refuted | solved]
    if not refuted:  # nothing learnt: the least credible go, more of them at every repetition
        fit = to_host(agreement(problem, stacked_zeros(problem, [chosen[k] for k in doubtful]), z))
        credible = {chosen[k]: float(fit[j]) for j, k in enumerate(doubtful)}
        open_.sort(key=lambda candidate: -credible[candidate])
        refuted |= set(open_[max(0, len(open_) - max(2, len(open_) * min(attempt, 4) // EIGHTHS)) :])
    frozen = set(chosen) - {chosen[k] for k in doubtful}
    new = pool.renew(proven, list(repairs.values()), refuted | frozen)
    return any(added for added, j in zip(new, repairs, strict=True) if chosen[doubtful[j]] in refuted)


def freeze(pool: Pool, chosen: list[Candidate], samples: SampleSet, proven: Host) -> None:
    """Give the pool refined directions and duals of the candidates that are certified.

    Parameters
    ----------
    pool : Pool
        Changed in place, whether it holds the candidates or not.
    chosen : list of Candidate
        The set, in the order of `samples`; nuisance left out.
    samples : SampleSet
        What became of it.
    proven : NumPy array of bool, shape (k,)
        Which samples are certified.
    """
    pool.freeze({old: _entry(pool.problem, old, samples, k) for k, old in enumerate(chosen) if proven[k]})


def _entry(problem: Problem, old: Candidate, samples: SampleSet, k: int) -> Entry:
    """A candidate as sample k has refined it, with its dual."""
    xp = problem.space.xp
    scale = xp.sqrt(xp.sum(samples.directions[:, k] ** 2))
    candidate = Candidate.of(problem, samples.directions[:, k] / scale, old.source, old.misfit)
    return Entry(candidate, samples.duals[:, k] * scale)


def _repaired(problem: Problem, z: Array, threshold: int, keep_going: KeepGoing) -> dict[int, Candidate]:
    """For each column of z whose mask has a kernel with just that zero pattern, the candidate it yields."""
    xp = problem.space.xp
    kernels = masked_kernels(xp, problem.balanced, z, softness=FIRM, keep_going=keep_going)
    directions = normalize(xp, problem.unbalance @ kernels)
    found = {}
    for candidate in filter_directions(
        problem, directions, threshold=threshold, source="repair", keep_going=keep_going
    ):
        flips = to_host(xp.sum(xp.astype(candidate.zero[:, None] != (z < 0), xp.int64), axis=0))
        if flips.min() <= EXACT_FLIPS:
            found[int(flips.argmin())] = candidate
    return found

"""Enters: a pool of candidates. Leaves: b independent ones that explain the masks of the layer best.

Mixtures of columns are always less sparse than their parts, so the sparsest independent set comes
first; then single swaps, as long as they raise the sparsity matching score.
"""

import numpy as np

from spear_xp.candidates.candidate import Candidate, stacked_directions, stacked_zeros
from spear_xp.geometry.directions import INDEPENDENT
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH, doubtful_zeros
from spear_xp.numerics.backend import on_its_device, signs, to_host
from spear_xp.numerics.linalg import inverse
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.reduction.problem import Problem

__all__ = ["greedy_selection", "matching_score", "sparsest_independent"]


def sparsest_independent(
    problem: Problem, candidates: list[Candidate], *, first: list[Candidate] | None = None
) -> list[Candidate]:
    """The sparsest candidates whose directions are linearly independent, at most b of them.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    candidates : list of Candidate
        Any number, dependent or not.
    first : list of Candidate, optional
        Those among them that are taken before all others.
    """
    b = problem.rank
    chosen: list[Candidate] = []
    directions = to_host(stacked_directions(problem, candidates))  # a step each would wait for a device
    basis = np.empty((b, b), dtype=directions.dtype, order="F")
    early = set(first or ())
    zeros = _sure_zeros(problem, candidates)
    for k in sorted(range(len(candidates)), key=lambda k: (candidates[k] not in early, -zeros[k])):
        rest, span = directions[:, k], basis[:, : len(chosen)]
        for _ in range(2):  # twice is enough for orthogonality to rounding
            rest = rest - span @ (span.T @ rest)
        size = float(np.sqrt(rest @ rest))
        if size > INDEPENDENT:
            basis[:, len(chosen)] = rest / size
            chosen.append(candidates[k])
        if len(chosen) == b:
            break
    return chosen


def _sure_zeros(problem: Problem, candidates: list[Candidate]) -> list[int]:
    """Zero rows of each candidate, without those that its entries next to the tolerance suggest to be active.

    The difference of two samples with nearly proportional columns of D is small where both are active, and
    drowns on some of these rows: it would pass for sparser than either.
    """
    if not candidates:
        return []
    near = problem.zeros_of(stacked_directions(problem, candidates), widen=AMBIGUOUS_WIDTH)
    unsure = near & ~stacked_zeros(problem, candidates)
    counts = zip(candidates, doubtful_zeros(problem, unsure), strict=True)
    return [candidate.zeros - int(count) for candidate, count in counts]


def matching_score(problem: Problem, candidates: list[Candidate]) -> float:
    """Sparsity matching score of b candidates: share of entries of D whose zero pattern fits the layer.

    Inputs recovered from the candidates predict through W and β which neurons each sample
    activates; the score compares that with the zeros of the candidates (Dimitrov et al. 2024,
    section 3.3). It is 1 for the true directions, up to entries at the boundary.
    """
    xp = problem.space.xp
    duals, valid = inverse(xp, stacked_directions(problem, candidates))
    if not valid:
        return 0.0
    scale = duals @ problem.last  # the true duals have last coordinate 1, which fixes their sign
    active = (problem.layer @ duals.T) * signs(xp, scale) > 0
    zero = stacked_zeros(problem, candidates)
    return float(xp.mean(xp.astype(active != zero, problem.space.dtype)))


@on_its_device
def greedy_selection(
    problem: Problem, candidates: list[Candidate], *, keep_going: KeepGoing = forever
) -> tuple[list[Candidate], float]:
    """Greedy choice of b candidates on the sparsity matching score.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    candidates : list of Candidate
        At least b independent ones, otherwise fewer come back with score 0.
    keep_going : callable
        Asked before each trial; False ends the swaps early.

    Returns
    -------
    chosen : list of Candidate
        At most b.
    score : float
        Sparsity matching score in [0, 1]; 0 where fewer than b are independent.
    """
    chosen = sparsest_independent(problem, candidates)
    if len(chosen) < problem.rank:
        return chosen, 0.0
    score = matching_score(problem, chosen)
    taken = set(chosen)
    spare = [c for c in candidates if c not in taken]
    for slot in range(problem.rank):
        for candidate in spare:
            if score == 1.0 or not keep_going():
                return chosen, score
            trial = [*chosen[:slot], candidate, *chosen[slot + 1 :]]
            better = matching_score(problem, trial)
            if better > score:
                chosen, score = trial, better
    return chosen, score

"""Enters: a `Problem`. Leaves: what strategies have in common: no proposals at all."""

from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Proposals

__all__ = ["nothing"]


def nothing(problem: Problem, *, work: float = 0.0) -> Proposals:
    """No directions; without any work there was nothing to try."""
    space = problem.space
    return Proposals(space.xp.zeros((problem.rank, 0), dtype=space.dtype, device=space.device), 0, work)

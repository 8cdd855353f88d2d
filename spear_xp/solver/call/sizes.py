"""Enters: a search without a bias gradient. Leaves: the same with samples of the sizes that masks tell."""

from spear_xp.reduction.problem import Problem
from spear_xp.recovery.scales import sizes_of
from spear_xp.solver.solver import Search

__all__ = ["sized"]


def sized(problem: Problem, search: Search) -> Problem | None:
    """The problem in which the samples of the best set have the size that masks tell; None without a set.

    Parameters
    ----------
    problem : Problem
        Without a scale.
    search : Search
        What was found in it.
    """
    best, xp = search.best.best, problem.space.xp
    settled = search.best.complete and not bool(xp.any(problem.layer_bias != 0))
    if problem.scale != "made up" or best is None or settled:
        return None
    factors = problem.space.asarray(sizes_of(best.samples).best)
    return problem.scaled_by_masks(xp.sum(best.samples.directions / factors, axis=1))

"""Enters: a search at its start, perhaps without a bias gradient. Leaves: stages that give samples a size.

Directions need no scale, masks do: with c x in the place of x a pre-activation z turns into c W x + β. So a
search without the scale of its samples stops as soon as what it has found tells more of it, and begins anew.
"""

from collections.abc import Callable, Iterator

from spear_xp.candidates.candidate import stacked_directions
from spear_xp.recovery.samples import recover
from spear_xp.recovery.scales import shared_size, sizes_of
from spear_xp.reduction.problem import Problem
from spear_xp.solver.assessment import Assessment
from spear_xp.solver.runtime.clock import Clock
from spear_xp.solver.solver import Search

__all__ = ["Gauge", "gauges"]

SOME = 8  # chosen: directions that tell a common size of all samples; fewer tell it worse, more take longer

Gauge = tuple[Problem, Search, Callable[[Search], bool], bool]


def gauges(
    problem: Problem, search: Search, begin: Callable[[Problem], Search], clock: Clock
) -> Iterator[Gauge]:
    """Problems with searches at their start, what is enough of each, and whether it may take long.

    The caller runs one after the other.

    Parameters
    ----------
    problem : Problem
    search : Search
        At its start.
    begin : callable
        The same for another problem.
    clock : Clock
        Once time is up, what was found last stays, or what was found before if more of it is certified.
    """
    if problem.scale == "given":
        yield problem, search, _never, True
        return
    start, biased = problem, problem.bias_is_open
    if biased:
        yield problem, search, _some, False
        if not clock.searching():
            return
        problem = _first_size(start, search)
        search = begin(problem)
    before = problem, search
    for enough in (_any_set, _whole_set, _never):
        yield problem, search, enough, enough is _any_set
        if before[1].best.certified > search.best.certified and not clock.searching():
            yield *before, _never, False
            return
        best = search.best.best
        settled = search.best.complete and (enough is not _any_set or not biased)
        if settled or best is None or not clock.searching():
            return
        before, problem = (problem, search), _sized(start, best)
        search = begin(problem)


def _never(_: Search) -> bool:
    return False


def _some(search: Search) -> bool:
    return len(search.pool) >= SOME or _any_set(search)


def _any_set(search: Search) -> bool:
    return search.best.best is not None


def _whole_set(search: Search) -> bool:
    best = search.best.best
    return best is not None and not best.samples.nuisance


def _first_size(start: Problem, search: Search) -> Problem:
    """The problem with samples of one size that some directions tell, or of that of a set."""
    if search.best.best is not None:
        return _sized(start, search.best.best)
    size = shared_size(start, stacked_directions(start, search.pool.candidates))
    return start.scaled_by_masks(size * start.last) if size > 0 else start


def _sized(start: Problem, best: Assessment) -> Problem:
    """The problem with samples of the sizes that masks tell those of a set."""
    nuisance = 0 if best.tentative is not None else best.samples.nuisance
    samples = recover(best.samples.problem, best.whole, nuisance) or best.samples
    factors, known = sizes_of(samples).best, samples.count
    factors[known:] = sorted(factors[:known])[known // 2] if known else 1.0  # masks of nuisance say nothing
    last = start.space.xp.sum(samples.directions / start.space.asarray(factors), axis=1)
    return start.scaled_by_masks(last)

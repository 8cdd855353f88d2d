"""Enters: a `Problem`. Leaves: how many directions the default search finds on it in about a second.

Nothing predicts the rest of a search as well as its beginning does. A pilot gives every strategy of the
portfolio one chunk after the other, within a budget of counted work; it has no schedule, and of a whole batch
it asks no more than whether masks fit.
"""

import math
from dataclasses import dataclass, replace
from statistics import median

from spear_xp.candidates.candidate import stacked_directions
from spear_xp.candidates.pool import Pool
from spear_xp.candidates.screening import Screen
from spear_xp.forecasting.calibration import until
from spear_xp.geometry.deflation import deflated
from spear_xp.geometry.masks import EXACT_FLIPS
from spear_xp.geometry.nullspaces import CONFIRMING
from spear_xp.numerics.backend import on_its_device, to_host
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.work import KeepGoing
from spear_xp.recovery.mask_fit import FAINT, MaskFit
from spear_xp.recovery.nuisance import last_direction
from spear_xp.recovery.samples import recover, refine
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Strategy
from spear_xp.strategies.descent import Descent, descent_work
from spear_xp.strategies.portfolio import portfolio

__all__ = ["Pilot", "run_pilot"]

FEWEST = 16  # chosen: starts of a chunk of descent; fewer tell nothing
WORK = 4e10  # chosen: multiply-adds for a second: .7 to 1.2 s with the last chunk (lab.md, "Forecast")
PART = 0.4  # chosen: of the budget, for the first chunk of descent at most
LEAST = 0.02  # chosen: least singular value that independent samples are taken to have, over the median
PATIENCE = 3.0  # chosen: times the seconds asked for, after which a slow or busy machine cuts a pilot short


@dataclass(frozen=True, slots=True)
class Pilot:
    """What the beginning of a search found.

    Attributes
    ----------
    batch_size, width : int
        Rank and live rows of the problem.
    first : int
        Distinct directions after one chunk of every strategy.
    found : int
        Distinct directions at the end. Of a whole batch (also with one missing, for that one follows)
        those whose masks fit.
    work : float
        Multiply-adds that were counted.
    pool : Pool
        The directions.
    cut : bool
        Whether a busy or slow machine ended it before its work was done: it then tells nothing.
    """

    batch_size: int
    width: int
    first: int
    found: int
    work: float
    pool: Pool
    cut: bool = False

    @property
    def closeness(self) -> float:
        """How much nearer to each other the nearest samples are than chance has it: below zero, the nearer.

        Natural log of the least singular value over the median one, which for independent samples would be
        1 - √(b / (n + 1)).
        """
        values = to_host(self.pool.problem.singular_values)
        chance = 1 - math.sqrt(len(values) / self.pool.problem.right.shape[1])
        return math.log(float(values[-1] / median(values.tolist())) / max(chance, LEAST))

    @property
    def snr(self) -> float:
        """Median signal-to-noise ratio of the directions in the pool; NaN without any, or without noise."""
        problem, found = self.pool.problem, self.pool.candidates
        if not found or not problem.noise_level:
            return math.nan
        noise = to_host(problem.noise_of(self.pool.directions)).tolist()
        active = [max(1, problem.width - candidate.zeros) for candidate in found]
        return float(median(1 / (math.sqrt(k) * sigma) for k, sigma in zip(active, noise, strict=True)))


@on_its_device
def run_pilot(problem: Problem, *, seconds: float = 1.0, seed: int = 0) -> Pilot:
    """Run the beginning of a search.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    seconds : float
        What it takes, positive, on a machine like the one on which the laws were fitted. It is counted as
        work, so that a pilot finds the same everywhere; one that takes three times as long is cut short.
    seed : int
        Of the strategies.

    Returns
    -------
    Pilot
    """
    budget = WORK * seconds
    keep_going = until(PATIENCE * seconds)
    pool = Pool(problem)
    screen = Screen(problem, pool, threshold=problem.rank + CONFIRMING, uses_layer=True)
    arms = _arms(problem, pool, budget)
    first, turn, work = 0, 0, 0.0
    last = problem.rank - 1  # with one direction missing, that one follows from the others
    while len(pool) < last and work < budget and keep_going():
        chunk, place = divmod(turn, len(arms))
        work += _take(problem, pool, screen, arms[place], seed, chunk, keep_going)
        turn += 1
        first = len(pool) if chunk == 0 else first
    cut = len(pool) < last and not keep_going()
    found = len(pool) if len(pool) < last else _fitting(problem, pool)
    return Pilot(problem.rank, problem.width, first, found, work, pool, cut)


def _fitting(problem: Problem, pool: Pool) -> int:
    """Samples of a whole batch whose masks fit the zeros of their directions.

    False directions spoil the duals of others, so that where there is one the masks of several contradict it.
    """
    if problem.rank == 1:
        return 1
    directions = pool.directions
    if len(pool) == problem.rank - 1 and (last := last_direction(problem, directions)) is not None:
        directions = problem.space.xp.concat([directions, last[:, None]], axis=1)
    elif (full := pool.full_set()) is not None:
        directions = stacked_directions(problem, full)
    else:
        return min(len(pool), problem.rank - 1)
    samples = recover(problem, directions)
    if samples is None:
        return problem.rank - 1
    sets = directions, normalize(problem.space.xp, refine(problem, samples).directions)
    masks = [fit for fit in (MaskFit.of(problem, one, faint=FAINT) for one in sets) if fit is not None]
    return max((int((fit.contradictions <= EXACT_FLIPS).sum()) for fit in masks), default=0)


def _arms(problem: Problem, pool: Pool, budget: float) -> list[Strategy]:
    """The portfolio, its descents with as many starts as fit into the budget."""
    full = Descent()
    rest = deflated(problem, pool.known)
    steps = full.steps_on(problem.width, problem.rank)
    none, one = (descent_work(rest, count, steps) for count in (0, 1))
    share = min(1.0, (PART * budget - none) / ((one - none) * full.starts))
    return [
        replace(arm, starts=max(FEWEST, int(share * arm.starts))) if isinstance(arm, Descent) else arm
        for arm in portfolio(problem)
    ]


def _take(
    problem: Problem,
    pool: Pool,
    screen: Screen,
    arm: Strategy,
    seed: int,
    chunk: int,
    keep_going: KeepGoing,
) -> float:
    """One chunk of one strategy into the pool; the work of it."""
    made = arm.propose(problem, pool.known, seed, chunk, keep_going=keep_going)
    if not made.work:
        return 0.0
    admitted = screen.admit(made.directions, arm.name, whole_masks=arm.whole_masks, keep_going=keep_going)
    pool.shared.mark_tried(made.tried)
    pool.solve_duals()
    return made.work + admitted.work

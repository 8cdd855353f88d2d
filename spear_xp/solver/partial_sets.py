"""Enters: a pool with fewer directions than samples. Leaves: full sets, completed in two ways.

Nuisance directions span what is missing; tentative ones may be it. They cost little
and need no row that tells a sample from its near-twins; nothing that follows is taken for true without the
filter or the certificate.
"""

from collections.abc import Callable, Iterator

from spear_xp.candidates.pool import Pool
from spear_xp.candidates.refit import Candidate
from spear_xp.candidates.screening import Screen
from spear_xp.geometry.deflation import complement_of
from spear_xp.geometry.directions import columns_of, in_span
from spear_xp.geometry.nullspaces import SAME_SPACE, kernel_space
from spear_xp.geometry.robust_regression import regressed_duals
from spear_xp.numerics.backend import Array, Host, Namespace, to_host
from spear_xp.numerics.linalg import normalize
from spear_xp.recovery.alternation import alternate
from spear_xp.recovery.mask_fit import FAINT, SOURCE, MaskFit, cost_of
from spear_xp.recovery.nuisance import (
    Nuisance,
    assembled,
    extended,
    holds_samples,
    parted,
    same_nuisance,
    stood_in,
)
from spear_xp.recovery.single_rows import basis_of
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known
from spear_xp.solver.incumbent import Judge
from spear_xp.solver.repair import adopt

__all__ = ["Guessing", "completions", "guessed"]

WEIGHTS = (1.0, FAINT)  # of zeros on active rows, in turns: for near-twins, and for quiet samples
TRIES = 100_000  # changes at random, unless time is up
MANY = 24  # directions that masks contradict, up to which these alone are guessed anew
PROMISING = 0.1  # share of the entries of D on which masks may contradict a guess that is worth a certificate


def completions(pool: Pool, directions: Array) -> Iterator[Nuisance]:
    """Stand-ins that make a set complete, those first that open no given direction.

    Parameters
    ----------
    pool : Pool
        Source of the kernels that several samples share, and of the duals that are known.
    directions : array, shape (b, k)
        Independent unit directions, 0 < k < b.

    Yields
    ------
    Nuisance
        None at all if neither rows without the missing samples nor kernels reach far enough.
    """
    problem, xp = pool.problem, pool.problem.space.xp
    columns = columns_of(problem, directions, problem.zeros_of(directions))
    duals = regressed_duals(problem, directions, columns)
    kept = to_host(xp.ones((directions.shape[1],), dtype=xp.bool)).copy()
    if duals is not None:
        stand_ins = xp.linalg.qr(duals, mode="complete").Q[:, directions.shape[1] :]
        yield Nuisance(kept, stand_ins, holds_samples(problem, directions, stand_ins))
    whole = _rest(pool, pool.known)
    kernels = [extended(problem, kernel, directions) for kernel in pool.shared]
    before: list[Nuisance] = []
    for first in ([whole], []) if whole is not None else ([],):
        for order in _orders(xp, kernels, directions):
            completion = assembled(problem, directions, [*first, *order])
            if completion is not None and not any(same_nuisance(xp, completion, other) for other in before):
                before.append(completion)
                yield completion


def _orders(xp: Namespace, kernels: list[Array], directions: Array) -> list[list[Array]]:
    """Kernels that may hold what is missing: those that open fewest directions first, or that add least."""
    span = xp.linalg.qr(directions).Q
    adds = [kernel.shape[1] - float(xp.sum((span.T @ kernel) ** 2)) for kernel in kernels]
    opens = [in_span(xp, kernel, directions).shape[1] for kernel in kernels]
    keys = list(zip(opens, adds, strict=True)), list(zip(adds, strict=True))
    return [[kernels[i] for i in sorted(range(len(kernels)), key=key.__getitem__)] for key in keys]


def _rest(pool: Pool, known: Known) -> Array | None:
    """Space of all unsolved directions, from the rows on which none of them is active."""
    problem, xp = pool.problem, pool.problem.space.xp
    remainder = complement_of(problem, known)
    empty = xp.nonzero(~remainder.full)[0]
    if not any(known.solved) or empty.shape[0] < problem.rank:
        return None
    space = kernel_space(problem, xp.take(problem.rows, empty, axis=0))
    return space if space.shape[1] == remainder.frame.shape[1] else None


class Guessing:
    """Guesses at full sets of one problem; each has to be less doubtful than all before."""

    def __init__(self, intake: Screen, judge: Judge) -> None:
        self.intake, self.judge = intake, judge
        self.count = 0
        self.least = dict.fromkeys(WEIGHTS, cost_of(None))
        self.doubt, self.last = cost_of(None), None

    def mend(self, directions: Array, keep_going: Callable[[], bool], doubtful: Host | None = None) -> bool:
        """Guess which of b directions, shape (b, b), are wrong; whether some of them were guessed anew.

        These are the ones that masks contradict, and those that are said to be doubtful, shape (b,).
        """
        problem, faint = self.judge.problem, self._turn()
        unit = normalize(problem.space.xp, directions)
        found = alternate(problem, unit, faint=faint, keep_going=keep_going)
        again = False
        if found is not None:  # false ones are among those that masks contradict
            right = found.wrong == 0 if doubtful is None else (found.wrong == 0) & ~doubtful
            again = bool(right.any()) and 1 < (~right).sum() <= MANY
            if again:
                parts = parted(problem, found.directions, right)
                anew = guessed(problem, *parts, faint=faint, seed=self.count, keep_going=keep_going)
                found = min(found, anew, key=cost_of)
        self._settle(found)
        return again

    def _turn(self) -> float:
        """The weight whose turn it is."""
        self.count += 1
        return WEIGHTS[self.count % len(WEIGHTS)]

    def complete(self, directions: Array, rest: Nuisance | None, keep_going: Callable[[], bool]) -> None:
        """Guess what is missing beside unit directions, shape (b, k), in the space of stand-ins, if any."""
        problem, xp = self.judge.problem, self.judge.problem.space.xp
        if rest is None:
            others = xp.linalg.qr(directions, mode="complete").Q[:, directions.shape[1] :]
            self.mend(xp.concat([directions, others], axis=1), keep_going)
            return
        stay, _ = parted(problem, directions, rest.kept)
        faint = self._turn()
        guess = guessed(
            problem,
            stay,
            rest.stand_ins,
            before=self.last if self.count // len(WEIGHTS) % 2 else None,
            faint=faint,
            seed=self.count,
            keep_going=keep_going,
        )
        self._settle(guess)

    def _settle(self, guess: MaskFit | None) -> None:
        """Prove what can be of a guess that is the best so far, and give the pool what passes the filter."""
        if guess is None:
            return
        problem = self.judge.problem
        common = cost_of(MaskFit.of(problem, guess.directions, faint=FAINT))
        if common <= self.doubt:
            self.doubt, self.last = common, guess.directions
        if guess.doubt >= self.least[guess.faint]:
            return
        self.least[guess.faint] = guess.doubt
        chosen = [Candidate.of(problem, guess.directions[:, k], SOURCE) for k in range(problem.rank)]
        judged = self.judge.judge(chosen, guess=True) if guess.share < PROMISING else None
        if judged is not None:
            trusted = judged[1].trusted
            if trusted.any() and not trusted.all():  # the others may be open, but their space is not
                rest = stood_in(problem, guess.directions, trusted)
                chosen = [candidate for candidate, kept in zip(chosen, trusted, strict=True) if kept]
                judged = self.judge.judge(chosen, rest, guess=True) or judged
            adopt(self.intake.pool, chosen, judged[0], judged[1].certified[: len(chosen)])
            self.judge.adopt_rest(guess.directions)
        self.intake.take(guess.directions, SOURCE)


def guessed(
    problem: Problem,
    directions: Array,
    rest: Array,
    *,
    before: Array | None = None,
    faint: float = 1.0,
    seed: int = 0,
    keep_going: Callable[[], bool] = lambda: True,
) -> MaskFit | None:
    """A full set with few contradictions, from some directions and a basis of a space that holds the others.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, k)
        Independent unit vectors.
    rest : array, shape (b, b - k)
        Independent of these.
    before : array, shape (b, b), optional
        An earlier guess, from which to go on if as many of its directions lie in the space.
    faint : float
        Weight of zeros on active rows.
    seed : int
        Of changes at random.
    keep_going : callable
        Asked before each change; False ends with what there is.

    Returns
    -------
    MaskFit or None
        None if everything is dependent.
    """
    xp = problem.space.xp

    def mended(open_: Array) -> MaskFit | None:
        whole = xp.concat([directions, open_], axis=1)
        return alternate(problem, whole, faint=faint, keep_going=keep_going)

    rest = xp.linalg.qr(rest).Q
    start = basis_of(problem, directions, rest, seed)
    first = mended(start)
    if before is not None:
        held = xp.nonzero(xp.sum((rest.T @ before) ** 2, axis=0) > 1 - SAME_SPACE)[0]
        start = xp.take(before, held, axis=1) if held.shape[0] == rest.shape[1] else start
    more = {"beside": directions, "faint": faint, "tries": TRIES, "seed": seed, "keep_going": keep_going}
    within = alternate(problem, start, **more)
    then = None if within is None else mended(within.directions)
    return min(first, then, key=cost_of)

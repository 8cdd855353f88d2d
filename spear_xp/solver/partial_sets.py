"""Enters: a pool with fewer directions than samples. Leaves: full sets, completed in two ways.

Nuisance directions span what the missing samples span, and all other samples can be certified beside them.
Tentative directions may be the missing ones: they cost little and need no row that tells a sample from its
near-twins. Nothing that follows from them is taken for true without the screen or the certificate.
"""

from collections.abc import Iterator

from spear_xp.candidates.candidate import Candidate, stacked_directions
from spear_xp.candidates.pool import Pool
from spear_xp.candidates.screening import Screen
from spear_xp.geometry.deflation import complement_of
from spear_xp.geometry.directions import FEW_MISSING, columns_of, in_span
from spear_xp.geometry.nullspaces import kernel_space
from spear_xp.geometry.robust_regression import regressed_duals
from spear_xp.numerics.backend import Array, Host, Namespace, to_host
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.work import KeepGoing
from spear_xp.recovery.alternation import alternate, change_work, tentative_set
from spear_xp.recovery.mask_fit import FAINT, SOURCE, MaskFit, cost_of
from spear_xp.recovery.nuisance import (
    Nuisance,
    assembled,
    extended,
    holds_samples,
    last_direction,
    parted,
    same_nuisance,
    stood_in,
)
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known
from spear_xp.solver.assessment import Assessment, FullSet, assessment_work
from spear_xp.solver.incumbent import Incumbent
from spear_xp.solver.repair import freeze
from spear_xp.solver.runtime.clock import Clock

__all__ = ["PartialSets", "completions"]

# measured: of zeros on active rows, in turns: near-twins, quiet samples (lab.md, "Mask alternation")
WEIGHTS = (1.0, FAINT)
# chosen: share of entries of D that masks may contradict in a set worth a certificate; sets that are all
# wrong have .15
PROMISING = 0.1
# chosen: share of the work so far that one attempt may take; a larger value slows searches that need none
ATTEMPT = 0.1
# measured: share of what is left of both limits at the start, for attempts after the search (lab.md,
# "All directions at once, and rows as samples")
LAST = 0.1
# measured: share of the work since the last find, for attempts (lab.md, "All directions at once, and rows
# as samples")
FRUITLESS = 0.5
# measured: share of the work that is without a find when attempts begin (lab.md, "Mask alternation")
WITHOUT_FIND = 0.2


class PartialSets:
    """What can be certified, and what may be, while directions are missing."""

    def __init__(self, problem: Problem, pool: Pool, screen: Screen, best: Incumbent, clock: Clock) -> None:
        self.problem, self.pool, self.screen, self.best, self.clock = problem, pool, screen, best, clock
        self.masks_usable = screen.separability is not None  # a strategy of this search uses the layer
        self.turn = 0
        self.least = dict.fromkeys(WEIGHTS, cost_of(None))
        self.cost, self.last = cost_of(None), None
        self.spent = self.found_at = self.spent_at = 0.0
        if self.masks_usable:
            clock.keep_for_the_end(LAST)

    # When

    def note_find(self) -> None:
        """New directions were found: attempts have time."""
        self.found_at, self.spent_at = self.clock.work, self.spent

    @property
    def due(self) -> bool:
        """Whether little is missing, nothing was found for a while, and attempts have not had their share."""
        fruitless = self.clock.work - self.found_at
        few = self.problem.rank - len(self.pool) <= FEW_MISSING
        return (
            few
            and fruitless > WITHOUT_FIND * self.clock.work
            and self.spent - self.spent_at < FRUITLESS * fruitless
        )

    # What

    def add_last(self) -> None:
        """Give the pool the direction that follows from all others, where one is missing."""
        if len(self.pool) != self.problem.rank - 1:
            return
        last = last_direction(self.problem, self.pool.directions)
        if last is not None:  # a near-twin of what the pool holds has almost the same zeros
            self.pool.add(Candidate.of(self.problem, last, "complement"), may_be_twin=True)

    def complete_sets(self) -> list[Candidate]:
        """Assess what the pool has beside nuisance and tentative directions; candidates that are trusted."""
        before = self.clock.work
        chosen = self.pool.independent()
        if not 0 < len(chosen) < self.problem.rank:
            return []
        directions = stacked_directions(self.problem, chosen)
        with self.clock.stage("partial sets"):
            right, nuisance = self._certify(chosen, directions)
            if self.masks_usable:
                keep_going = self._allowance()
                self._try(directions, nuisance, keep_going)
                # Once the search is over, several batches may fit: all the time that is left for them.
                while nuisance and not (self.clock.searching() or self.best.complete) and keep_going():
                    self._try(directions, nuisance, keep_going)
        self.spent += self.clock.work - before
        return right

    def mend(
        self, directions: Array, keep_going: KeepGoing | None = None, doubtful: Host | None = None
    ) -> bool:
        """Work out anew which of b directions, shape (b, b), are wrong; whether there were some.

        These are the ones that masks contradict, and those that are said to be doubtful, shape (b,).
        """
        if not self.masks_usable:
            return False
        keep_going = self._allowance() if keep_going is None else keep_going
        faint, unit = self._weight(), normalize(self.problem.space.xp, directions)
        found = alternate(self.problem, unit, faint=faint, keep_going=keep_going)
        again = False
        if found is not None:  # false ones are among those that masks contradict
            right = found.contradictions == 0
            right = right if doubtful is None else right & ~doubtful
            again = bool(right.any()) and 1 < (~right).sum() <= FEW_MISSING
            if again:
                parts = parted(self.problem, found.directions, right)
                anew = tentative_set(self.problem, *parts, faint=faint, seed=self.turn, keep_going=keep_going)
                found = min(found, anew, key=cost_of)
        self._settle(found)
        return again

    def finish(self) -> None:
        """Complete the set that is left, then mend what the best set leaves in doubt."""
        if not (self.best.complete or self.best.revisited):
            self.complete_sets()
        keep_going = self._allowance()
        with self.clock.stage("partial sets"):
            while self.masks_usable and self.best.best is not None and keep_going():
                certificate = self.best.best.certificate
                doubtful = ~(certificate.trusted | certificate.certified)
                if not (doubtful.any() and self.mend(self.best.best.whole, keep_going, doubtful)):
                    break

    # How

    def _allowance(self) -> KeepGoing:
        return self.clock.allowance(ATTEMPT, change_work(self.problem))

    def _weight(self) -> float:
        """The weight whose turn it is."""
        self.turn += 1
        return WEIGHTS[self.turn % len(WEIGHTS)]

    def _consider(
        self, chosen: list[Candidate], nuisance: Nuisance | None = None, *, tentative: bool = False
    ) -> Assessment | None:
        self.clock.count(assessment_work(self.problem))
        full = FullSet(self.problem, tuple(chosen), nuisance)
        return self.best.consider(full, self.clock.before_limit, tentative=tentative)

    def _certify(self, chosen: list[Candidate], directions: Array) -> tuple[list[Candidate], Nuisance | None]:
        """Candidates that are right beside some nuisance directions, and those nuisance directions."""
        right: list[Candidate] = []
        best: Nuisance | None = None
        for nuisance in completions(self.pool, directions):
            stay = [candidate for candidate, kept in zip(chosen, nuisance.kept, strict=True) if kept]
            found = self._consider(stay, nuisance)
            if found is not None:
                good = [c for c, trusted in zip(stay, found.certificate.trusted, strict=False) if trusted]
                if best is None or len(good) > len(right):
                    right, best = good, nuisance
                if found.certificate.certified.any():
                    freeze(self.pool, stay, found.samples, found.certificate.certified)
                    break
        return right, best

    def _try(self, directions: Array, nuisance: Nuisance | None, keep_going: KeepGoing) -> None:
        """Tentative directions beside unit directions, shape (b, k), in the space of nuisance, if any."""
        problem, xp = self.problem, self.problem.space.xp
        if nuisance is None:
            others = xp.linalg.qr(directions, mode="complete").Q[:, directions.shape[1] :]
            self.mend(xp.concat([directions, others], axis=1), keep_going)
            return
        stay, _ = parted(problem, directions, nuisance.kept)
        faint = self._weight()
        found = tentative_set(
            problem,
            stay,
            nuisance.directions,
            before=self.last if self.turn // len(WEIGHTS) % 2 else None,
            faint=faint,
            seed=self.turn,
            keep_going=keep_going,
        )
        self._settle(found)

    def _settle(self, found: MaskFit | None) -> None:
        """Assess a tentative set that is cheaper than all before it; the pool gets what passes the screen."""
        if found is None:
            return
        problem, directions = self.problem, found.directions
        cost = cost_of(MaskFit.of(problem, directions, faint=FAINT))
        if cost <= self.cost:
            self.cost, self.last = cost, directions
        if found.cost >= self.least[found.faint]:
            return
        self.least[found.faint] = found.cost
        chosen = [Candidate.of(problem, directions[:, k], SOURCE) for k in range(problem.rank)]
        judged = self._consider(chosen, tentative=True) if found.share < PROMISING else None
        if judged is not None:
            trusted = judged.certificate.trusted
            if trusted.any() and not trusted.all():  # the others may be open, but their space is not
                nuisance = stood_in(problem, directions, trusted)
                chosen = [candidate for candidate, kept in zip(chosen, trusted, strict=True) if kept]
                judged = self._consider(chosen, nuisance, tentative=True) or judged
            freeze(self.pool, chosen, judged.samples, judged.certificate.certified[: len(chosen)])
            self.best.adopt_tentative(directions, self.clock.before_limit)
        self.clock.count(
            self.screen.admit(directions, SOURCE, whole_masks=True, keep_going=self.clock.before_limit).work
        )


def completions(pool: Pool, directions: Array) -> Iterator[Nuisance]:
    """Nuisance directions that make a set complete, those first that open no given direction.

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
        nuisance = xp.linalg.qr(duals, mode="complete").Q[:, directions.shape[1] :]
        yield Nuisance(kept, nuisance, holds_samples(problem, directions, nuisance))
    whole = _rest(pool, pool.known)
    kernels = [extended(problem, kernel, directions) for kernel in pool.shared.kernels]
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

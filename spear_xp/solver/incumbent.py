"""Enters: assessments of sets, one after the other. Leaves: the best, and whether it can be bettered."""

import hashlib
from collections import Counter
from dataclasses import replace

from spear_xp.certification.ledger import Ledger
from spear_xp.certification.mask_test import TOLD, ScaleProof, scale_of
from spear_xp.geometry.directions import SAME_SPACE
from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.work import KeepGoing, OutOfTime, forever
from spear_xp.recovery.likelihood import most_likely
from spear_xp.recovery.mask_fit import FAINT, MaskFit, cost_of
from spear_xp.recovery.nuisance import stood_in
from spear_xp.recovery.samples import recover
from spear_xp.reduction.problem import Problem
from spear_xp.solver.assessment import (
    NATS,
    Assessment,
    FullSet,
    assess,
    assessed,
    is_quick,
    priced,
    with_tentative,
)

__all__ = ["Incumbent"]

CIRCLES = 16  # measured: returns of a full set after which nothing better comes (lab.md, "The loop")
# measured: noise of an entry in rounding units, from which it is more than rounding (lab.md, "Sharpened where
# all is proven")
ROUNDING = 3.0


class Incumbent:
    """The best full set of a search so far.

    Attributes
    ----------
    best : Assessment or None
    ledger : Ledger
        What all sets together have proven.
    conclusive : bool
        Whether masks and rows leave nothing to search for.
    seen : Counter
        How often each full set came back, by digest.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.best: Assessment | None = None
        self.ledger = Ledger.none(problem)
        self.conclusive = False
        self.seen: Counter[bytes] = Counter()
        self._scaled: tuple[Assessment, ScaleProof] | None = None

    @property
    def certified(self) -> int:
        """Samples certified so far."""
        return 0 if self.best is None else self.best.certified

    @property
    def scale(self) -> ScaleProof:
        """What masks say of the scale of what is certified, worked out once for each set."""
        best = self.best
        if best is None or not best.certified:
            return TOLD
        if self._scaled is None or self._scaled[0] is not best:
            self._scaled = best, scale_of(best.samples, best.certificate)
        return self._scaled[1]

    @property
    def complete(self) -> bool:
        """Whether nothing is left to search for."""
        return self.conclusive or self.certified == self.problem.rank

    @property
    def revisited(self) -> bool:
        """Whether one full set came back again and again, whatever was repaired in the pool.

        Of a single sample there is only one.
        """
        return max(self.seen.values(), default=0) >= (CIRCLES if self.problem.rank > 1 else 1)

    def count_visit(self, full: FullSet) -> int:
        """Note that a set has come; how often this very set has by now."""
        zeros = sorted(to_host(candidate.zero).tobytes() for candidate in full.chosen)
        key = hashlib.blake2b(b"".join(zeros)).digest()
        self.seen[key] += 1
        return self.seen[key]

    def consider(
        self, full: FullSet, keep_going: KeepGoing = forever, *, tentative: bool = False
    ) -> Assessment | None:
        """Assess a set and keep it if it is the best; None if it is dependent, or time is up.

        A tentative set is kept only if it is credible.
        """
        try:
            found = assess(full, self.ledger, keep_going)
        except OutOfTime:
            return None
        if found is None:
            return None
        self.ledger = found.ledger
        enough = found.certified >= self.certified
        self.conclusive = self.conclusive or (found.certificate.conclusive and enough)
        if found.credible or not tentative:
            self._offer(found, keep_going)
        return found

    def adopt_tentative(self, directions: Array, keep_going: KeepGoing = forever) -> None:
        """Tentative directions for what is open in the best set: unit, (b, b), less those it has."""
        best, xp = self.best, self.problem.space.xp
        if best is None or not best.samples.nuisance:
            return
        known = best.samples.count
        cosines = to_host((normalize(xp, best.samples.directions[:, :known]).T @ directions) ** 2)
        places = cosines.argmax(axis=1)
        if (cosines.max(axis=1) < 1 - SAME_SPACE).any() or len(set(places.tolist())) < known:
            return
        open_ = to_host(xp.ones((self.problem.rank,), dtype=xp.bool)).copy()
        open_[places] = False
        chosen = xp.take(directions, self.problem.space.indices(open_.nonzero()[0]), axis=1)
        whole = normalize(xp, with_tentative(best.samples, chosen))
        masks = MaskFit.of(self.problem, whole, faint=FAINT)
        found = replace(best, masks=masks, tentative=chosen, negative_log_likelihood=None)
        if found.credible:
            self._offer(found, keep_going)

    def sharpen(self, keep_going: KeepGoing = forever) -> None:
        """All samples of the best set at once, by maximum likelihood, unless masks contradict that more.

        Where all are certified it brings accuracy alone: nothing where there is rounding and no more, and
        little for its time where the batch is large, unless noise is strong.
        """
        best, xp = self.best, self.problem.space.xp
        if best is None or best.masks is None:
            return
        problem = best.samples.problem  # with the noise that this set shows
        noisy = self.problem.relative_noise > ROUNDING * problem.unit_roundoff
        useful = self.problem.noise_hides or (noisy and is_quick(problem))
        if best.certificate.certified.all() and not useful:
            return
        whole = recover(problem, best.whole)
        if whole is None:
            return
        try:
            samples, _, gain = most_likely(whole, keep_going)
            nuisance, known = None, best.samples.count
            if best.tentative is not None:
                unit = normalize(xp, samples.directions)
                nuisance = stood_in(problem, unit, to_host(xp.arange(problem.rank) < known))
                columns = xp.concat([unit[:, :known], nuisance.directions], axis=1)
                again = recover(problem, columns, best.samples.nuisance)
                if again is None:
                    return
                support = xp.concat([samples.support[:, :known], again.support[:, known:]], axis=1)
                samples = replace(again, support=support)
            found = assessed(samples, best.sources, nuisance, self.ledger, keep_going)
        except OutOfTime:
            return
        self.ledger = found.ledger
        if cost_of(found.masks) - gain / NATS <= cost_of(best.masks) and found.certified >= best.certified:
            self.best = replace(found, score=best.score)

    def _offer(self, found: Assessment, keep_going: KeepGoing) -> None:
        """Keep a set if it is the best so far; rows have a say if as much is certified of both."""
        if self.best is not None:  # with what has been proven since
            certificate = self.ledger.extend(self.best.samples, self.best.certificate)
            self.best = replace(self.best, certificate=certificate)
        if self.best is not None and self.best.certified == found.certified:
            try:
                self.best, found = priced(self.best, keep_going), priced(found, keep_going)
            except OutOfTime:  # then contradictions and active entries decide
                self.best = replace(self.best, negative_log_likelihood=None)
        if self.best is None or found.merit > self.best.merit:
            self.best = found

"""Enters: sets of directions, complete or with stand-ins. Leaves: the best of them, and what is proven."""

import math
from dataclasses import dataclass, replace

from spear_xp.candidates.refit import Candidate
from spear_xp.candidates.selection import matching_score
from spear_xp.certification.certificate import Certificate
from spear_xp.certification.certify import certify
from spear_xp.certification.ledger import Ledger
from spear_xp.geometry.nullspaces import SAME_SPACE
from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.linalg import normalize
from spear_xp.recovery.likelihood import most_likely
from spear_xp.recovery.mask_fit import FAINT, MaskFit, cost_of
from spear_xp.recovery.nuisance import Nuisance, stood_in
from spear_xp.recovery.samples import SampleSet, recover, refine
from spear_xp.reduction.problem import Problem

__all__ = ["Best", "Judge"]

NATS = 10.0  # that an entry costs which may be anything: digits that show of it
QUICK = 2**21  # m·b² up to which the likelihood of a set takes no longer than its certificate
CREDIBLE = 0.01  # share of the entries of D on which masks may contradict a guess that is no proof


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best full set of a search.

    Attributes
    ----------
    recovery, certificate : SampleSet, Certificate
        The set, and what is proven of it.
    sources : list of str
        Strategies that found its samples.
    masks : MaskFit or None
        What masks say of it, with its guesses; None if anything is open.
    guesses : array, shape (b, t), or None
        Directions that span the same as the stand-ins.
    score : float
        Sparsity matching score.
    surprise : float or None
        Its doubt with what it leaves of the rows, in the same unit, where that was asked for.
    """

    recovery: SampleSet
    certificate: Certificate
    sources: list[str]
    masks: MaskFit | None
    guesses: Array | None = None
    score: float = 0.0
    surprise: float | None = None

    @property
    def certified(self) -> int:
        """Samples that are proven."""
        return int(self.certificate.certified.sum())

    @property
    def merit(self) -> tuple[int, float, int, float]:
        """What makes one set better than another: proofs, surprise or doubt, masks, explained rows."""
        certified, masks, explained = self.certificate.rank
        doubt = cost_of(self.masks) if self.surprise is None else self.surprise
        return certified, -doubt, masks, explained

    @property
    def credible(self) -> bool:
        """Whether something is proven, or masks hardly contradict anything."""
        return self.certified > 0 or (self.masks is not None and self.masks.share < CREDIBLE)


class Judge:
    """Recovers, refines and certifies sets of one problem, and remembers the best."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.best: Best | None = None
        self.proofs = Ledger.none(problem)
        self.conclusive = False  # whether nothing is left to search for

    @property
    def certified(self) -> int:
        """Samples proven so far."""
        return 0 if self.best is None else self.best.certified

    @property
    def directions(self) -> Array | None:
        """Those of the best set, shape (b, b), guesses in the place of stand-ins."""
        return None if self.best is None else self._whole(self.best.recovery, self.best.guesses)

    def judge(
        self,
        chosen: list[Candidate],
        rest: Nuisance | None = None,
        *,
        score: float = 0.0,
        guess: bool = False,
    ) -> tuple[SampleSet, Certificate] | None:
        """Recover, refine and certify a set; None if it is dependent.

        It is remembered if it is better than those before. A guess has to be credible unless something of it
        is proven.
        """
        problem, xp = self.problem, self.problem.space.xp
        columns = [candidate.direction[:, None] for candidate in chosen]
        columns += [] if rest is None else [rest.stand_ins]
        recovery = recover(problem, xp.concat(columns, axis=1), problem.rank - len(chosen))
        if recovery is None:
            return None
        sources = [candidate.source for candidate in chosen]
        found = self._found(refine(problem, recovery), sources, rest)
        before = self._masks(self._whole(recovery, found.guesses))
        if cost_of(before) < cost_of(found.masks):  # masks may be wrong, and their kernels anything
            found = max(found, self._found(recovery, sources, rest), key=lambda best: best.merit)
        enough = found.certified >= self.certified
        self.conclusive = self.conclusive or (found.certificate.conclusive and enough)
        if (found.credible or not guess) and self._offer(found):
            self.best = replace(self.best or found, score=score or matching_score(problem, chosen))
        return found.recovery, found.certificate

    def adopt_rest(self, directions: Array) -> None:
        """Guesses for what is open in the best set: unit directions, shape (b, b), less those that it has."""
        best, xp = self.best, self.problem.space.xp
        if best is None or not best.recovery.stand_ins:
            return
        known = self.problem.rank - best.recovery.stand_ins
        cosines = to_host((normalize(xp, best.recovery.directions[:, :known]).T @ directions) ** 2)
        places = cosines.argmax(axis=1)
        if (cosines.max(axis=1) < 1 - SAME_SPACE).any() or len(set(places.tolist())) < known:
            return
        open_ = to_host(xp.ones((self.problem.rank,), dtype=xp.bool)).copy()
        open_[places] = False
        guesses = xp.take(directions, self.problem.space.indices(open_.nonzero()[0]), axis=1)
        masks = self._masks(self._whole(best.recovery, guesses))
        found = replace(best, masks=masks, guesses=guesses, surprise=None)
        if found.credible:
            self._offer(found)

    def sharpen(self) -> None:
        """All samples of the best set at once, by maximum likelihood, unless masks are then more in doubt."""
        best, problem, xp = self.best, self.problem, self.problem.space.xp
        if best is None or best.masks is None or best.certificate.certified.all():
            return
        whole = recover(problem, self._whole(best.recovery, best.guesses))
        if whole is None:
            return
        recovery, _, gain = most_likely(problem, whole)
        rest, known = None, problem.rank - best.recovery.stand_ins
        if best.guesses is not None:
            unit = normalize(xp, recovery.directions)
            rest = stood_in(problem, unit, to_host(xp.arange(problem.rank) < known))
            columns = xp.concat([unit[:, :known], rest.stand_ins], axis=1)
            again = recover(problem, columns, best.recovery.stand_ins)
            if again is None:
                return
            support = xp.concat([recovery.support[:, :known], again.support[:, known:]], axis=1)
            recovery = replace(again, support=support)
        found = self._found(recovery, best.sources, rest)
        doubt = cost_of(found.masks) - gain / NATS
        if doubt <= cost_of(best.masks) and found.certified >= best.certified:
            self.best = replace(found, score=best.score)

    def _found(self, recovery: SampleSet, sources: list[str], rest: Nuisance | None) -> Best:
        own = certify(self.problem, recovery, provable=rest is None or rest.whole)
        self.proofs = self.proofs.learn(recovery, own)
        certificate = self.proofs.extend(recovery, own)
        guesses = None if rest is None else rest.guesses
        whole = self._whole(recovery, guesses)
        masks = None if rest is not None and guesses is None else self._masks(whole)
        return Best(recovery, certificate, sources, masks, guesses)

    def _offer(self, found: Best) -> bool:
        """Keep a set if it is better than the best so far; rows have a say if as much is proven of both."""
        if self.best is not None:  # with what has been proven since
            certificate = self.proofs.extend(self.best.recovery, self.best.certificate)
            self.best = replace(self.best, certificate=certificate)
        if self.best is not None and self.best.certified == found.certified:
            self.best, found = self._priced(self.best), self._priced(found)
        better = self.best is None or found.merit > self.best.merit
        if better:
            self.best = found
        return better

    def _priced(self, found: Best) -> Best:
        """A set with its surprise, where that is quickly told: a likelier one leaves less of the rows."""
        problem = self.problem
        quick = problem.width * problem.rank**2 <= QUICK and problem.noise_level > 0
        if not quick or found.masks is None or found.surprise is not None:
            return found
        whole, surprise = recover(problem, self._whole(found.recovery, found.guesses)), math.inf
        if whole is not None:
            likely, noise, _ = most_likely(problem, whole)
            silent = float(problem.space.xp.sum(problem.space.xp.astype(likely.support, problem.space.dtype)))
            if 0 < noise < math.inf:
                surprise = found.masks.doubt + 0.5 * silent * math.log(noise) / NATS
        return replace(found, surprise=surprise)

    def _masks(self, directions: Array) -> MaskFit | None:
        """What the masks of a set, shape (b, b), say of it; None if it is dependent."""
        return MaskFit.of(self.problem, normalize(self.problem.space.xp, directions), faint=FAINT)

    def _whole(self, recovery: SampleSet, guesses: Array | None) -> Array:
        """Directions of a set, shape (b, b), guesses in the place of stand-ins."""
        if guesses is None:
            return recovery.directions
        known = recovery.directions[:, : self.problem.rank - recovery.stand_ins]
        return self.problem.space.xp.concat([known, guesses], axis=1)

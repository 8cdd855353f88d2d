"""Enters: sets of directions, complete or with stand-ins. Leaves: the best of them, and what is proven."""

import math
from dataclasses import dataclass, replace

from spear_xp._arrays import Array
from spear_xp._linalg import normalize
from spear_xp.alternation import Alternation
from spear_xp.certificate import Certificate, certify
from spear_xp.completion import Completion
from spear_xp.filtering import Candidate
from spear_xp.problem import Problem
from spear_xp.recovery import Recovery, recover, refine
from spear_xp.selection import matching_score

__all__ = ["Best", "Judge"]

CREDIBLE = 0.005  # share of the entries of D on which masks may contradict a set that is no proof


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best full set of a search.

    Attributes
    ----------
    recovery, certificate : Recovery, Certificate
        The set, and what is proven of it.
    sources : list of str
        Strategies that found its samples.
    score : float
        Sparsity matching score.
    guesses : array, shape (b, t), or None
        Directions that span the same as the stand-ins.
    doubt : float
        Share of the entries of D on which masks contradict it with these; 1 if anything is open.
    """

    recovery: Recovery
    certificate: Certificate
    sources: list[str]
    score: float
    guesses: Array | None = None
    doubt: float = 1.0

    @property
    def merit(self) -> tuple[int, float, int, float]:
        """What makes one set better than another: proofs, doubts about the rest, masks, explained rows."""
        certified, masks, explained = self.certificate.rank
        return certified, -self.doubt if certified else 0.0, masks, explained


class Judge:
    """Recovers, refines and certifies sets of one problem, and remembers the best."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.best: Best | None = None

    @property
    def certified(self) -> int:
        """Samples proven so far."""
        return 0 if self.best is None else int(self.best.certificate.certified.sum())

    @property
    def conclusive(self) -> bool:
        """Whether nothing is left to search for."""
        return self.best is not None and self.best.certificate.conclusive

    def judge(
        self,
        chosen: list[Candidate],
        rest: Completion | None = None,
        *,
        score: float = 0.0,
        doubt: float = 0.0,
    ) -> tuple[Recovery, Certificate] | None:
        """Recover, refine and certify a set; None if it is dependent.

        It is remembered if it is better than those before. A guess is in doubt by the share of the entries of
        D on which masks contradict it; it has to be credible unless something of it is proven.
        """
        problem, xp = self.problem, self.problem.space.xp
        columns = [candidate.direction[:, None] for candidate in chosen]
        columns += [] if rest is None else [rest.stand_ins]
        recovery = recover(problem, xp.concat(columns, axis=1), problem.rank - len(chosen))
        if recovery is None:
            return None
        refined = refine(problem, recovery)
        if self._contradictions(refined) <= self._contradictions(recovery):
            recovery = refined  # otherwise masks are wrong, and their kernels may be anything
        certificate = certify(problem, recovery, provable=rest is None or rest.whole)
        guesses = None if rest is None else rest.guesses
        open_ = rest is not None and guesses is None
        sources = [c.source for c in chosen]
        found = Best(recovery, certificate, sources, score, guesses, 1.0 if open_ else doubt)
        better = self.best is None or found.merit > self.best.merit
        if better and (doubt < CREDIBLE or certificate.certified.any()):
            self.best = replace(found, score=score or matching_score(problem, chosen))
        return recovery, certificate

    def _contradictions(self, recovery: Recovery) -> float:
        found = Alternation.of(self.problem, normalize(self.problem.space.xp, recovery.directions))
        return math.inf if found is None else found.contradictions

"""Enters: sets of directions, complete or with stand-ins. Leaves: the best of them, and what is proven."""

import math
from dataclasses import dataclass

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
    """

    recovery: Recovery
    certificate: Certificate
    sources: list[str]
    score: float
    guesses: Array | None = None


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
        credible: bool = True,
    ) -> tuple[Recovery, Certificate] | None:
        """Recover, refine and certify a set; None if it is dependent.

        It is remembered if it is better than those before, and credible unless something of it is proven.
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
        better = self.best is None or certificate.rank > self.best.certificate.rank
        if better and (credible or certificate.certified.any()):
            sources, score = [c.source for c in chosen], score or matching_score(problem, chosen)
            self.best = Best(recovery, certificate, sources, score, None if rest is None else rest.guesses)
        return recovery, certificate

    def _contradictions(self, recovery: Recovery) -> float:
        found = Alternation.of(self.problem, normalize(self.problem.space.xp, recovery.directions))
        return math.inf if found is None else found.contradictions

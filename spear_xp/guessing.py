"""Enters: a set with directions missing or wrong. Leaves: what mask alternation makes of it, tested.

Guesses cost little and need no row that tells a sample from its near-twins; nothing that follows is taken for
true without the filter or the certificate.
"""

import math
from collections.abc import Callable

from spear_xp._arrays import Array
from spear_xp._linalg import normalize
from spear_xp.alternation import SOURCE, Alternation, alternate, guessed
from spear_xp.completion import Completion, parted, stood_in
from spear_xp.filtering import Candidate
from spear_xp.intake import Intake
from spear_xp.judging import Judge
from spear_xp.steering import adopt

__all__ = ["Guessing"]

FAINT = (1.0, 0.125)  # weights of zeros on active rows, in turns: for near-twins, and for quiet samples
PROMISING = 0.1  # share of the entries of D on which masks may contradict a guess that is worth a certificate


class Guessing:
    """Guesses at full sets of one problem; each has to contradict masks on fewer rows than all before."""

    def __init__(self, intake: Intake, judge: Judge) -> None:
        self.intake, self.judge = intake, judge
        self.count = 0
        self.least = dict.fromkeys(FAINT, math.inf)
        self.last: dict[float, Array] = {}

    def mend(self, directions: Array, keep_going: Callable[[], bool]) -> None:
        """Guess which of b directions, shape (b, b), are wrong."""
        problem, faint = self.judge.problem, self._turn()
        unit = normalize(problem.space.xp, directions)
        self._settle(alternate(problem, unit, faint=faint, keep_going=keep_going))

    def _turn(self) -> float:
        """The weight whose turn it is."""
        self.count += 1
        return FAINT[self.count % len(FAINT)]

    def complete(self, directions: Array, rest: Completion | None, keep_going: Callable[[], bool]) -> None:
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
            before=self.last.get(faint),
            faint=faint,
            seed=self.count,
            keep_going=keep_going,
        )
        self._settle(guess)

    def _settle(self, guess: Alternation | None) -> None:
        """Prove what can be of a guess that is the best so far, and give the pool what passes the filter."""
        if guess is None or guess.contradictions >= self.least[guess.faint]:
            return
        self.least[guess.faint], self.last[guess.faint] = guess.contradictions, guess.directions
        problem, xp = self.judge.problem, self.judge.problem.space.xp
        counts = xp.sum(xp.astype(guess.zero, xp.int64), axis=0)
        chosen = [
            Candidate(guess.directions[:, k], guess.zero[:, k], int(counts[k]), SOURCE)
            for k in range(problem.rank)
        ]
        share = guess.contradictions / (problem.width * problem.rank)
        judged = self.judge.judge(chosen, doubt=share) if share < PROMISING else None
        if judged is not None:
            trusted = judged[1].trusted
            if trusted.any() and not trusted.all():
                rest = stood_in(problem, guess.directions, trusted)
                chosen = [candidate for candidate, kept in zip(chosen, trusted, strict=True) if kept]
                judged = self.judge.judge(chosen, rest, doubt=share) or judged
        if judged is not None:
            adopt(self.intake.pool, chosen, judged[0], judged[1].certified[: len(chosen)])
        self.intake.take(guess.directions, SOURCE)

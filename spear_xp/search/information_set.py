"""Enters: a `Problem`. Leaves: directions that vanish on all but at most two of some b random rows.

Where sampling waits for b - 1 rows that a column of D leaves inactive, an information set of b rows may
hold two active ones, which is b²/2 times as frequent; `exchange` finds them.
"""

from dataclasses import dataclass

from spear_xp._arrays import Array, generator
from spear_xp._linalg import normalize
from spear_xp.problem import Problem
from spear_xp.search.base import Known, Proposals
from spear_xp.search.exchange import FEWEST, Walk, gap_of, sparse_directions
from spear_xp.search.face import face_of
from spear_xp.search.sampling import draw_subsets

__all__ = ["InformationSet", "unsolved"]

STREAM = 5


@dataclass(frozen=True, slots=True)
class InformationSet:
    """Exchange chains from random information sets.

    Attributes
    ----------
    chains : int
        Chains in a chunk.
    steps : int
        Information sets along each chain.
    pairs : int
        Pairs of spare rows compared at each of them.
    spare : int
        Rows of a chain outside of its information set.

    Notes
    -----
    Nothing is taken from the weights, unless some samples are solved already.

    References
    ----------
    .. [1] A. Canteaut, F. Chabaud, "A new algorithm for finding minimum-weight words in a linear code",
       IEEE Transactions on Information Theory, 1998.
    """

    chains: int = 256
    steps: int = 40
    pairs: int = 4
    spare: int = 12
    name: str = "information_set"

    def propose(self, problem: Problem, known: Known, seed: int, chunk: int) -> Proposals:
        """Directions of one chunk of chains, in the complement of the samples that are solved."""
        space = problem.space
        xp = space.xp
        rows, lift = unsolved(problem, known)
        m, d = rows.shape
        if d == 1:  # one sample is left: nothing to search
            return Proposals(normalize(xp, lift), 1)
        spare = min(self.spare, m - d)
        if d < 2 or spare < FEWEST:
            return Proposals(xp.zeros((problem.rank, 0), dtype=space.dtype, device=space.device), 0)
        sets, _ = draw_subsets(m, d + spare, self.chains, seed=seed, chunk=chunk)
        rng = generator(seed, STREAM, chunk)
        walk = Walk(self.steps, self.pairs, gap_of(problem))
        found = sparse_directions(xp, rows, sets, walk, rng)
        return Proposals(normalize(xp, lift @ found), self.chains * self.steps)


def unsolved(problem: Problem, known: Known) -> tuple[Array, Array]:
    """Unit rows of the problem without the samples whose duals are known, and the way back.

    Returns
    -------
    rows : array, shape (m_live, d)
    lift : array, shape (b, d)
        A direction y of the rows is `lift @ y` of the problem.
    """
    if not any(known.solved):
        return problem.balanced, problem.unbalance
    face = face_of(problem, known)
    return normalize(problem.space.xp, face.rows, axis=1), face.lift

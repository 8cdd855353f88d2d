"""Enters: a `Problem` and what is known. Leaves: directions of information sets among likely inactive rows.

With few rows a random information set is hardly ever free of active ones, and a descent stops near a
column without reaching it. The two help each other: an iterate of the descent ranks the rows by its
residual and by the pre-activation that the layer predicts for it, and among the lowest of them exchange
chains need a ranking that is right most of the time only.
"""

from dataclasses import dataclass

import numpy as np

from spear_xp._arrays import Host, generator, quiet, to_host
from spear_xp._linalg import normalize
from spear_xp.problem import Problem
from spear_xp.search.base import Known, Proposals
from spear_xp.search.descent import TEMPERATURES, iterates
from spear_xp.search.exchange import FEWEST, Walk, gap_of, sparse_directions
from spear_xp.search.face import Face, face_of

__all__ = ["GuidedSets"]

STREAM = 6
SPARE_ROWS = 10  # rows of a chain outside of its information set
MARGIN = 10  # rows beyond b at least among which the chains of an iterate move
SPREAD = 13  # up to so many more, at random: how good a ranking is differs
STARTS_EACH = 8  # starts for every direction that is missing
FEWEST_STARTS = 64
PATIENCE, MOST = 6, 8  # chunks after which one more descent goes into each of them, and where that ends


@dataclass(frozen=True, slots=True)
class GuidedSets:
    """Short exchange chains on the rows that iterates of a descent rank lowest.

    Attributes
    ----------
    starts : int
        Most starts of the descent.
    descent_steps : int
        Its steps.
    iterates : int
        Most iterates whose rankings are used.
    chains, steps, pairs : int
        Chains for each of them, information sets along a chain, pairs of rows compared at each.
    share : float
        Part of the rows that is used, the least active ones.
    """

    starts: int = 96
    descent_steps: int = 300
    iterates: int = 32
    chains: int = 16
    steps: int = 30
    pairs: int = 5
    share: float = 1.0
    name: str = "guided_sets"

    def propose(self, problem: Problem, known: Known, seed: int, chunk: int) -> Proposals:
        """Directions of some batches of descents and of the chains that they guide."""
        space = problem.space
        xp, rng = space.xp, generator(seed, STREAM, chunk)
        face = face_of(problem, known, self.share)
        m, d = face.rows.shape
        if d < 2 or m - d < FEWEST:
            return Proposals(xp.zeros((problem.rank, 0), dtype=space.dtype, device=space.device), 0)
        rows, walk = normalize(xp, face.rows, axis=1), Walk(self.steps, self.pairs, gap_of(problem))
        missing = problem.rank - known.directions.shape[1]
        starts = min(self.starts, max(FEWEST_STARTS, STARTS_EACH * missing))
        found, drawn = [], 0
        for turn in range(min(MOST, 1 + chunk // PATIENCE)):
            temperature = TEMPERATURES[(chunk + turn) % len(TEMPERATURES)]
            sets = self._draw(rng, self._rankings(problem, face, rng, starts, temperature), d)
            found.append(sparse_directions(xp, rows, sets, walk, rng))
            drawn += len(sets) * self.steps
        return Proposals(normalize(xp, face.lift @ xp.concat(found, axis=1)), drawn)

    def _rankings(
        self, problem: Problem, face: Face, rng: np.random.Generator, starts: int, temperature: float
    ) -> Host:
        """Rows by predicted activity for the iterates of one descent, shape (m, iterates)."""
        space = problem.space
        xp = space.xp
        arrived = iterates(space, face, rng, starts, steps=self.descent_steps, temperature=temperature)
        arrived = arrived[:, : self.iterates]
        with quiet():
            size = xp.abs(face.rows @ arrived)
            score = size / xp.sort(size, axis=0)[size.shape[0] // 2, :] + face.predict(xp, arrived)
        return to_host(xp.argsort(score, axis=0))

    def _draw(self, rng: np.random.Generator, ranking: Host, d: int) -> Host:
        """Rows of all chains, shape (iterates · chains, d + spare)."""
        m, count = ranking.shape
        spare = min(SPARE_ROWS, m - d)
        reach = d + MARGIN + rng.integers(SPREAD, size=count)
        # Random keys, those out of reach last: the order of the keys is a random set within reach.
        keys = rng.random((count, self.chains, m)) + (np.arange(m) >= reach[:, None])[:, None, :]
        chosen = keys.argsort(axis=-1)[:, :, : d + spare].reshape(count, -1)
        return np.take_along_axis(ranking.T, chosen, axis=1).reshape(-1, d + spare)

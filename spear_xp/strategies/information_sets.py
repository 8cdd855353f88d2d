"""Enters: a `Problem`. Leaves: directions that vanish on all but at most two of some b random rows.

Where sampling waits for b - 1 rows that a column of D leaves inactive, an information set of b rows may
hold two active ones, which is b²/2 times as frequent; `exchange` finds them.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spear_xp.geometry.deflation import Deflated, deflated
from spear_xp.numerics.backend import Array, Host, quiet, to_host
from spear_xp.numerics.elimination import draw_subsets
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.strategies.base import nothing
from spear_xp.strategies.descent import TEMPERATURES, descent_work, iterates
from spear_xp.strategies.exchange import FEWEST, Walk, fused_follow, gap_of, sparse_directions, walk_work

__all__ = ["GuidedSets", "InformationSet", "unsolved"]

ON_DEVICE = 16  # chosen: times as many chains in a chunk where one launch follows all of them


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
    uses_layer: ClassVar[bool] = False
    whole_masks: ClassVar[bool] = False

    def propose(
        self,
        problem: Problem,
        known: Known,
        seed: int,
        chunk: int,
        *,
        keep_going: KeepGoing = forever,
    ) -> Proposals:
        """Directions of one chunk of chains, in the complement of the samples that are solved."""
        space = problem.space
        xp = space.xp
        rows, lift = unsolved(problem, known)
        m, d = rows.shape
        if d == 1:  # one sample is left: nothing to search
            return Proposals(normalize(xp, lift), 1, 1.0)
        spare = min(self.spare, m - d)
        if d < 2 or spare < FEWEST:
            return nothing(problem)
        chains = self.chains * (ON_DEVICE if fused_follow(space, d, spare) else 1)
        sets, _ = draw_subsets(m, d + spare, chains, stream=Stream.INFORMATION_SETS, seed=seed, chunk=chunk)
        rng = generator(seed, Stream.EXCHANGE, chunk)
        walk = Walk(self.steps, self.pairs, gap_of(problem))
        found = sparse_directions(xp, rows, sets, walk, rng, keep_going)
        work = walk_work(d, spare, chains, walk)
        return Proposals(normalize(xp, lift @ found), chains * self.steps, work)


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
    rest = deflated(problem, known)
    return normalize(problem.space.xp, rest.rows, axis=1), rest.lift


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
    arm : int
        Number among the guided sets of one search: each draws its own numbers.
    spare : int
        Rows of a chain outside of its information set.
    margin, spread : int
        Rows beyond the dimension among which the chains of an iterate move: so many at least, and fewer
        than `spread` more, at random, because rankings differ in how good they are.
    fewest_starts, starts_each : int
        Starts that a descent has at least, and for each missing direction where these are more.
    patience, most_descents : int
        Chunks after which each chunk has one more descent, and the number at which that ends.
    temperatures : tuple of float
        Softness of the masks that the descents predict, in turns.
    """

    starts: int = 96
    descent_steps: int = 300
    iterates: int = 32
    chains: int = 16
    steps: int = 30
    pairs: int = 5
    share: float = 1.0
    arm: int = 0
    spare: int = 10
    margin: int = 10
    spread: int = 13
    fewest_starts: int = 64
    starts_each: int = 8
    patience: int = 6
    most_descents: int = 8
    temperatures: tuple[float, ...] = TEMPERATURES
    name: str = "guided_sets"
    uses_layer: ClassVar[bool] = True
    whole_masks: ClassVar[bool] = False

    def propose(
        self,
        problem: Problem,
        known: Known,
        seed: int,
        chunk: int,
        *,
        keep_going: KeepGoing = forever,
    ) -> Proposals:
        """Directions of some batches of descents and of the chains that they guide."""
        space = problem.space
        xp, rng = space.xp, generator(seed, Stream.GUIDED_SETS, chunk, self.arm)
        rest = deflated(problem, known, self.share)
        m, d = rest.rows.shape
        if d < 2 or m - d < FEWEST:
            return nothing(problem)
        rows, walk = normalize(xp, rest.rows, axis=1), Walk(self.steps, self.pairs, gap_of(problem))
        missing = problem.rank - known.directions.shape[1]
        starts = min(self.starts, max(self.fewest_starts, self.starts_each * missing))
        found, drawn, work = [nothing(problem).directions[:d, :]], 0, 0.0
        for turn in range(min(self.most_descents, 1 + chunk // self.patience)):
            temperature = self.temperatures[(chunk + turn) % len(self.temperatures)]
            ranking = self._rankings(problem, rest, rng, starts, temperature, keep_going)
            if not keep_going():
                break
            sets = self._draw(rng, ranking, d)
            found.append(sparse_directions(xp, rows, sets, walk, rng, keep_going))
            drawn += len(sets) * self.steps
            work += descent_work(rest, starts, self.descent_steps)
            work += walk_work(d, min(self.spare, m - d), len(sets), walk)
        return Proposals(normalize(xp, rest.lift @ xp.concat(found, axis=1)), drawn, work)

    def _rankings(
        self,
        problem: Problem,
        rest: Deflated,
        rng: np.random.Generator,
        starts: int,
        temperature: float,
        keep_going: KeepGoing,
    ) -> Host:
        """Rows by predicted activity for the iterates of one descent, shape (m, iterates)."""
        space = problem.space
        xp = space.xp
        arrived = iterates(
            space, rest, rng, starts, steps=self.descent_steps, temperature=temperature, keep_going=keep_going
        )
        arrived = arrived[:, : min(self.iterates, arrived.shape[1])]
        with quiet():
            size = xp.abs(rest.rows @ arrived)
            score = size / upper_median(xp, size) + rest.predict(xp, arrived)
        return to_host(xp.argsort(score, axis=0))

    def _draw(self, rng: np.random.Generator, ranking: Host, d: int) -> Host:
        """Rows of all chains, shape (iterates · chains, d + spare)."""
        m, count = ranking.shape
        spare = min(self.spare, m - d)
        reach = d + self.margin + rng.integers(self.spread, size=count)
        # Random keys, those out of reach last: the order of the keys is a random set within reach.
        keys = rng.random((count, self.chains, m)) + (np.arange(m) >= reach[:, None])[:, None, :]
        chosen = keys.argsort(axis=-1)[:, :, : d + spare].reshape(count, -1)
        return np.take_along_axis(ranking.T, chosen, axis=1).reshape(-1, d + spare)

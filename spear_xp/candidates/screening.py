"""Enters: directions that someone proposes. Leaves: those of them in the pool that can be columns of D."""

from dataclasses import replace
from typing import NamedTuple

from spear_xp.candidates.candidate import Candidate, stacked_directions
from spear_xp.candidates.half_spaces import behind_hyperplanes, half_space_work
from spear_xp.candidates.pool import Pool
from spear_xp.candidates.refit import filter_directions, screening_work
from spear_xp.candidates.separability import SeparabilityTest, separability_work
from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.work import KeepGoing, calls, forever
from spear_xp.reduction.problem import Problem

__all__ = ["Admission", "Screen"]

# measured: calls on arrays that a turn costs, whatever it proposed (lab.md, "Turns beyond their count")
CALLS = 120


class Admission(NamedTuple):
    """What came of some proposals: candidates that are new in the pool, and the work of the tests."""

    new: int
    work: float


class Screen:
    """What stands between proposals and the pool: refit, separability, distinctness.

    Attributes
    ----------
    pool : Pool
    threshold : int
        Zero rows that a candidate needs.
    separability : SeparabilityTest or None
        Asked only where a strategy uses the layer: nothing passes it with the weights of another step, and
        then the certificate has to say so.
    """

    def __init__(self, problem: Problem, pool: Pool, *, threshold: int, uses_layer: bool) -> None:
        self.problem, self.pool, self.threshold = problem, pool, threshold
        self.separability = SeparabilityTest(problem) if uses_layer else None

    def admit(
        self,
        directions: Array,
        source: str,
        *,
        whole_masks: bool = False,
        keep_going: KeepGoing = forever,
    ) -> Admission:
        """Pass directions through all tests into the pool, and drop what they show to be mixed.

        Parameters
        ----------
        directions : array, shape (b, k)
            Unit vectors.
        source : str
            Name of the strategy, kept with the candidates.
        whole_masks : bool
            Whether the directions are kernels of whole masks: these are no mixtures by chance.
        keep_going : callable
            Asked before each refit; False ends it with what has passed.

        Returns
        -------
        Admission
        """
        before, self._work = set(self.pool.candidates), calls(CALLS)
        fresh = self.pool.new(directions, unmixed=not whole_masks)
        self.pool.extend(self._separable(self._refitted(fresh, source, keep_going), keep_going))
        self.pool.drop_mixtures()
        new = sum(candidate not in before for candidate in self.pool.candidates)
        return Admission(new, self._work)

    def _separable(self, found: list[Candidate], keep_going: KeepGoing) -> list[Candidate]:
        """Candidates whose zero pattern can be a mask; all of them as long as none could be."""
        if self.separability is None or not found:
            return found
        self._work += separability_work(self.problem, len(found))
        misfits = self.separability.misfits(stacked_directions(self.problem, found), keep_going)
        found = [replace(c, misfit=float(misfit)) for c, misfit in zip(found, misfits, strict=True)]
        everything = to_host([c.misfit for c in (*self.pool.candidates, *found)])
        fits = everything <= self.separability.tolerated(everything)
        self.pool.keep(fits[: len(self.pool)])
        return [c for c, fit in zip(found, fits[-len(found) :], strict=True) if fit]

    def _refitted(self, directions: Array, source: str, keep_going: KeepGoing) -> list[Candidate]:
        problem = self.problem
        if not directions.shape[1]:
            return []
        if problem.rank == 1:  # one sample: every live row is its multiple, none has to vanish
            return [Candidate(directions[:, 0], problem.zeros_of(directions[:, 0]), 0, source)]
        if self.separability is not None and problem.noise_hides:
            self._work += half_space_work(problem, int(directions.shape[1]))
            return behind_hyperplanes(problem, directions, source, keep_going)
        shared: list[Array] = []
        found = filter_directions(
            problem,
            directions,
            threshold=self.threshold,
            source=source,
            duals=self.pool.solved,
            shared=shared,
            keep_going=keep_going,
        )
        self.pool.shared.add(shared)
        self._work += screening_work(problem, directions.shape[1], len(found) + len(shared))
        return found

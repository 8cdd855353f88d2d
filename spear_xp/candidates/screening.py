"""Enters: directions that someone proposes. Leaves: those of them in the pool that can be columns of D."""

from collections.abc import Callable
from dataclasses import replace

from spear_xp.candidates.pool import Pool
from spear_xp.candidates.refit import Candidate, filter_directions
from spear_xp.candidates.separability import SeparabilityTest
from spear_xp.numerics.backend import Array, to_host

__all__ = ["Screen"]

FROM_MASKS = ("peeling", "estimation", "alternation")  # kernels of whole masks are no mixtures by chance


class Screen:
    """What stands between proposals and a pool: the filter, and the test of masks where weights have a say.

    Attributes
    ----------
    pool : Pool
    mask_test : SeparabilityTest or None
    threshold : int
        Zero rows that a candidate needs.
    in_time : callable
        Whether to go on.
    """

    def __init__(
        self, pool: Pool, mask_test: SeparabilityTest | None, threshold: int, in_time: Callable[[], bool]
    ) -> None:
        self.pool, self.mask_test, self.threshold, self.in_time = pool, mask_test, threshold, in_time

    def take(self, directions: Array, source: str) -> None:
        """Pass directions, shape (b, k), through filter and test into the pool."""
        fresh = self.pool.new(directions, unmixed=source not in FROM_MASKS)
        for candidate in self._screened(self._filtered(fresh, source)):
            self.pool.add(candidate)

    def _screened(self, found: list[Candidate]) -> list[Candidate]:
        """Candidates whose zero pattern can be a mask; all of them as long as none could be."""
        if self.mask_test is None or not found:
            return found
        xp = self.pool.problem.space.xp
        misfits = self.mask_test.misfits(xp.stack([c.direction for c in found], axis=1))
        found = [replace(c, misfit=float(misfit)) for c, misfit in zip(found, misfits, strict=True)]
        everything = to_host([c.misfit for c in (*self.pool.candidates, *found)])
        fits = everything <= self.mask_test.tolerated(everything)
        self.pool.keep(fits[: len(self.pool)])
        return [c for c, fit in zip(found, fits[-len(found) :], strict=True) if fit]

    def _filtered(self, directions: Array, source: str) -> list[Candidate]:
        problem = self.pool.problem
        if not directions.shape[1]:
            return []
        if problem.rank == 1:  # one sample: every live row is its multiple, none has to vanish
            return [Candidate(directions[:, 0], problem.zeros_of(directions[:, 0]), 0, source)]
        shared: list[Array] = []
        found = filter_directions(
            problem,
            directions,
            threshold=self.threshold,
            source=source,
            duals=self.pool.solved,
            shared=shared,
            keep_going=self.in_time,
        )
        self.pool.share(shared)
        return found

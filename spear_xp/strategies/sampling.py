"""Enters: a `Problem`. Leaves: kernel directions of random (b-1)-row subsets, as published in SPEAR.

A subset that lies in the zero rows of one column of D has that column's direction as its kernel. The b
subsets of a set of b rows are looked at together, in single precision and on a few rows that no set of a
shuffle contains (`numerics/cuda/sampler.py`); what passes is looked at again in full precision, and solved.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spear_xp.numerics.backend import Array, Host
from spear_xp.numerics.cuda.sampler import draw_row_sets, fits, sparse_sets
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.random import Stream
from spear_xp.numerics.work import KeepGoing, elementwise, forever, small_solves
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.strategies.base import nothing

__all__ = ["Sampling"]

# measured: part of the largest value of a direction that counts as zero (lab.md, "Row sets")
NEAR = 3e-4
# measured: the same after elimination in single precision (lab.md, "Hits that rounding lost")
BLURRED = 3e-3
ELIMINATION = 2  # derived: elementwise passes over each entry of a set: a product and a difference
ON_DEVICE = 512  # chosen: times as many sets in a chunk where one launch looks at all of them


@dataclass(frozen=True, slots=True)
class Sampling:
    """Uniform (b-1)-row subsets and their kernels (Dimitrov et al. 2024, section 3.2).

    The b subsets of a set of b rows are no independent draws: in a column of D that is not zero on the whole
    set, only one of them can be zero throughout. Where half of a column is zero, a set finds it as often as
    (b+1)/2 independent subsets do, and it counts as so many samples.

    Attributes
    ----------
    chunk_size : int
        Samples in a chunk, rounded up to whole sets; 512 times as many where a device looks at them.
    false_rejection : float
        Probability in (0, 1) that a column of D, zero on each row with probability 1/2, shows fewer zeros
        than the sparsity threshold of the published attack.
    test_rows : int
        Rows set aside in every chunk, on which its kernels are looked at.
    needed : int
        Zeros needed among them; a random direction shows two in fewer than one of 1e5 draws.
    tiny_batch : int
        Batch size up to which one zero is enough: hits are plenty and a chunk sets few rows aside.
    survivors : int
        Most kernels that a chunk keeps; the rest would be the same few directions again.
    """

    chunk_size: int = 8192
    false_rejection: float = 1e-9
    test_rows: int = 8
    needed: int = 2
    tiny_batch: int = 4
    survivors: int = 64
    name: str = "sampling"
    uses_layer: ClassVar[bool] = False
    whole_masks: ClassVar[bool] = False

    def propose(
        self,
        problem: Problem,
        known: Known | None,  # noqa: ARG002
        seed: int,
        chunk: int,
        *,
        keep_going: KeepGoing = forever,
    ) -> Proposals:
        """Directions of one chunk that look sparse on the rows set aside; what is known plays no part."""
        space = problem.space
        xp, b = space.xp, problem.rank
        if b == 1:
            return Proposals(xp.ones((1, 1), dtype=space.dtype, device=space.device), 1, 1.0)
        aside = min(self.test_rows, problem.width - b)
        if aside == 0:
            return nothing(problem)
        fused = space.fused("sampler") if fits(b, problem.width) else None
        sets = draw_row_sets(
            problem.width,
            b,
            -(-2 * self.chunk_size // (b + 1)) * (ON_DEVICE if fused else 1),
            stream=Stream.SAMPLING,
            seed=seed,
            chunk=chunk,
            aside=aside,
        )
        rows = problem.balanced
        needed = min(self.needed if b > self.tiny_batch else 1, aside)
        seen = (fused or sparse_sets)(xp, xp.astype(rows, xp.float32), sets, BLURRED, needed, keep_going)
        among = np.unique(seen[:, 0])
        hits = sparse_sets(xp, rows, sets, NEAR, needed, keep_going, among=among)[: self.survivors]
        members = sets.members(hits[:, 0])[:, :b]
        subsets = members[hits[:, 1:] != np.arange(b)].reshape(-1, b - 1)
        looked_at = len(sets) + len(among)
        work = elementwise(looked_at * b * b * (b / 2 + aside), ELIMINATION) + small_solves(b, len(hits))
        return Proposals(self._solve(problem, subsets), len(sets) * (b + 1) // 2, work)

    @staticmethod
    def _solve(problem: Problem, subsets: Host) -> Array:
        """Kernels of a few subsets in the problem's own rows and precision."""
        space = problem.space
        xp = space.xp
        if not len(subsets):
            return xp.zeros((problem.rank, 0), dtype=space.dtype, device=space.device)
        count, k = subsets.shape
        picked = xp.take(problem.balanced, space.indices(subsets.reshape(-1)), axis=0)
        stacked = xp.reshape(picked, (count, k, k + 1))
        _, _, right = xp.linalg.svd(stacked, full_matrices=True)
        kernels = right[:, -1, :]
        missed = xp.max(xp.abs(stacked @ kernels[:, :, None]), axis=(1, 2))
        # Not every library promises what the rows beyond the singular values are; NaN is passed over.
        kernels = xp.where((missed < NEAR)[:, None], kernels, xp.nan)
        return normalize(xp, problem.unbalance @ kernels.T)

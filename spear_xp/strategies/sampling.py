"""Enters: a `Problem`. Leaves: kernel directions of random (b-1)-row subsets, as published in SPEAR.

A subset that lies in the zero rows of one column of D has that column's direction as its kernel.
Thousands of subsets are eliminated at once in single precision, as arrays (row, coordinate, subset);
a kernel is looked at on a few rows that no subset of the chunk used, and the few survivors are
solved again in full precision.
"""

from dataclasses import dataclass
from typing import ClassVar

from spear_xp.numerics.backend import Array, Host, on_device, to_host
from spear_xp.numerics.elimination import draw_subsets, kernel_directions
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.random import Stream
from spear_xp.numerics.work import KeepGoing, elementwise, forever, small_solves
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.strategies.base import nothing

__all__ = ["Sampling"]

NEAR = 1e-4  # chosen: |row · direction| of balanced rows that counts as zero after float32 elimination
ELIMINATION = 3  # measured: elementwise passes over each entry of a subset (lab.md, "Counted work")


@dataclass(frozen=True, slots=True)
class Sampling:
    """Uniform (b-1)-row subsets and their kernels (Dimitrov et al. 2024, section 3.2).

    Attributes
    ----------
    chunk_size : int
        Subsets in a chunk.
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

    chunk_size: int = 2048
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
        reserved = min(self.test_rows, problem.width - (b - 1))
        subsets, aside = draw_subsets(
            problem.width,
            b - 1,
            self.chunk_size,
            stream=Stream.SAMPLING,
            seed=seed,
            chunk=chunk,
            reserved=reserved,
        )
        rows = xp.astype(problem.balanced, xp.float32)
        solved = []
        for part in blocks(len(subsets), b * b, device=on_device(xp)):
            if not keep_going():
                break
            solved.append(kernel_directions(xp, rows, space.indices(subsets[part])))
        if not solved:
            return nothing(problem)
        kernels = xp.concat(solved, axis=1)
        near = xp.abs(xp.take(rows, space.indices(aside), axis=0) @ kernels) < NEAR
        needed = self.needed if b > self.tiny_batch else 1
        hits = xp.sum(xp.astype(near, xp.int32), axis=0) >= min(needed, reserved)
        chosen = to_host(hits).nonzero()[0][: self.survivors]
        work = elementwise(len(subsets) * b**3 / 3, ELIMINATION) + small_solves(b, len(chosen))
        return Proposals(self._solve(problem, subsets[chosen]), len(subsets), work)

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

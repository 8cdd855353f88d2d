"""Enters: kernels that hold the directions of several samples. Leaves: those worth splitting, and when.

Samples with almost the same mask are inactive together on so many rows that the kernel of these rows has one
dimension for each of them. A strategy may split such a kernel; a few attempts at each are worth their time.
"""

from spear_xp.geometry.directions import FEW_MISSING, WITHIN
from spear_xp.geometry.nullspaces import in_shared_nullspace, same_space
from spear_xp.numerics.backend import Array, to_host
from spear_xp.reduction.problem import Problem

__all__ = ["SharedKernels"]

# chosen: attempts at one kernel, and kernels offered to a strategy at once; more cost time in vain
SPLITS, OFFERED = 24, 6


class SharedKernels:
    """Orthonormal bases, shape (b, d) each, of distinct kernels of several dimensions, by number."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.kernels: list[Array] = []
        self.attempts: list[int] = []

    def add(self, kernels: list[Array]) -> None:
        """Keep those that are not kept already; one may be within another."""
        xp = self.problem.space.xp
        for kernel in kernels:
            new = not any(same_space(xp, kernel, other) for other in self.kernels)
            if 1 < kernel.shape[1] <= FEW_MISSING and new:
                self.kernels.append(kernel)
                self.attempts.append(0)

    def pending(self, directions: Array) -> dict[int, Array]:
        """A few kernels that hold more than the given directions, least tried first, of these the easiest."""
        xp = self.problem.space.xp
        if not self.kernels:
            return {}
        within = [xp.sum((k.T @ directions) ** 2, axis=0) > 1 - WITHIN for k in self.kernels]
        counts = to_host(xp.sum(xp.astype(xp.stack(within), xp.int64), axis=1)).tolist()
        unknown = [int(k.shape[1]) - count for k, count in zip(self.kernels, counts, strict=True)]
        open_ = [i for i, count in enumerate(unknown) if count and self.attempts[i] < SPLITS]
        chosen = sorted(open_, key=lambda i: (self.attempts[i], unknown[i]))[:OFFERED]
        return {i: self.kernels[i] for i in chosen}

    def mark_tried(self, numbers: tuple[int, ...]) -> None:
        """Note that a strategy has tried to split these kernels once more."""
        for i in numbers:
            self.attempts[i] += 1

    def unmixed(self, directions: Array) -> Array:
        """Directions, shape (b, k), without those that vanish on no more rows than all of a kernel does."""
        xp = self.problem.space.xp
        if not self.kernels or not directions.shape[1]:
            return directions
        mixed = in_shared_nullspace(self.problem, self.kernels, directions)
        return xp.take(directions, xp.nonzero(~mixed)[0], axis=1)

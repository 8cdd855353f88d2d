"""Enters: a `Problem` and what is solved. Leaves: directions of samples that stand alone in a row.

A row with one active sample *is* that sample up to scale, so its mask follows from the layer, and its
direction is the kernel of the rows that the mask excludes. Solved samples are taken out of the rows
first; the kernels themselves are always those of the original rows, so noise does not add up.
"""

from dataclasses import dataclass
from typing import ClassVar

from spear_xp.geometry.deflation import complement_of, remaining_activity
from spear_xp.geometry.nullspaces import CONFIRMING
from spear_xp.numerics.backend import to_host
from spear_xp.numerics.linalg import kernel_work, normalize, weighted_kernels
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import KeepGoing, calls, forever, product
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.strategies.base import nothing

__all__ = ["Peeling"]

CLEAR = 20.0  # chosen: size of a row's remainder over its noise, below which it is empty; lower lets noise in
CALLS = 110  # measured: calls on arrays of a chunk, however small (lab.md, "Turns beyond their count")


@dataclass(frozen=True, slots=True)
class Peeling:
    """Rows of the remainder taken as samples, the least active first.

    Attributes
    ----------
    rows : int
        Least active rows in a chunk, and as many others.
    """

    rows: int = 64
    name: str = "peeling"
    uses_layer: ClassVar[bool] = True
    whole_masks: ClassVar[bool] = True

    def propose(
        self,
        problem: Problem,
        known: Known,
        seed: int,  # noqa: ARG002
        chunk: int,
        *,
        keep_going: KeepGoing = forever,
    ) -> Proposals:
        """Directions of the masks of some rows; nothing is drawn at random."""
        space = problem.space
        xp, b = space.xp, problem.rank
        rest = problem.rows - known.coefficients @ known.duals.T
        size = xp.sqrt(xp.sum((rest * problem.singular_values) ** 2, axis=1))
        scale = rest @ problem.last
        full = (size > CLEAR * problem.noise_level * b**0.5) & (xp.abs(scale) > CLEAR * problem.noise_level)
        full = full & complement_of(problem, known).full
        order = to_host(xp.argsort(remaining_activity(problem, rest)))
        order = order[to_host(full)[order]]
        if not len(order):
            return nothing(problem)
        # The least active rows are looked at every time, since what is solved changes them; others in turns.
        turn = chunk % max(1, -(-(len(order) - self.rows) // self.rows))
        chosen = [*order[: self.rows], *order[self.rows * (turn + 1) : self.rows * (turn + 2)]]
        index = space.indices(chosen)
        duals = (xp.take(rest, index, axis=0) / xp.take(scale, index)[:, None]).T
        z = problem.layer @ duals
        plausible = xp.sum(xp.astype(z < 0, xp.int64), axis=0) >= b + CONFIRMING
        if problem.dead_layer.shape[0]:
            middle = upper_median(xp, xp.abs(z))
            plausible = plausible & xp.all(problem.dead_layer @ duals < 0.01 * middle, axis=0)
        keep = xp.nonzero(plausible)[0]
        z = xp.take(z, keep, axis=1)
        work = product(problem.width, b, int(index.shape[0])) + calls(CALLS)
        if not z.shape[1]:
            return nothing(problem, work=work)
        kernels = weighted_kernels(xp, problem.balanced, xp.astype(z < 0, space.dtype), keep_going)
        work += kernel_work(problem.width, b, z.shape[1])
        return Proposals(normalize(xp, problem.unbalance @ kernels), int(index.shape[0]), work)

"""Enters: a `Problem` and kernels that several samples share. Leaves: the directions within them.

Samples with almost the same mask are all inactive on the same many rows, whose kernel then has one
dimension for each of them. Descent ends anywhere in that kernel; within it, the few rows on which the
masks differ decide, and the problem has a handful of dimensions only. These rows are next to the
boundary of the mask that the samples have in common, which a hyperplane shows.
"""

from dataclasses import dataclass
from typing import ClassVar

from spear_xp.geometry.directions import SAME_DIRECTION, WITHIN, in_span
from spear_xp.geometry.nullspaces import BEYOND_CHANCE
from spear_xp.numerics.backend import Array, Namespace, Space, to_host
from spear_xp.numerics.classifiers import hyperplanes
from spear_xp.numerics.elimination import random_kernels
from spear_xp.numerics.irls import sharpen, sharpening_work
from spear_xp.numerics.linalg import balance, normalize, outside
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.work import KeepGoing, calls, elementwise, forever, product
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.strategies.base import nothing
from spear_xp.strategies.descent import descend

__all__ = ["Splitting"]

SMALL = 1e-3  # chosen: |cos| of a row and a kernel of a few others, below which that seems to vanish on it
ELIMINATION = 6  # measured: elementwise passes over each entry of a subset (lab.md, "Counted work")
CLEAR = 30.0  # chosen: size of a row within the kernel over its noise, from which it says something


@dataclass(frozen=True, slots=True)
class Splitting:
    """Descents within the kernels that several samples share.

    Attributes
    ----------
    steps : int
        Steps of a descent.
    starts : int
        Starts of descents, for each dimension of a kernel.
    anywhere : int
        Dimension up to which any rows may be used, and not only those next to the boundary.
    next_to : tuple of int
        Rows next to the boundary, for each dimension, in turns.
    margin_steps : int
        Steps towards the hyperplane between the rows of a mask, which tells where the boundary is.
    few_subsets, many_subsets : int
        Row subsets whose kernels are looked at, up to that dimension and beyond it.
    best : int
        Most of these kernels that stay, for each dimension.
    """

    steps: int = 90
    starts: int = 6
    anywhere: int = 4
    next_to: tuple[int, ...] = (6, 12)
    margin_steps: int = 80
    few_subsets: int = 2048
    many_subsets: int = 16384
    best: int = 6
    name: str = "splitting"
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
        """Sparse directions of the kernels that hold some that are not known yet."""
        space = problem.space
        xp = space.xp
        if not known.shared:
            return nothing(problem)
        parts = [nothing(problem).directions]
        margins = _margins(problem, tuple(known.shared.values()), self.margin_steps)
        work = self.margin_steps * 2 * product(problem.width, problem.rank, len(known.shared), double=False)
        for k, kernel in enumerate(known.shared.values()):
            if not keep_going():
                break
            d = kernel.shape[1]
            work += product(problem.width, problem.rank, d)
            inside = problem.rows @ kernel
            size = xp.sqrt(xp.sum(inside**2, axis=1))
            rows = xp.nonzero(size > CLEAR * xp.max(problem.noise_of(kernel)))[0]
            contained = in_span(xp, kernel, known.directions)
            if rows.shape[0] < 2 * d or contained.shape[1] >= d:
                continue
            ranking = xp.argsort(xp.take(margins[:, k], rows))
            near = xp.take(rows, ranking[: self.next_to[chunk % len(self.next_to)] * d], axis=0)
            for chosen in (near, rows) if d <= self.anywhere else (near,):
                balanced, change = balance(xp, xp.take(inside, chosen, axis=0))
                found = self._within(space, balanced, change, kernel.T @ contained, seed, chunk)
                parts.append(_sparse(problem, rows, normalize(xp, kernel @ found), d, contained))
                work += self._work(int(chosen.shape[0]), d)
                work += product(problem.width, problem.rank, self.best * d)
        drawn = sum(int(part.shape[1]) for part in parts)
        return Proposals(xp.concat(parts, axis=1), drawn, work, tuple(known.shared))

    def _subsets(self, d: int) -> int:
        return self.many_subsets if d > self.anywhere else self.few_subsets

    def _work(self, count: int, d: int) -> float:
        """Multiply-adds of the descents and subsets within one kernel of dimension d, on so many rows."""
        starts, subsets = self.starts * d, self._subsets(d)
        descents = self.steps * (2 * product(count, d, starts, double=False) + elementwise(count * starts, 3))
        sampled = elementwise(subsets * d**3 / 3, ELIMINATION) + elementwise(count * subsets, 3)
        sampled += product(count, d, subsets) + calls(10 * self.steps + 500)
        return descents + sharpening_work(count, d, starts) + sampled

    def _within(self, space: Space, rows: Array, change: Array, known: Array, seed: int, chunk: int) -> Array:
        """Sparse directions of some rows, by descent and by subsets of them, shape (d, s)."""
        xp, (count, d) = space.xp, rows.shape
        if count < d + BEYOND_CHANCE:
            return rows.T[:, :0]
        avoid = xp.linalg.qr(xp.linalg.solve(change, known)).Q if known.shape[1] else None
        scaled = rows * (d / count) ** 0.5
        drawn = space.normal(generator(seed, Stream.SPLITTING, chunk), (d, self.starts * d))
        starts = normalize(xp, outside(avoid, drawn))
        quick = [None if a is None else xp.astype(a, xp.float32) for a in (scaled, starts, avoid)]
        end = descend(xp, quick[0], None, quick[1], avoid=quick[2], steps=self.steps)
        end = sharpen(xp, scaled, normalize(xp, xp.astype(end, space.dtype)))
        return change @ xp.concat([end, self._sampled(space, rows, seed, chunk)], axis=1)

    def _sampled(self, space: Space, rows: Array, seed: int, chunk: int) -> Array:
        """Those kernels of d - 1 among some rows, (r, d), that vanish on some more, best first; (d, s)."""
        xp, d = space.xp, rows.shape[1]
        stream = Stream.SPLITTING_SUBSETS
        kernels = random_kernels(space, rows, self._subsets(d), stream=stream, seed=seed, chunk=chunk)
        kernels = normalize(xp, kernels)
        small = xp.abs(normalize(xp, rows, axis=1) @ kernels) < SMALL
        counts = xp.sum(xp.astype(small, xp.int64), axis=0)
        order = xp.argsort(-counts, stable=True)[: self.few_subsets]
        return _distinct(xp, xp.take(kernels, order, axis=1), self.best * d)


def _margins(problem: Problem, kernels: tuple[Array, ...], steps: int) -> Array:
    """Margins of rows from the boundary of the mask that the samples of a kernel share, shape (m_live, k)."""
    xp = problem.space.xp
    zero = xp.stack([xp.all(problem.zeros_of(kernel), axis=1) for kernel in kernels], axis=1)
    one = xp.ones(zero.shape, dtype=xp.float32, device=problem.space.device)
    basis = xp.astype(problem.layer_basis, xp.float32)
    return hyperplanes(xp, basis, xp.where(zero, -one, one), one, steps)


def _distinct(xp: Namespace, directions: Array, most: int) -> Array:
    """The first so many of the unit vectors, shape (d, s), that are not parallel to those before."""
    found: list[int] = []
    host = to_host(directions)
    left = to_host(range(host.shape[1]))
    while len(left) and len(found) < most:
        found.append(int(left[0]))
        left = left[abs(host[:, left[0]] @ host[:, left]) < 1 - SAME_DIRECTION]
    return xp.take(directions, xp.asarray(found, dtype=xp.int64, device=directions.device), axis=1)


def _sparse(problem: Problem, rows: Array, directions: Array, dimension: int, known: Array) -> Array:
    """Distinct directions that vanish on more rows than any vector of the kernel could, sparsest first."""
    xp = problem.space.xp
    if known.shape[1]:  # mixtures of known directions can be sparser than one that is missing
        span = xp.linalg.qr(known).Q
        new = xp.sum((span.T @ directions) ** 2, axis=0) < 1 - WITHIN
        directions = xp.take(directions, xp.nonzero(new)[0], axis=1)
    zero = xp.take(problem.zeros_of(directions), rows, axis=0)
    counts = to_host(xp.sum(xp.astype(zero, xp.int64), axis=0))
    order = (-counts).argsort(kind="stable")
    order = order[counts[order] >= dimension - 1 + BEYOND_CHANCE]
    best = xp.take(directions, problem.space.indices(order), axis=1)
    return _distinct(xp, best, dimension + 1)

"""Enters: nothing. Leaves: what a strategy is, what it may know, and what it hands back.

A search is a sequence of chunks (problem, known, seed, chunk number) -> proposals. A chunk depends on
nothing else, so any number of workers finds the same directions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from spear_xp.numerics.backend import Array
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.reduction.problem import Problem

__all__ = ["Known", "Proposals", "Strategy"]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What the search has found so far, for strategies that look elsewhere or build on it.

    Attributes
    ----------
    directions : array, shape (b, k)
        Unit directions of the pool.
    coefficients : array, shape (m_live, k)
        `rows @ directions`, exactly zero on their zero rows.
    duals : array, shape (b, k)
        Duals with p_k · q_k = 1; zero columns where unknown.
    solved : tuple of bool, length k
        Which of them have a dual.
    shared : mapping of int to array, shape (b, d) each
        Kernels of rows that exclude several samples: each holds the directions of all of these. A few,
        which hold unknown directions, by their number.
    """

    directions: Array
    coefficients: Array
    duals: Array
    solved: tuple[bool, ...]
    shared: Mapping[int, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Directions that a strategy believes in; the screen decides.

    Attributes
    ----------
    directions : array, shape (b, k)
        Candidate directions, columns of unit norm; k may be zero.
    drawn : int
        Samples drawn (or starts made) to get them.
    work : float
        Multiply-adds spent on them, as `numerics.work` counts; 0 says that there was nothing to try.
    tried : tuple of int
        Numbers of the shared kernels that were split.
    """

    directions: Array
    drawn: int
    work: float
    tried: tuple[int, ...] = ()


class Strategy(Protocol):
    """Anything that proposes directions for a problem, chunk by chunk."""

    @property
    def name(self) -> str:
        """Name kept with its candidates."""
        ...

    @property
    def uses_layer(self) -> bool:
        """Whether it builds on the weights: zero patterns that no input can cause are then turned away."""
        ...

    @property
    def whole_masks(self) -> bool:
        """Whether it proposes kernels of whole masks, which are no mixtures by chance."""
        ...

    def propose(
        self,
        problem: Problem,
        known: Known,
        seed: int,
        chunk: int,
        *,
        keep_going: KeepGoing = forever,
    ) -> Proposals:
        """Directions of one chunk; a pure function of the first four arguments.

        Where a chunk may take longer than a tenth of a second it asks `keep_going` on the way, and hands back
        what it has when the answer is no.
        """
        ...

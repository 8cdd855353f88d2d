"""Enters: nothing. Leaves: what a strategy is, what it may know, and what it hands back.

A search is a sequence of chunks (problem, known, seed, chunk number) -> proposals. A chunk depends on
nothing else, so any number of workers finds the same directions.
"""

from dataclasses import dataclass
from typing import Protocol

from spear_xp.numerics.backend import Array
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
    shared : tuple of array, shape (b, d) each
        Kernels of rows that exclude several samples: each holds the directions of all of these. Only those
        that no strategy has split yet.
    """

    directions: Array
    coefficients: Array
    duals: Array
    solved: tuple[bool, ...]
    shared: tuple[Array, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Directions that a strategy believes in; the filter decides.

    Attributes
    ----------
    directions : array, shape (b, k)
        Candidate directions, columns of unit norm; k may be zero.
    drawn : int
        Samples drawn (or starts made) to get them.
    """

    directions: Array
    drawn: int


class Strategy(Protocol):
    """Anything that proposes directions for a problem, chunk by chunk."""

    @property
    def name(self) -> str:
        """Name kept with its candidates."""
        ...

    def propose(self, problem: Problem, known: Known, seed: int, chunk: int) -> Proposals:
        """Directions of one chunk; a pure function of its arguments."""
        ...

"""Enters: a direction. Leaves: it with its zero rows and where it came from; several of them as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

from spear_xp.numerics.backend import Array
from spear_xp.reduction.problem import Problem

__all__ = ["Candidate", "stacked_directions", "stacked_zeros"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A direction that was solved again on all of its zero rows and is unique there.

    Attributes
    ----------
    direction : array, shape (b,)
        Unit vector q with `rows @ q` a column of D up to scale.
    zero : array of bool, shape (m_live,)
        Rows on which it vanishes within the noise.
    zeros : int
        Their number.
    source : str
        Name of the strategy that proposed it.
    misfit : float
        Share of rows on which the best hyperplane contradicts the zero pattern, where it was asked for.
    """

    direction: Array
    zero: Array
    zeros: int
    source: str
    misfit: float = 0.0

    @classmethod
    def of(cls, problem: Problem, direction: Array, source: str, misfit: float = 0.0) -> "Candidate":
        """A unit direction with its zero rows."""
        xp, zero = problem.space.xp, problem.zeros_of(direction)
        return cls(direction, zero, int(xp.sum(xp.astype(zero, xp.int64))), source, misfit)


def stacked_directions(problem: Problem, candidates: Sequence[Candidate]) -> Array:
    """Directions of candidates as columns, shape (b, k)."""
    space = problem.space
    if not candidates:
        return space.xp.zeros((problem.rank, 0), dtype=space.dtype, device=space.device)
    return space.xp.stack([candidate.direction for candidate in candidates], axis=1)


def stacked_zeros(problem: Problem, candidates: Sequence[Candidate]) -> Array:
    """Zero patterns of candidates as columns, shape (m_live, k)."""
    space = problem.space
    if not candidates:
        return space.xp.zeros((problem.width, 0), dtype=space.xp.bool, device=space.device)
    return space.xp.stack([candidate.zero for candidate in candidates], axis=1)

"""Enters: sizes of arrays. Leaves: the work of an operation on them, in multiply-adds.

A search decides by counted work, never by seconds: the same seed then gives the same run on a busy machine.
One unit is a multiply-add of a large product of matrices in single precision. The weights say how many units
an operation of another kind takes as long as; they were measured once (docs/lab.md, "Counted work").
"""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "KeepGoing",
    "Meter",
    "OutOfTime",
    "ask",
    "calls",
    "decompositions",
    "elementwise",
    "forever",
    "product",
    "small_solves",
    "weighted_grams",
]

KeepGoing = Callable[[], bool]  # asked on the way by whatever may take long; False ends it with what there is

DOUBLE = 2.0  # measured: a multiply-add in double precision (lab.md, "Counted work")
ELEMENT = 16.0  # measured: one pass of an elementwise operation, for each entry (lab.md, "Counted work")
# measured: a multiply-add of a batch of weighted Gram matrices, formed by parts (lab.md, "Counted work")
GRAM = 2.0
SOLVE = 8.0  # measured: a multiply-add of a batch of small factorisations (lab.md, "Counted work")
SPECTRAL = 60.0  # measured: the same of singular value or eigenvalue decompositions (lab.md, "Counted work")
CALL = 1.5e5  # measured: one call on an array, however small: 3 microseconds (lab.md, "Counted work")


def forever() -> bool:
    """A `KeepGoing` that never ends anything."""
    return True


def calls(count: float) -> float:
    """What so many calls on arrays cost beside the work on their entries."""
    return CALL * count


def decompositions(m: int, d: int, count: float = 1) -> float:
    """Singular value decompositions of `count` matrices of shape (m, d), m >= d."""
    return SPECTRAL * m * d * d * count


def product(m: int, d: int, k: int, *, double: bool = True) -> float:
    """Of matrices of shapes (m, d) and (d, k)."""
    return (DOUBLE if double else 1.0) * m * d * k


def elementwise(entries: float, passes: int = 1) -> float:
    """Some passes over so many entries."""
    return ELEMENT * entries * passes


def weighted_grams(m: int, d: int, count: int) -> float:
    """Matrices rowsᵀ diag(w) rows, shape (d, d), of `count` weights of rows of shape (m, d)."""
    return GRAM * m * d * d * count


def small_solves(d: int, count: int) -> float:
    """Factorisations of `count` matrices of shape (d, d)."""
    return SOLVE * d**3 * count


class OutOfTime(Exception):  # noqa: N818 - no error: a search that is cut short keeps what it has
    """Raised on the way by what is worth nothing in part, when a `KeepGoing` says no."""


def ask(keep_going: KeepGoing) -> None:
    """Raise `OutOfTime` if the answer is no."""
    if not keep_going():
        raise OutOfTime


def _uncounted(work: float) -> None:
    """Nobody asks."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts work as it is done, where a part of it is worth nothing.

    Attributes
    ----------
    keep_going : callable
        Asked before each part.
    count : callable
        Told what each part takes, in multiply-adds.
    """

    keep_going: KeepGoing = forever
    count: Callable[[float], None] = _uncounted

    def spend(self, work: float) -> None:
        """Ask before a part of the work, then count it; raises `OutOfTime` where the answer is no."""
        ask(self.keep_going)
        self.count(work)

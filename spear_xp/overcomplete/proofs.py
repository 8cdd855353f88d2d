"""Enters: known points and an examination of the rows. Leaves: which points are certified, and why not.

A point that several rows agree on is a sample, or a mixture that stands for several on all of these rows. A
mixture can do so where the columns of D of its samples are proportional. Two things speak against it: the
rows that hold the point are just those on which its own mask is active, and no two other columns of D are
proportional.
"""

from dataclasses import dataclass

from spear_xp.numerics.backend import Host, to_host
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.overcomplete.examination import examine
from spear_xp.overcomplete.known import KnownPoints

__all__ = ["Proofs", "prove"]

ROWS = 3  # measured: rows that a sample needs (lab.md, "Tables")
ROWS_OF_FEW = 12  # measured: the same where a few pairs of columns are proportional (lab.md, "Tables")
PAIRS = 24  # measured: pairs of columns of which enough are told apart (lab.md, "Tables")
FEW = 0.05  # measured: share of proportional pairs up to which anything is certified (lab.md, "Tables")

HARDLY = "only {} rows hold it, and a certificate needs {}"
ABSENT = "{} rows do not hold it although its mask is active there: it is a mixture of several samples"
DEAD = "{} rows are zero although its mask is active there: it is a mixture of several samples"
UNTOLD = (
    "only {} pairs of samples show whether back-propagated gradients of different samples differ by more "
    "than a factor, and a certificate needs {}: where they do not, a mixture looks like a sample"
)
PROPORTIONAL = (
    "the back-propagated gradients of {} of {} pairs of samples differ by a factor only, as behind a single "
    "hidden layer with two classes: a mixture looks like a sample"
)


@dataclass(frozen=True, slots=True, eq=False)
class Proofs:
    """Points of an overcomplete problem, judged.

    Attributes
    ----------
    certified : NumPy array of bool, shape (k,)
    reasons : tuple of str
        Why a point is not certified; empty for those that are.
    rows : NumPy array of int, shape (k,)
        Rows that surely hold each point.
    unexplained : int
        Rows that hold samples that are not known.
    silent : int
        Rows on which so many points may be active that they tell nothing of others.
    """

    certified: Host
    reasons: tuple[str, ...]
    rows: Host
    unexplained: int
    silent: int

    @property
    def complete(self) -> bool:
        """Whether all points are certified and explain every row."""
        return bool(self.certified.all()) and len(self.reasons) > 0 and not self.unexplained


def prove(known: KnownPoints, keep_going: KeepGoing = forever) -> Proofs:
    """Certify points.

    Parameters
    ----------
    known : KnownPoints
    keep_going : callable
        Asked on the way; `OutOfTime` is raised when it says no.

    Returns
    -------
    Proofs
    """
    xp = known.problem.space.xp
    seen = examine(known, keep_going)
    holds, refutes = (to_host(xp.sum(xp.astype(x, xp.int64), axis=0)) for x in (seen.holds, seen.refutes))
    dead, apart = to_host(seen.dead), seen.proportional(xp)
    reasons = tuple(
        _reason(int(rows), int(against), int(zero), apart)
        for rows, against, zero in zip(holds, refutes, dead, strict=True)
    )
    return Proofs(
        certified=to_host([not reason for reason in reasons]).astype(bool),
        reasons=reasons,
        rows=holds,
        unexplained=int(xp.sum(xp.astype(seen.tested & ~seen.explained, xp.int64))),
        silent=int(xp.sum(xp.astype(~seen.tested, xp.int64))),
    )


def _reason(rows: int, against: int, dead: int, apart: tuple[int, int]) -> str:
    proportional, pairs = apart
    if dead:
        return DEAD.format(dead)
    if against:
        return ABSENT.format(against)
    if pairs < PAIRS:
        return UNTOLD.format(pairs, PAIRS)
    if proportional > FEW * pairs:
        return PROPORTIONAL.format(proportional, pairs)
    least = ROWS_OF_FEW if proportional else ROWS
    return "" if rows >= least else HARDLY.format(rows, least)

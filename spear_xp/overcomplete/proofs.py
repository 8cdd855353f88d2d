"""Enters: known points and an examination of the rows. Leaves: which points are certified, and why not.

A point that several rows agree on is a sample, or a mixture that stands for several on all of these rows,
because their columns of D are proportional there. Three things speak against it. The rows that hold the point
are just those on which its own mask is active. Rows next to the boundary of that mask would show which of two
near-twins is active on them. And other columns of D are not proportional.
"""

from dataclasses import dataclass

from spear_xp.numerics.backend import Host, to_host
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.overcomplete.examination import examine
from spear_xp.overcomplete.known import KnownPoints

__all__ = ["ABSENT", "ACCURACY", "BARS", "DEAD", "FEW", "HARDLY", "PAIRS", "ROWS", "Proofs", "prove"]

ROWS = 3  # measured: rows that a sample needs (lab.md, "Tables")
ROWS_OF_FEW = 12  # measured: the same where a few pairs of columns are proportional (lab.md, "Tables")
ACCURACY = 1e-2  # derived: relative error of a sample that would make a certificate false
LARGE = 1e30  # cosmetic: keeps products with zero finite
BARS = 6.0  # derived: error bars that an error may have
PAIRS = 24  # measured: pairs of columns of which enough are told apart (lab.md, "Tables")
# chosen: rows that hold a point, of the dimension, from which they alone can tell that it is no mixture, and
# how many more may be unexplained
WHOLE, OPEN = 2.0, 2e-3
CHANCE = 4.0  # chosen: standard deviations of a number of rows above what chance explains
FEW = 0.05  # measured: share of proportional pairs up to which anything is certified (lab.md, "Tables")

HARDLY = "only {} rows hold it, and a certificate needs {}"
ABSENT = "{} rows do not hold it although its mask is active there: it is a mixture of several samples"
DEAD = "{} rows are zero although its mask is active there: it is a mixture of several samples"
BLURRED = (
    "too few rows next to the boundary of its mask show that it is no mean of two near-twins: it could be "
    "off by {:.1%}, and a certificate needs {:.0%}"
)
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
    error_bars : NumPy array, shape (k,)
        Standard deviation of an entry of each sample; for certified ones with a sixth of the error that a
        near-twin would cause unseen.
    rows : NumPy array of int, shape (k,)
        Rows that surely hold each point, without copies.
    exact : bool
        Whether the error that near-twins would cause is below 1 %.
    unexplained : int
        Rows that hold samples that are not known.
    silent : int
        Rows on which so many points may be active that they tell nothing of others.
    """

    certified: Host
    reasons: tuple[str, ...]
    error_bars: Host
    rows: Host
    exact: bool
    unexplained: int
    silent: int

    @property
    def complete(self) -> bool:
        """Whether all points are certified and explain every row."""
        return bool(self.certified.all()) and len(self.reasons) > 0 and not self.unexplained


def prove(known: KnownPoints, keep_going: KeepGoing = forever, *, accuracy: float = ACCURACY) -> Proofs:
    """Certify points.

    Parameters
    ----------
    known : KnownPoints
    keep_going : callable
        Asked on the way; `OutOfTime` is raised when it says no.
    accuracy : float
        Relative error up to which a sample is certified.

    Returns
    -------
    Proofs
    """
    xp = known.problem.space.xp
    seen, first = examine(known, keep_going), known.problem.first[:, None]
    holds, refutes = (
        to_host(xp.sum(xp.astype(x, xp.int64), axis=0)) for x in (seen.holds & first, seen.refutes)
    )
    dead, apart = to_host(seen.dead), seen.proportional(xp)
    whole, doubtful, untested, hidden = (
        to_host(x) for x in (seen.whole, seen.doubtful, seen.untested, seen.hidden)
    )
    closed = (whole >= WHOLE * known.problem.dimension) & (doubtful < OPEN * whole)
    closed = closed & (untested <= whole)  # rows that tell nothing do not tell twins apart
    # in a batch without quiet rows each sample is on hundreds of them, and now and then its share is tiny
    refutes = refutes * ~(closed & (refutes < hidden + CHANCE * hidden**0.5))
    inputs = known.problem.inputs(known.points)
    blur = to_host(seen.blur / xp.sqrt(xp.mean(inputs**2, axis=1)))
    reasons = tuple(
        _reason(
            int(holds[k]), int(refutes[k]), int(dead[k]), float(blur[k]), apart, bool(closed[k]), accuracy
        )
        for k in range(known.count)
    )
    bars = to_host(xp.sqrt(known.input_bars**2 + (seen.blur / BARS) ** 2))
    certified = to_host([not reason for reason in reasons]).astype(bool)
    return Proofs(
        certified=certified,
        reasons=reasons,
        error_bars=to_host(known.input_bars) * ~certified + bars.clip(max=LARGE) * certified,
        rows=holds,
        exact=bool((blur < ACCURACY).all()),
        unexplained=int(xp.sum(xp.astype(seen.tested & ~seen.explained, xp.int64))),
        silent=int(xp.sum(xp.astype(~seen.tested, xp.int64))),
    )


def _reason(
    rows: int,
    against: int,
    dead: int,
    blur: float,
    apart: tuple[int, int],
    closed: bool = False,
    accuracy: float = ACCURACY,
) -> str:
    proportional, pairs = (0, PAIRS) if closed else apart
    if dead:
        return DEAD.format(dead)
    if against:
        return ABSENT.format(against)
    if pairs < PAIRS:
        return UNTOLD.format(pairs, PAIRS)
    if proportional > FEW * pairs:
        return PROPORTIONAL.format(proportional, pairs)
    least = ROWS_OF_FEW if proportional else ROWS
    if rows < least:
        return HARDLY.format(rows, least)
    return "" if blur < accuracy else BLURRED.format(min(blur, 1.0), accuracy)

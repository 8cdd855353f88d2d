"""Enters: a matrix of which entries are known, and a start. Leaves: factors of low rank that fit these.

Alternating least squares: each row of one factor is solved from the known entries of its row, with the other
factor held, and in turns.
"""

from dataclasses import dataclass
from typing import NamedTuple

from spear_xp.numerics.backend import Array, Space
from spear_xp.numerics.work import DOUBLE, Meter, elementwise, product, small_solves

__all__ = [
    "UNRIDGED",
    "Entries",
    "Fit",
    "alternate",
    "amplification",
    "grams",
    "leverages",
    "solve",
    "sweep_work",
]

FIRST_RIDGE, LAST_RIDGE, FALL = 0.1, 1e-7, 0.5  # measured: (lab.md, "Missing entries")
UNRIDGED = 1e-12  # derived: a ridge without a part in the last digits
# measured: extrapolation of the next factor (lab.md, "Missing entries")
TRUST, GROWTH, MOST = 0.05, 1.05, 0.95
# chosen: relative change of the misfit, and sweeps of it, after which it has settled
STILL, STILL_FOR = 1e-3, 3
SWEEPS = 200  # chosen: most sweeps; 60 suffice where the entries determine the rest
BELOW = 0.01  # chosen: share of the misfit, below which a ridge has no part in it
# chosen: rounding units of the trace that keep a matrix of too few entries from being singular
DEFINITE = 16.0


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """A matrix of which some entries are known.

    Attributes
    ----------
    space : Space
    values : array, shape (m, n)
        Zero where an entry is not known.
    known : array, shape (m, n)
        1 where it is, else 0, in the working dtype.
    """

    space: Space
    values: Array
    known: Array

    @classmethod
    def of(cls, space: Space, values: Array, known: Array) -> "Entries":
        """From values and a boolean mask."""
        xp = space.xp
        return cls(space, xp.where(known, values, xp.zeros_like(values)), xp.astype(known, space.dtype))

    @property
    def transposed(self) -> "Entries":
        """Columns as rows."""
        return Entries(self.space, self.values.T, self.known.T)

    def part(self, rows: Array, columns: Array) -> "Entries":
        """Some rows and columns."""
        xp = self.space.xp
        both = (xp.take(xp.take(one, rows, axis=0), columns, axis=1) for one in (self.values, self.known))
        return Entries(self.space, *both)

    def misfit(self, left: Array, right: Array) -> Array:
        """What a product left @ right.T leaves of the known entries, zero elsewhere."""
        return self.values - (left @ right.T) * self.known


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Factors, and how well their product fits.

    Attributes
    ----------
    left, right : array, shape (m, r) and (n, r)
    misfit : float
        Root mean square over the known entries.
    """

    left: Array
    right: Array
    misfit: float

    @property
    def rank(self) -> int:
        """Columns of each factor."""
        return int(self.left.shape[1])


class _Pairs(NamedTuple):
    """Which pairs i <= j of the columns of a factor a symmetric matrix needs, and where each stands in it."""

    first: list[int]
    second: list[int]
    whole: list[int]

    @classmethod
    def of(cls, rank: int) -> "_Pairs":
        pairs = [(i, j) for i in range(rank) for j in range(i, rank)]
        place = {pair: k for k, pair in enumerate(pairs)}
        whole = [place[min(i, j), max(i, j)] for i in range(rank) for j in range(rank)]
        return cls([i for i, _ in pairs], [j for _, j in pairs], whole)

    def products(self, space: Space, factor: Array) -> Array:
        """Products of each pair of columns, shape (n, pairs)."""
        xp = space.xp
        first, second = (xp.take(factor, space.indices(one), axis=1) for one in (self.first, self.second))
        return first * second


def grams(entries: Entries, factor: Array) -> Array:
    """Matrices Σ f_j f_jᵀ over the known entries j of each row, shape (m, r, r)."""
    space, rank = entries.space, int(factor.shape[1])
    pairs = _Pairs.of(rank)
    sums = entries.known @ pairs.products(space, factor)
    return space.xp.reshape(space.xp.take(sums, space.indices(pairs.whole), axis=1), (-1, rank, rank))


def solve(space: Space, gram: Array, right: Array, ridge: float = 0.0) -> Array:
    """Rows x with (gram + ridge) x = right, shape (m, r), of matrices (m, r, r) that may be singular."""
    return space.xp.linalg.solve(_shifted(space, gram, ridge), right[:, :, None])[:, :, 0]


def amplification(space: Space, gram: Array) -> Array:
    """How much larger the error of a solved row is than with all entries known, shape (m,).

    Of the worst combination of orthonormal columns: 1/√ of the least eigenvalue of their matrix over these.
    """
    xp = space.xp
    return 1 / xp.sqrt(xp.minimum(xp.maximum(xp.linalg.eigvalsh(gram)[:, 0], space.eps**2), 1.0))


def leverages(entries: Entries, factor: Array) -> Array:
    """Variance of each entry of a solved row in units of that of a known one, shape (m, n)."""
    space, rank = entries.space, int(factor.shape[1])
    xp, pairs = space.xp, _Pairs.of(rank)
    inverted = xp.reshape(xp.linalg.inv(_shifted(space, grams(entries, factor), 0.0)), (-1, rank * rank))
    upper = [i * rank + j for i, j in zip(pairs.first, pairs.second, strict=True)]
    twice = space.asarray([1.0 if i == j else 2.0 for i, j in zip(pairs.first, pairs.second, strict=True)])
    return (xp.take(inverted, space.indices(upper), axis=1) * twice) @ pairs.products(space, factor).T


def _shifted(space: Space, gram: Array, ridge: float) -> Array:
    xp = space.xp
    eye = xp.eye(gram.shape[1], dtype=gram.dtype, device=space.device)
    tiny = float(xp.finfo(gram.dtype).smallest_normal)
    shift = ridge + DEFINITE * space.eps * xp.sum(gram * eye, axis=(1, 2)) + tiny
    return gram + shift[:, None, None] * eye


def _solved(entries: Entries, factor: Array, ridge: float) -> Array:
    return solve(entries.space, grams(entries, factor), entries.values @ factor, ridge)


def alternate(
    entries: Entries,
    right: Array,
    meter: Meter,
    *,
    ridge: float = FIRST_RIDGE,
    least: float = LAST_RIDGE,
    sweeps: int = SWEEPS,
) -> Fit:
    """Sweeps of alternating least squares until the misfit has settled.

    Parameters
    ----------
    entries : Entries
        With a mean square of known entries near 1: ridges are in its units.
    right : array, shape (n, r)
        Start.
    meter : Meter
        Asked and told before each sweep.
    ridge, least : float
        First and last ridge; it halves with each sweep.
    sweeps : int
        Most sweeps.

    Returns
    -------
    Fit

    Notes
    -----
    The right factor goes on along its last step before the left one is solved, as long as the misfit falls.
    """
    xp, other = entries.space.xp, entries.transposed
    count = float(xp.sum(entries.known))
    before, step, last, still = right, 0.0, float("inf"), 0
    left = right[:0, :]
    for _ in range(sweeps):
        meter.spend(sweep_work(entries, int(right.shape[1])))
        ahead = right + step * (right - before)
        before = right
        left = _solved(entries, ahead, ridge)
        right = _solved(other, left, ridge)
        misfit = float(xp.sqrt(xp.sum(entries.misfit(left, right) ** 2) / count))
        step = 0.0 if misfit > last else min(MOST, TRUST + GROWTH * step)
        settled = ridge <= max(least, BELOW * misfit) and abs(last - misfit) <= STILL * misfit
        still, last = (still + 1 if settled else 0), misfit
        if still >= STILL_FOR:
            break
        ridge = max(FALL * ridge, least)
    return Fit(left, right, last)


def sweep_work(entries: Entries, rank: int) -> float:
    """Multiply-adds of one sweep over both factors."""
    m, n = entries.values.shape
    both = product(m, n, rank * (rank + 1)) + small_solves(rank, m + n)
    return float(both + DOUBLE * 3 * m * n * rank + elementwise(m * n, 4))

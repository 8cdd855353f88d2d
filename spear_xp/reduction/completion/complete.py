"""Enters: a `Gradient` of which some entries are missing, and which. Leaves: its factors, or None.

Only rows and columns of which enough came are taken: rows that are not determined are neither live nor dead,
and of columns that are not, nothing is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from spear_xp.numerics.backend import Array
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import Meter
from spear_xp.reduction.completion.alternating import Entries, amplification, grams, solve, sweep_work
from spear_xp.reduction.completion.held_out import WORST, Confirmed, confirmed
from spear_xp.reduction.completion.rank import SMALLEST, SPARE
from spear_xp.reduction.factorization import Factorization
from spear_xp.reduction.gradient import NEGLIGIBLE, Gradient
from spear_xp.reduction.noise import is_additive

__all__ = ["Completion", "complete"]

UNMETERED = Meter()  # of those who only want the answer

# chosen: known entries of a row, at least and of the number of rows, that the rank and the left factor are
# first found from; more take longer, fewer tell less of large batches
KNOWN, KNOWN_SHARE = 128, 1 / 3
PASSES = 2  # chosen: sweeps over all columns, each of which may determine more rows, and these more columns
REDUNDANT = 1.1  # chosen: known entries for each free number of the factors, below which they confirm nothing


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    """A gradient with its missing entries completed.

    Attributes
    ----------
    gradient : Gradient
        With rows that are determined as live ones, or as dead ones if all that came of them is zero, and the
        columns that are not.
    factorization : Factorization
        Of it, with the noise that completed entries carry.
    share : float
        Share of the entries that are known.
    undetermined : int
        Rows that are neither live nor dead, because too little of them came.
    surprise : float
        Error of held-out entries in units of that expected.
    """

    gradient: Gradient
    factorization: Factorization
    share: float
    undetermined: int
    surprise: float


def complete(
    gradient: Gradient, known: Array, batch_size: int | None = None, *, meter: Meter = UNMETERED
) -> Completion | None:
    """Complete the extended gradient [grad_w | grad_b] from the entries that are known.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient; what it holds where entries are not known does not matter.
    known : array of bool, shape (m, n + 1)
        True where an entry is as the client computed it; the last column is that of grad_b.
    batch_size : int, optional
        Rank that is tried first.
    meter : Meter
        Asked and told before each sweep and each block of columns.

    Returns
    -------
    Completion or None
        None where no low rank predicts what was held out.

    Raises
    ------
    OutOfTime
        If the meter says that it is enough.

    Notes
    -----
    Alternating least squares (Jain, Netrapalli, Sanghavi 2013) on the columns of which most is known; more
    sweeps take all. A row solved on known entries K has up to 1/√λ times the noise of a whole one, λ the
    least eigenvalue of V_KᵀV_K over orthonormal columns V; so have columns. Where this is more than 100, a
    row or column is not determined.

    References
    ----------
    .. [1] P. Jain, P. Netrapalli, S. Sanghavi, "Low-rank matrix completion using alternating minimization",
       STOC 2013.
    """
    xp = gradient.space.xp
    if not gradient.scaled:  # the zeros that stand for a bias gradient are all known
        last = xp.arange(gradient.columns, device=gradient.space.device) == gradient.columns - 1
        known, gradient = known | last, replace(gradient, filled=gradient.filled | last)
    counts = xp.sum(xp.astype(known & gradient.filled, xp.int64), axis=1)
    rows = xp.nonzero((counts >= SMALLEST + SPARE) & (gradient.norms > 0))[0]
    if rows.shape[0] <= SMALLEST or not bool(xp.any(known[:, -1])):
        return None
    part, unit = _best_known(gradient, known, rows)
    found = confirmed(part, gradient.roundoff, batch_size, meter)
    if found is None:
        return None
    whole = _Whole(gradient, known, unit, meter)
    return _finished(whole, found, xp.take(rows, found.rows), batch_size)


def _best_known(gradient: Gradient, known: Array, rows: Array) -> tuple[Entries, float]:
    """Columns of which most is known, that of the bias last, at a mean square of 1; and their unit."""
    space, n = gradient.space, int(gradient.grad_w.shape[1])
    xp = space.xp
    known = xp.take(known, rows, axis=0) & gradient.filled
    counts = xp.sum(xp.astype(known[:, :n], xp.int64), axis=0)
    wanted = max(KNOWN, KNOWN_SHARE * rows.shape[0]) * rows.shape[0]
    best = xp.argsort(counts, descending=True, stable=True)
    enough = xp.cumulative_sum(xp.take(counts, best)) < wanted
    some = 1 + min(int(xp.sum(xp.astype(one, xp.int64))) for one in (enough, counts > SMALLEST))
    best = best[: min(some, n)]
    weights = xp.take(xp.take(gradient.grad_w, best, axis=1), rows, axis=0)
    values = xp.concat([weights, xp.take(gradient.grad_b, rows)[:, None]], axis=1)
    which = xp.concat([xp.take(known, best, axis=1), known[:, n:]], axis=1)
    entries = Entries.of(space, xp.astype(values, space.dtype), which)
    unit = float(xp.sqrt(xp.sum(entries.values**2) / xp.sum(entries.known)))
    return replace(entries, values=entries.values / unit), unit


class _Whole(NamedTuple):
    """A gradient with all of its columns, in blocks."""

    gradient: Gradient
    known: Array
    unit: float
    meter: Meter

    def blocks(self, rows: Array, rank: int) -> Iterator[tuple[int, int, Entries]]:
        """Blocks of columns of some rows."""
        xp, gradient = self.gradient.space.xp, self.gradient
        for start, stop, block in replace(gradient, live=rows).blocks():
            known = xp.take(self.known[:, start:stop], rows, axis=0)
            entries = Entries.of(gradient.space, block / self.unit, known)
            self.meter.spend(sweep_work(entries, rank) / 2)  # of one factor
            yield start, stop, entries

    def right(self, rows: Array, left: Array) -> tuple[Array, Array]:
        """The right factor, shape (n + 1, r), zero where it is not determined; and where it is."""
        space, found, amplified = self.gradient.space, [], []
        xp = space.xp
        basis, triangle = xp.linalg.qr(left)
        for *_, block in self.blocks(rows, int(left.shape[1])):
            gram = grams(block.transposed, basis)
            found.append(solve(space, gram, block.values.T @ basis))
            amplified.append(amplification(space, gram))
        noise = xp.concat(amplified)
        turned = xp.linalg.solve(triangle, xp.concat(found, axis=0).T).T
        return xp.where((noise < WORST)[:, None], turned, xp.zeros_like(turned)), noise

    def left(self, rows: Array, basis: Array) -> tuple[Array, Array]:
        """The left factor for orthonormal columns, shape (n + 1, r), and the noise of its rows."""
        space = self.gradient.space
        gram = right = 0.0
        for start, stop, block in self.blocks(rows, int(basis.shape[1])):
            gram = gram + grams(block, basis[start:stop, :])
            right = right + block.values @ basis[start:stop, :]
        return solve(space, gram, right), amplification(space, gram)

    def rest(
        self, rows: Array, left: Array, basis: Array, columns: Array
    ) -> tuple[Array, Array, Array, Array]:
        """Squares of what is left of known entries, summed over each row, and how many; those of grad_b."""
        xp, squares, counts = self.gradient.space.xp, 0.0, 0.0
        last = known = rows
        for start, stop, block in self.blocks(rows, 1):
            on = block.known * xp.astype(columns[start:stop], block.known.dtype)
            rest = (block.misfit(left, basis[start:stop, :]) * on) ** 2
            squares, counts = squares + xp.sum(rest, axis=1), counts + xp.sum(on, axis=1)
            last, known = rest[:, -1], on[:, -1]  # grad_b comes last
        return squares, counts, last, known


class _Determined(NamedTuple):
    """What is determined, as left @ basis.T, and its noise in units of that of known entries."""

    rows: Array
    left: Array
    of_rows: Array
    basis: Array
    of_columns: Array
    dead: Array
    open: int


def _finished(whole: _Whole, found: Confirmed, rows: Array, batch_size: int | None) -> Completion | None:
    """All rows and columns that are determined, their factors and their noise; None without grad_b."""
    part = _determined(whole, rows, found.fit.left)
    if part is None:
        return None
    space, rank = whole.gradient.space, found.fit.rank
    xp, columns = space.xp, part.of_columns < WORST
    squares, counts, last, known = whole.rest(part.rows, part.left, part.basis, columns)
    free = rank * (part.rows.shape[0] + int(xp.sum(xp.astype(columns, xp.int64))) - rank)
    total = float(xp.sum(counts))
    if not bool(columns[-1]) or total < REDUNDANT * free:
        return None
    norms = xp.sqrt(xp.sum(part.left * part.left, axis=1))
    additive = is_additive(norms, xp.sqrt(squares / counts))
    scale = xp.ones_like(norms) / upper_median(xp, norms) if additive else 1 / norms
    squares, last = scale * scale * squares, scale * scale * last
    sigma = max(float(xp.sqrt(xp.sum(squares) / (total - free))), 4 * space.eps)
    own = xp.sqrt(squares / xp.maximum(counts - rank, 1.0)) / sigma  # of each row in units of it
    of_bias = float(xp.sqrt(xp.sum(last) / xp.maximum(xp.sum(known) - rank, 1.0)))
    wide = float(xp.sqrt(xp.mean(part.of_columns[columns] ** 2)))
    # Rows of which less came carry more noise: scaled down by that they carry as much as all others.
    scale = scale / xp.maximum(xp.maximum(own, 1.0) * part.of_rows / wide, 1.0)
    u, values, mix = xp.linalg.svd(part.left * scale[:, None], full_matrices=False)
    lost = xp.nonzero(~columns[:-1])[0]
    known = {"live": part.rows, "dead": part.dead}
    if lost.shape[0]:  # which inputs a row of zeros denies is open then
        known = {"live": part.rows, "dead": part.dead[:0], "lost": lost}
    return Completion(
        gradient=replace(whole.gradient, **known),
        factorization=Factorization(
            left=u,
            singular_values=values,
            right=mix @ part.basis.T,
            scale=scale / whole.unit,
            noise_level=found.surprise * wide * sigma,
            row_noise=xp.ones_like(scale),
            bias_noise=found.surprise * float(part.of_columns[-1]) * max(of_bias, sigma),
            noise_model="additive" if additive else "relative",
            numerical_rank=rank,
            expected=batch_size,
            spectrum=values,
        ),
        share=float(xp.mean(xp.astype(whole.known, space.dtype))),
        undetermined=part.open,
        surprise=found.surprise,
    )


def _determined(whole: _Whole, rows: Array, left: Array) -> _Determined | None:
    """From some rows and their factor to all rows and columns."""
    space, rank = whole.gradient.space, int(left.shape[1])
    xp = space.xp
    everything = xp.arange(whole.gradient.grad_w.shape[0], dtype=xp.int64, device=space.device)
    found = None
    for _ in range(PASSES):
        right, of_columns = whole.right(rows, left)
        basis = xp.linalg.qr(right).Q
        of_all, noise = whole.left(everything, basis)
        sizes, sure = xp.sqrt(xp.sum(of_all * of_all, axis=1)), noise < WORST
        shown = sizes[sure & (sizes > 0)]
        if shown.shape[0] <= rank + SPARE:
            return None
        rows = xp.nonzero(sure & (sizes > NEGLIGIBLE * float(upper_median(xp, shown))))[0]
        left = xp.take(of_all, rows, axis=0)
        dead = xp.nonzero(sure & (sizes == 0))[0]
        open_ = int(xp.sum(xp.astype(~sure, xp.int64)))
        found = _Determined(rows, left, xp.take(noise, rows), basis, of_columns, dead, open_)
    return found

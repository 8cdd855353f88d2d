"""Enters: rows with one-hot groups, and known samples. Leaves: samples that rows with two unknown ones tell.

In one-hot columns that no known sample has, a row with two unknown ones shows the coefficient of one, of the
other, or the sum of both, in each group. So the categories of both are read off. Their numbers are not: a row
gives one equation for those of two samples. But a sample whose categories are known counts as known when the
next row is read, and rows whose samples all have known categories, as many as there are samples, give the
numbers of all of these at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from spear_xp.numerics.backend import Host, to_host
from spear_xp.numerics.work import KeepGoing, ask, calls, decompositions, forever
from spear_xp.overcomplete.clusters import LOUD
from spear_xp.overcomplete.known import UNSURE
from spear_xp.overcomplete.lattice.rows import BLOCKS, OneHotRows, solved
from spear_xp.overcomplete.peeling import FITS, SPARE
from spear_xp.overcomplete.problem import OvercompleteProblem

__all__ = ["Pairs", "Told"]

SPREADS = 3.0  # chosen: spreads of a number from its mean within which it may be
DETERMINED = 1e-3  # chosen: share of a sample that the equations for numbers may leave open
SINGULAR = 1e-5  # chosen: singular value of the equations for numbers, below which it is none
WIDER = 10.0  # measured: errors in units of those of least squares (lab.md, "Rows with two unknown samples")
WORTH = 1e-2  # chosen: error of a number in its spread, up to which a sample is worth something
FEW = 24  # chosen: entries of a row that unknown samples may show


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A sample, the errors of its entries, and a row that it is active on."""

    sample: Host
    errors: Host
    row: int


class Pairs:
    """Samples whose categories are known.

    Parameters
    ----------
    problem : OvercompleteProblem
    rows : OneHotRows
    samples : NumPy array, shape (k, n)
        Those that are known.
    bars : NumPy array, shape (k,)
        Their error bars.
    active : NumPy array of bool, shape (m_live, k)
        Where they may be active.
    usable : NumPy array of bool, shape (m_live,)
        Rows without other known samples.
    """

    def __init__(
        self,
        problem: OvercompleteProblem,
        rows: OneHotRows,
        samples: Host,
        bars: Host,
        active: Host,
        usable: Host,
    ) -> None:
        self.usable = usable
        self.problem, self.rows, self.bars = problem, rows, bars
        self.known = len(samples)
        self.samples, self.active = samples, active
        self.seen = np.full(len(samples), -1)  # a row that shows each
        numbers = problem.basis[problem.space.indices(rows.other), :]
        self._faint = SPREADS * np.linalg.norm(to_host(problem.layer @ numbers.T), axis=1)

    def tell(
        self, keep_going: KeepGoing = forever, count: Callable[[float], None] = lambda _: None
    ) -> list[Told]:
        """Samples that are whole now; `OutOfTime` is raised when `keep_going` says no."""
        new = True
        while new:
            new = False
            for row in self._promising():
                ask(keep_going)
                count(4 * decompositions(len(self.rows.hot), int(self.active[row].sum()) + 2) + calls(99))
                pair = self._read(row)
                if pair is not None and self._is_new(pair, row):
                    self._add(pair, row)
                    new = True
        return self._numbers(keep_going, count)

    def _promising(self) -> Host:
        """Rows that show a few entries in columns of no known sample, those with few known ones first."""
        numbers, hot = self.active.sum(axis=1), self.samples[:, self.rows.hot] != 0
        loud = np.abs(self.rows.categories) > LOUD * self.rows.noise[:, None]
        free = self.active.astype(np.float32) @ hot.astype(np.float32) == 0
        shown = (loud & free).sum(axis=1)
        fits = (
            self.usable
            & (self.rows.dimension - numbers - 2 >= SPARE)
            & (shown >= 2 * BLOCKS)
            & (shown <= FEW)
        )
        chosen = np.flatnonzero(fits)
        return chosen[np.argsort(numbers[chosen], kind="stable")]

    def _read(self, row: int) -> Host | None:
        """Categories of the two unknown samples of a row, shape (2, h); None where they do not show."""
        rows, noise = self.rows, self.rows.noise[row]
        values, known = rows.categories[row], self.samples[self.active[row]][:, rows.hot]
        free = ~(known != 0).any(axis=0) & (np.abs(values) > LOUD * noise)
        levels = _levels(values[free], 2 * UNSURE * noise)
        if not 2 <= len(levels) <= 3:
            return None
        for first, second in permutations(levels, 2):
            others = [one for one in levels if one not in {first, second}]
            if first < second or any(abs(one - first - second) > 3 * UNSURE * noise for one in others):
                continue
            pair = self._completed(row, known, np.asarray([first, second]), free)
            if pair is not None:
                return pair
        return None

    def _completed(self, row: int, known: Host, shares: Host, free: Host) -> Host | None:
        """Categories by two coefficients; what known samples hide from what these leave."""
        rows, values, noise = self.rows, self.rows.categories[row], self.rows.noise[row]
        parts = np.asarray([[1, 0], [0, 1], [1, 1]])
        near = np.abs(values[None, :] - (parts @ shares)[:, None]) < 3 * UNSURE * noise
        pair = np.zeros((2, len(values)))
        for part, own in zip(parts, near & free, strict=True):
            pair[:, own] = part[:, None]
        alone = (near[:2] & free).sum(axis=1)
        each = np.stack([np.bincount(rows.block, one, len(rows.blocks)) for one in pair])
        if (alone < BLOCKS).any() or (each > 1).any():
            return None
        whole = (each == 1).all(axis=0)
        shown = whole[rows.block]
        first = solved(known[:, shown].T, (values - shares @ pair)[shown], rows.sums[row] - shares.sum())
        if first is None:
            return None
        rest = values - first[0] @ known
        for block in np.flatnonzero(~whole):
            columns = rows.blocks[block]
            size = len(columns)
            wanted = np.zeros((size, size, size))
            wanted[np.arange(size), :, np.arange(size)] += shares[0]
            wanted[:, np.arange(size), np.arange(size)] += shares[1]
            best = np.argmin(((wanted - rest[columns]) ** 2).sum(axis=2))
            pair[:, columns] = 0.0
            pair[0, columns[best // size]] = pair[1, columns[best % size]] = 1.0
        return pair if self._fits(row, np.vstack([known, pair])) is not None else None

    def _fits(self, row: int, known: Host) -> tuple[Host, Host] | None:
        """Coefficients of samples, and their covariance, if categories leave nothing of the row."""
        rows = self.rows
        if rows.dimension - len(known) < SPARE:
            return None
        found = solved(known.T, rows.categories[row], rows.sums[row])
        if found is None:
            return None
        shares, left, covariance = found
        size = float(np.sqrt((left**2).sum() / (rows.dimension - len(known)))) / rows.noise[row]
        return (shares, covariance) if size < FITS else None

    def _is_new(self, pair: Host, row: int) -> bool:
        """Whether neither sample is one that is known, and both may be active on the row."""
        hot = self.samples[:, self.rows.hot]
        differ = (pair[:, None, :] != hot[None]).any(axis=2).all() and (pair[0] != pair[1]).any()
        return bool(differ and self._mask(pair)[row].all())

    def _whole(self, pair: Host) -> Host:
        """Samples of such categories, with mean numbers."""
        samples = np.zeros((len(pair), self.samples.shape[1]))
        samples[:, self.rows.hot] = pair
        samples[:, self.rows.other] = to_host(self.problem.shift)[self.rows.other]
        return samples

    def _mask(self, pair: Host) -> Host:
        points = self.problem.points(self.problem.space.asarray(self._whole(pair)))
        return np.asarray(to_host(self.problem.layer @ points.T) > -self._faint[:, None])

    def _add(self, pair: Host, row: int) -> None:
        self.active = np.concatenate([self.active, self._mask(pair)], axis=1)
        self.samples = np.concatenate([self.samples, self._whole(pair)])
        self.seen = np.concatenate([self.seen, [row, row]])

    def _numbers(self, keep_going: KeepGoing, count: Callable[[float], None]) -> list[Told]:
        """Samples whose numbers follow from all rows that only samples of known categories are active on."""
        rows, known, partial = self.rows, self.known, len(self.samples) - self.known
        if not partial:
            return []
        matrix, right, errors = [], [], []
        for row in np.flatnonzero(self.usable & self.active[:, known:].any(axis=1)).tolist():
            ask(keep_going)
            own = np.flatnonzero(self.active[row])
            count(decompositions(len(rows.hot), len(own)) + calls(50))
            found = self._fits(row, self.samples[own][:, rows.hot])
            if found is None:
                continue
            shares, covariance = np.zeros(len(self.samples)), found[1]
            shares[own] = found[0]
            values = self.samples[own][:, rows.other]
            spread = 1 + np.einsum("kr,kl,lr->r", values, covariance, values).max(initial=0)
            bars = ((shares[:known] * self.bars) ** 2).sum()
            matrix.append(shares[known:])
            right.append(rows.numbers[row] - shares[:known] @ self.samples[:known][:, rows.other])
            errors.append((spread * rows.noise[row] ** 2 + bars) ** 0.5)
        if not matrix:
            return []
        count(decompositions(len(matrix), partial))
        values, error, told = _least_squares(np.asarray(matrix), np.asarray(right), np.asarray(errors))
        spread = to_host(self.problem.spread)[rows.other].min(initial=1.0)
        whole = []
        for k in np.flatnonzero(told & (error < WORTH * spread)):
            sample, bars = self.samples[known + k].copy(), np.zeros(self.samples.shape[1])
            sample[rows.other], bars[rows.other] = values[k], error[k]
            whole.append(Told(sample, bars, int(self.seen[known + k])))
        return whole


def _least_squares(matrix: Host, right: Host, errors: Host) -> tuple[Host, Host, Host]:
    """Solution, its errors, which entries are determined; without equations that contradict the others."""
    while True:
        left, sizes, back = np.linalg.svd(matrix / errors[:, None], full_matrices=False)
        good = sizes > SINGULAR * sizes.max(initial=0)
        left, sizes, back = left[:, good], sizes[good], back[good]
        values = right / errors[:, None]
        found = back.T @ ((left.T @ values) / sizes[:, None])
        misses = np.abs(values - left @ (left.T @ values)).max(axis=1, initial=0)
        freedom = len(matrix) - len(sizes)
        if not freedom or misses.max() < UNSURE:
            break
        kept = np.arange(len(matrix)) != misses.argmax()
        matrix, right, errors = matrix[kept], right[kept], errors[kept]
    error = WIDER * ((back.T / sizes) ** 2).sum(axis=1) ** 0.5
    return found, error, 1 - (back**2).sum(axis=0) < DETERMINED**2


def _levels(values: Host, width: float) -> list[float]:
    """Different values, those within a width taken as one."""
    ranked = np.sort(values)
    parts = np.split(ranked, np.flatnonzero(np.diff(ranked) > width) + 1) if len(ranked) else []
    return [float(np.median(part)) for part in parts]

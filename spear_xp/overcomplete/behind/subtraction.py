"""Enters: an overcomplete problem, and the layers behind. Leaves: samples, each taken out of every row.

The layers behind say how much of a sample is in each row of the gradient: its column of D follows from the
sample and its label. So known samples are taken out of the rows, and not only out of their spans. A row with
one unknown sample *is* that sample then, times an entry of its column of D that the layers behind confirm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spear_xp.numerics.backend import Host, to_host
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.work import KeepGoing, ask, calls, decompositions, forever, product
from spear_xp.overcomplete.behind.chain import Chain
from spear_xp.overcomplete.known import FORWARD
from spear_xp.overcomplete.problem import OvercompleteProblem
from spear_xp.reduction.gradient import Gradient

__all__ = ["EMPTY", "LOUD", "SHARP", "Subtraction", "size_of"]

EMPTY = 6.0  # chosen: standard deviations up to which nothing is left of a row
FITS = 3.0  # chosen: the same of most rows that hold a sample
LOUD = 30.0  # chosen: standard deviations from which something is
CLOSE = 20.0  # chosen: relative errors of a row, up to which its size is what the layers behind say
# measured: rounding of an entry of D in that of its terms (lab.md, "Layers behind a table")
BACK = 16.0
# measured: difference of both sizes of a row that stands alone (lab.md, "Layers behind a table")
ALONE = 5e-6
AGREE = 8.0  # chosen: distance of two points in standard deviations, up to which they are one
DISTINCT = 1e-3  # chosen: root mean square distance of points, below which they are one
SHARP = 1e-3  # chosen: error of an entry of a point, up to which it may be refined
SINGULAR = 1e-12  # cosmetic: keeps columns of D that are parallel solvable, with large error bars
LAST = 2  # cosmetic: fits of the whole batch
SEVERAL = -1  # cosmetic: in the place of a row, where several tell a sample, or none alone


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """What known samples leave of the rows.

    Attributes
    ----------
    columns : NumPy array, shape (m_live, k)
        Columns of D.
    left : NumPy array, shape (m_live, d)
    noise : NumPy array, shape (m_live,)
        Standard deviation of an entry of each.
    done : NumPy array of bool, shape (m_live,)
        Rows of which nothing is left.
    """

    columns: Host
    left: Host
    noise: Host
    done: Host


class Subtraction:
    """Samples with their labels, and what they leave of the rows.

    Parameters
    ----------
    problem : OvercompleteProblem
    gradient : Gradient
        From which it comes.
    chain : Chain

    Attributes
    ----------
    points : NumPy array, shape (k, d)
    bars : NumPy array, shape (k,)
        Standard deviation of an entry of each.
    labels : NumPy array of int, shape (k,)
    rows, noise : NumPy array, shape (m_live, d) and (m_live,)
        Rows of the gradient in the coordinates of points, of the size that they have, and their rounding.
    spread : NumPy array, shape (n,)
        Of the inputs.
    dead_weight, dead_bias, dead_front : NumPy array, shape (m_dead, n), (m_dead,) and (h, m_dead)
        Of neurons whose rows are zero: the layer, and the first layer behind.
    """

    def __init__(self, problem: OvercompleteProblem, gradient: Gradient, chain: Chain) -> None:
        self.problem, self.chain = problem, chain
        live = to_host(problem.live)
        self._shift, self.spread = to_host(problem.shift), to_host(problem.spread)
        self._basis, self._last = to_host(problem.basis), to_host(problem.last)
        self._layer = [to_host(part).astype(float) for part in (gradient.weight, gradient.bias)]
        self._weight, self._bias = (part[live] for part in self._layer)
        dead = to_host(gradient.dead)
        self.dead_weight, self.dead_bias = (part[dead] for part in self._layer)
        self._front, self.dead_front = chain.weights[0][:, live], chain.weights[0][:, dead]
        sums = to_host(gradient.grad_b).astype(float)[live]
        even = (to_host(gradient.grad_w).astype(float)[live] - sums[:, None] * self._shift) / self.spread
        self.rows = np.column_stack([even, sums]) @ self._basis
        self.noise = to_host(problem.noise) * np.linalg.norm(self.rows, axis=1)
        self.points, self.labels = self.rows[:0], np.zeros(0, dtype=int)
        self.bars = np.zeros(0)
        self._origins, self._wrong = np.zeros(0, dtype=int), set[int]()

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.points)

    @property
    def complete(self) -> bool:
        """Whether the whole batch is known, and nothing is left of any row."""
        return self.count == self.chain.batch_size and bool(self.rest().done.all())

    def inputs(self, points: Host) -> Host:
        """Samples of points, shape (k, d) to (k, n)."""
        found: Host = points @ self._basis[:-1].T * self.spread + self._shift
        return found

    def columns(self) -> tuple[Host, Host]:
        """Columns of D and the rounding of their entries, both of shape (m_live, k)."""
        inputs, own = self.inputs(self.points), self.sent_back()
        values, entries = inputs @ self._weight.T + self._bias, own @ self._front
        unsure = FORWARD * self.problem.unit_roundoff * (np.abs(inputs) @ np.abs(self._weight.T))
        # each entry is a sum over the neurons behind; where the mask is open, so is all of it
        rounding = BACK * self.problem.unit_roundoff * np.sqrt(own**2 @ self._front**2) * (values > 0)
        rounding = np.where(np.abs(values) < unsure, np.abs(entries), rounding)
        return (entries * (values > 0)).T, rounding.T

    def rest(self) -> Rest:
        """What is left of the rows."""
        columns, rounding = self.columns()
        left, sizes = self.rows - columns @ self.points, size_of(self.points)
        noise = np.sqrt(self.noise**2 + columns**2 @ self.bars**2 + rounding**2 @ sizes**2)
        return Rest(columns, left, noise, size_of(left) < EMPTY * noise)

    def held(self) -> Host:
        """Rows of which nothing is left and that surely hold each sample, shape (k,).

        None where most of these have more left than rounding leaves: something is hidden on them.
        """
        rest = self.rest()
        loud = np.abs(rest.columns) * size_of(self.points) > LOUD * rest.noise[:, None]
        loud &= (rest.done & to_host(self.problem.first))[:, None]
        fits = (size_of(rest.left) < FITS * rest.noise)[:, None]
        rows, good = loud.sum(axis=0), (loud & fits).sum(axis=0)
        found: Host = np.where(2 * good >= rows, good, 0)
        return found

    def sent_back(self) -> Host:
        """Gradient of the loss by the outputs of the next layer, for each sample, shape (k, h)."""
        return self.chain.slopes(self._hidden(self.inputs(self.points)), self.labels)

    def extend(
        self, keep_going: KeepGoing = forever, count: Callable[[float], None] = lambda _: None
    ) -> None:
        """Add samples until no row tells another one; `OutOfTime` is raised when `keep_going` says no."""
        self.refine(count)
        self._keep(self.held() > 0)  # a point found otherwise may be off, and spoils all rows that it is on
        best = self._state()
        try:
            while self.count < self.chain.batch_size:
                ask(keep_going)
                self.refine(count)
                told = self._told(keep_going)
                m, behind = len(self.rows), self.chain.weights[0].shape
                count(product(m, self.count, len(self._basis)) + product(m, *behind) + calls(200))
                if not told:
                    held, best = self.held(), self._better(best)
                    # one wrong point spoils all rows that it is on: once more without those of single rows
                    wrong = set(self._origins[held < 2].tolist()) - {SEVERAL}
                    if wrong <= self._wrong:  # the same would follow
                        break
                    self._wrong |= wrong
                    self._keep(held > 1)
                    continue
                firm, before = [one for one in told if one[3] == SEVERAL], self.count
                for one in firm or told[:1]:
                    if self.count < self.chain.batch_size:
                        self.add(*one)
                if self.count == before:  # what rows agree on may be known although none of them says so
                    break
        finally:  # when time is out, too
            if self.count < self.chain.batch_size:
                _, self.points, self.bars, self.labels, self._origins = self._better(best)
        for _ in range(LAST):
            self.refine(count)

    def _better(self, best: tuple[Host, ...]) -> tuple[Host, ...]:
        """The state now, if more samples are on several rows than in the best one so far."""
        return max(best, self._state(), key=lambda state: int((state[0] > 1).sum()))

    def _state(self) -> tuple[Host, ...]:
        """Rows that hold each sample, and the samples."""
        return self.held(), self.points, self.bars, self.labels, self._origins

    def add(self, point: Host, bar: float, label: int, origin: int = SEVERAL) -> None:
        """One more sample, if it is new; `origin` is the row that alone tells it."""
        if self._is_known(point, bar):
            return
        self.points, self._origins = np.vstack([self.points, point]), np.append(self._origins, origin)
        self.bars, self.labels = np.append(self.bars, bar), np.append(self.labels, label)

    def confirm(self, points: Host, bars: Host, shares: Host, holds: Host) -> None:
        """Add points that were found otherwise, where the layers behind say the same of their shares.

        Parameters
        ----------
        points, bars : NumPy array, shape (k, d) and (k,)
        shares : NumPy array, shape (m_live, k)
            Parts of the points in the rows of the problem, whose norm is one.
        holds : NumPy array of bool, shape (m_live, k)
            Rows that hold a point for certain.
        """
        sizes = np.linalg.norm(self.rows, axis=1)
        for k in range(len(points)):
            rows = np.flatnonzero(holds[:, k])
            if len(rows) < 2:
                continue
            own = shares[rows, k] * sizes[rows]
            slopes = self.chain.slopes(self._hidden(self.inputs(points[k : k + 1])))[0]
            told = slopes @ self._front[:, rows]
            misses = np.linalg.norm(told - own, axis=1) / np.linalg.norm(own)
            label = int(misses.argmin())
            if misses[label] < DISTINCT:
                self.add(points[k], float(bars[k]), label)

    def refine(self, count: Callable[[float], None] = lambda _: None) -> None:
        """Fit all samples at once to the rows of which nothing is left."""
        rest = self.rest()
        done = rest.done
        if not self.count or not done.any():
            return
        count(decompositions(int(done.sum()), self.count))
        matrix, right = (part[done] / rest.noise[done, None] for part in (rest.columns, self.rows))
        left, sizes, back = np.linalg.svd(matrix, full_matrices=False)
        sizes = np.maximum(sizes, SINGULAR * sizes.max())
        points = back.T @ ((left.T @ right) / sizes[:, None])
        bars = np.sqrt(((back.T / sizes) ** 2).sum(axis=1))
        scales = points @ self._last
        better = (bars < SHARP) & (np.abs(scales - 1) < SHARP)
        better &= size_of(points - self.points) < DISTINCT
        points = points / np.where(better, scales, 1.0)[:, None]
        self.points = np.where(better[:, None], points, self.points)
        self.bars = np.where(better, bars, self.bars)

    def _hidden(self, inputs: Host) -> Host:
        weight, bias = self._layer
        found: Host = np.maximum(inputs @ weight.T + bias, 0.0)
        return found

    def _entries(self, inputs: Host, rows: Host, keep_going: KeepGoing) -> Host:
        """Entry of the column of D of each of some samples on a row of its own, for every label."""
        width = self.chain.labels * sum(len(bias) for bias in self.chain.biases) + len(self._layer[1])
        found = [np.zeros((0, self.chain.labels))]
        for part in blocks(len(rows), width):
            ask(keep_going)
            slopes = self.chain.slopes(self._hidden(inputs[part]))
            found.append(np.einsum("rch,hr->rc", slopes, self._front[:, rows[part]]))
        return np.concatenate(found)

    def _told(self, keep_going: KeepGoing) -> list[tuple[Host, float, int, int]]:
        """Points of rows whose size is what the layers behind say: point, error, label, and the row.

        The row is `SEVERAL` where several agree.
        """
        rest = self.rest()
        left, noise = rest.left, rest.noise
        sums = left @ self._last
        rows = np.flatnonzero(~rest.done & (size_of(left) > LOUD * noise) & (noise < SHARP * np.abs(sums)))
        points, errors = left[rows] / sums[rows, None], noise[rows] / np.abs(sums[rows])
        inputs = self.inputs(points)
        active = (inputs * self._weight[rows]).sum(axis=1) + self._bias[rows] > 0
        rows, points, errors, inputs = rows[active], points[active], errors[active], inputs[active]
        sizes = self._entries(inputs, rows, keep_going)
        misses = np.abs(sizes / sums[rows, None] - 1)
        labels = misses.argmin(axis=1)
        misses = misses.min(axis=1)
        widths = errors * np.maximum(1.0, size_of(points))
        near = np.flatnonzero((misses < CLOSE * widths) & (misses < DISTINCT))
        found: list[tuple[float, Host, float, int, int]] = []
        open_rows = np.ones(len(rows), dtype=bool)
        for k in near[np.argsort(widths[near], kind="stable")]:
            if not open_rows[k]:
                continue
            apart = size_of(points - points[k])
            same = near[(apart[near] < AGREE * (widths[near] + widths[k])) & (labels[near] == labels[k])]
            open_rows[same] = False
            alone = len(same) < 2
            if alone and (misses[k] > ALONE or int(rows[k]) in self._wrong):
                continue
            if self._is_known(points[k], float(widths[k])):
                continue
            weights = widths[same] ** -2.0
            point, bar = weights @ points[same] / weights.sum(), float(weights.sum() ** -0.5)
            found.append((float(misses[k]), point, bar, int(labels[k]), int(rows[k]) if alone else SEVERAL))
        return [one[1:] for one in sorted(found, key=lambda one: one[0])]

    def _is_known(self, point: Host, bar: float) -> bool:
        return bool((size_of(self.points - point) < np.maximum(DISTINCT, AGREE * (self.bars + bar))).any())

    def _keep(self, kept: Host) -> None:
        self.points, self.bars, self.labels = self.points[kept], self.bars[kept], self.labels[kept]
        self._origins = self._origins[kept]


def size_of(vectors: Host) -> Host:
    """Root mean square of the entries."""
    found: Host = np.sqrt((vectors**2).mean(axis=-1))
    return found

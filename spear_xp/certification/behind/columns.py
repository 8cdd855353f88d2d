"""Enters: samples up to their scale, their columns of D, and the layers behind. Leaves: scales and labels.

A sample alone decides its column of D up to its label. Of the right size it sends back a column that is
proportional to what was found; of another size, or with another label, it sends back another one.
"""

from dataclasses import dataclass, field

import numpy as np

from spear_xp.numerics.backend import Host
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.work import Meter, elementwise, product
from spear_xp.overcomplete.behind.chain import Chain

__all__ = ["SINGLE", "UNMETERED", "Columns", "Fit"]

UNMETERED = Meter()  # of those who only want the answer

# chosen: logarithms of sizes in units of the one that is given, from a thousandth to a thousand times
SIZES = np.arange(-35, 36) / 5.0
NEXT = np.arange(-6, 7) / 5.0  # chosen: around the size of other samples, where most are
HERE = np.zeros(1)  # derived: the size that is given
MINIMA = 3  # chosen: sizes of each label that are kept; more take longer
# measured: what is left of a column at a size next to one where nothing is, half a step away (lab.md, "Narrow
# valleys of the layers behind")
NEAR = 0.5
ZOOM = np.arange(-6, 7) / 6.0  # chosen: of the width of a step, around the best size so far
ZOOMS, NARROWER = 22, 0.2  # derived: rounds, and how much narrower each is: down to rounding of a size
STEP = 1e-4  # chosen: change of the logarithm of a size by which the slope of a column is taken
ROUNDED = 8  # chosen: times that rounding is tried; more say more exactly what it does
SINGLE = 2.0**-24  # derived: unit roundoff of single precision
TINY = 1e-300  # cosmetic: against a division by zero


@dataclass(frozen=True, slots=True)
class Fit:
    """What the layers behind say of one sample.

    Attributes
    ----------
    size : float
        Factor of the sample with which its column fits best.
    label : int
    share : float
        What was found over what one sample of that size and label sends back.
    residual : float
        What is left of the column then, relative to it.
    slope : float
        By how much a unit of the logarithm of the size turns the column, relative to it.
    growth : float
        By how many units of its own logarithm the share changes.
    other : float
        Least residual of any other label, or of another size of this one.
    roundings : float
        Units of rounding by which a client is off who works out such a column: much, where it cancels.
    """

    size: float
    label: int
    share: float
    residual: float
    slope: float
    growth: float
    other: float
    roundings: float


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Samples up to their scale, and the columns of D that belong to them.

    Attributes
    ----------
    chain : Chain
    values : NumPy array, shape (k, m)
        W x of each, for all neurons.
    bias : NumPy array, shape (m,)
    live : NumPy array of int, shape (m_live,)
        Neurons whose rows of the gradient are not zero.
    found : NumPy array, shape (k, m_live)
        Columns of D in the size of these samples.
    weights : NumPy array, shape (m_live,)
        One over the noise of each row.
    unsure : NumPy array, shape (k, m)
        What each of these has to be away from zero, with the bias, for its sign to be sure.
    rounding : NumPy array, shape (k, m)
        What single precision makes of each of these, with the bias.
    """

    chain: Chain
    values: Host
    bias: Host
    live: Host
    found: Host
    weights: Host
    unsure: Host
    rounding: Host
    _front: Host = field(init=False)
    _single: Chain = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_front", self.chain.weights[0][:, self.live] * self.weights)
        object.__setattr__(self, "_single", self.chain.in_single)

    def fit(self, k: int, sizes: Host = SIZES, meter: Meter = UNMETERED) -> Fit | None:
        """The size and the label that fit a sample best; None where none sends anything back.

        Parameters
        ----------
        k : int
            Its number.
        sizes : NumPy array
            Logarithms of its factor, ascending and evenly spaced; a single one is taken as it is.
        meter : Meter
            Asked before each part; `OutOfTime` is raised when it says no.
        """
        left = self._left(k, sizes, meter)
        places: list[tuple[float, float, int]] = []
        for label in range(self.chain.labels):
            own = np.concatenate([[np.inf], left[:, label], [np.inf]])
            low = np.flatnonzero((own[1:-1] <= own[:-2]) & (own[1:-1] < own[2:]))
            lowest = low[np.argsort(own[1:-1][low], kind="stable")][:MINIMA]
            places += [(float(left[place, label]), float(sizes[place]), label) for place in lowest]
        places.sort()
        if not places or places[0][0] >= 1:
            return None
        if len(sizes) > 1:
            close = [one for one in places if one[0] < NEAR] or places[:1]
            width = float(sizes[1] - sizes[0])
            near = sorted(self._closer(k, *one[1:], width, meter) for one in close)
            places = sorted(_valleys(near) + places[len(close) :])
        (_, size, label), others = places[0], places[1:]
        meter.spend(self._sent_work(ROUNDED, 1))
        residual, share, slope, growth = self._closely(k, size, label)
        other = min((one[0] for one in others), default=1.0)
        if len(sizes) > 1:  # a valley that has no end on one side tells no size
            other = min(other, float(left[0, label]), float(left[-1, label]))
        return Fit(
            float(np.exp(size)), label, share, residual, slope, growth, other, self._roundings(k, size, label)
        )

    def _left(self, k: int, sizes: Host, meter: Meter = UNMETERED) -> Host:
        """What sizes and labels leave of a column, relative to it, shape (t, labels); 1 is all of it."""
        width = self.chain.labels * (len(self.live) + sum(len(bias) for bias in self.chain.biases))
        found = []
        for part in blocks(len(sizes), width + len(self.bias)):
            meter.spend(self._sent_work(len(sizes[part]), self.chain.labels))
            sent, use = self._sent(k, sizes[part])
            own = self.found[k] * self.weights * use
            inner = np.matmul(sent, own[:, :, None])[:, :, 0]
            norms = (own**2).sum(axis=1)[:, None] * (sent**2).sum(axis=2)
            found.append(np.where(inner > 0, 1 - inner**2 / np.maximum(norms, TINY), 1.0))
        squares: Host = np.concatenate(found)
        return np.sqrt(np.maximum(squares, 0.0))

    def _sent_work(self, count: int, labels: int) -> float:
        """Multiply-adds of `_sent` and of what is made of it, for so many sizes and labels."""
        ahead, rows = len(self.bias), len(self.live)
        there = product(count * labels, len(self.chain.biases[0]), rows)
        passes = elementwise(count * labels * rows, 4) + elementwise(count * ahead, 6)
        return self.chain.slopes_work(count, labels) + there + passes

    def _sent(self, k: int, sizes: Host, label: int | None = None) -> tuple[Host, Host]:
        """What samples of some sizes send back, and the rows on which that is sure.

        Shapes (t, labels, m_live) and (t, m_live); entries are weighted.
        """
        factors = np.exp(sizes)[:, None]
        inputs = factors * self.values[k] + self.bias
        unsure = factors * self.unsure[k]
        hidden = np.maximum(inputs, 0.0)
        if label is None:
            slopes = self.chain.slopes(hidden)
        else:
            slopes = self.chain.slopes(hidden, np.full(len(sizes), label))[:, None, :]
        on, use = inputs[:, self.live] > 0, np.abs(inputs[:, self.live]) > unsure[:, self.live]
        return (slopes @ self._front) * (on & use)[:, None, :], use

    def _closer(
        self, k: int, size: float, label: int, width: float, meter: Meter
    ) -> tuple[float, float, int]:
        """The least residual next to a size, as far as it is told, with its size and label."""
        left = np.inf
        for _ in range(ZOOMS):
            sizes = size + width * ZOOM
            meter.spend(self._sent_work(len(sizes), 1))
            there = self._explicit(k, sizes, label)[0]
            place = int(there.argmin())
            left, size = float(there[place]), float(sizes[place])
            width *= NARROWER
        return left, size, label

    def _explicit(self, k: int, sizes: Host, label: int) -> tuple[Host, Host]:
        """Residuals without cancellation, and shares, of one label, shape (t,)."""
        sent, use = self._sent(k, sizes, label)
        sent, own = sent[:, 0, :], self.found[k] * self.weights * use
        # D x stays as it is: a sample of twice the size has half the column
        shares = (own * sent).sum(axis=1) / np.maximum((sent**2).sum(axis=1), TINY)
        left = np.linalg.norm(own - shares[:, None] * sent, axis=1)
        left = np.where(shares > 0, left / np.maximum(np.linalg.norm(own, axis=1), TINY), 1.0)
        return left, shares / np.exp(sizes)

    def _closely(self, k: int, size: float, label: int) -> tuple[float, float, float, float]:
        """Residual, share, slope and growth at a size."""
        sizes = size + STEP * np.asarray([-1.0, 0.0, 1.0])
        left, shares = self._explicit(k, sizes, label)
        (before, here, after), _ = self._sent(k, sizes, label)
        turns = [
            np.linalg.norm(one[0] / np.linalg.norm(one[0]) - here[0] / np.linalg.norm(here[0])) / STEP
            if one[0].any() and here[0].any()
            else 0.0
            for one in (before, after)
        ]
        growth = np.log(np.maximum(shares, TINY))
        grows = max(abs(growth[0] - growth[1]), abs(growth[2] - growth[1])) / STEP
        return float(left[1]), float(shares[1]), float(min(turns)), float(grows)

    def _roundings(self, k: int, size: float, label: int) -> float:
        """Root mean square of what single precision changes in a column, in units of it.

        Where large terms cancel, in the layers behind or in a softmax that is sure, it is many. Where single
        precision cannot hold the layers it is infinite.
        """
        (sent,), use = self._sent(k, np.asarray([size]), label)
        inputs = np.exp(size) * self.values[k] + self.bias
        rng = np.random.default_rng(0)  # what it draws decides nothing: all of it is averaged
        trials = inputs + np.exp(size) * self.rounding[k] * rng.standard_normal((ROUNDED, len(inputs)))
        rows = (inputs[self.live] > 0) & use[0]
        with np.errstate(over="ignore", invalid="ignore"):
            hidden = (np.maximum(trials, 0.0) * (inputs > 0)).astype("float32")
            slopes = self._single.slopes(hidden, np.full(ROUNDED, label))
            back = (slopes @ self._single.weights[0][:, self.live]).astype(float) * self.weights
            off = np.linalg.norm(back * rows - sent[0], axis=1) / max(float(np.linalg.norm(sent[0])), TINY)
            found = float(np.sqrt((off**2).mean()) / SINGLE)
        return found if np.isfinite(found) else float(np.inf)


def _valleys(places: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """Residuals, sizes and labels, the least residual first, without those that ended in one valley."""
    found: list[tuple[float, float, int]] = []
    for left, size, label in places:
        if all(label != other or abs(size - there) > STEP for _, there, other in found):
            found.append((left, size, label))
    return found

"""Batch size, width, samples in; probability that all directions are found, averaged over zero counts, out.

Given its zero count z a column is found at rate h(z) X per sample, where h(z) = C(z,n) / C(m,n) and X is the
share of all-zero samples with a nonsingular rest.  E[X | z] = M_n, and X > 0 with probability K(z, n).
Given the whole pattern, the probability of missing the column in N samples is (1 - h X)^N, and all that
changes from one figure to another is what is assumed about X:

========  =========================================================  =====================================
estimate  X is M/K with probability K, else 0; columns independent   product over columns
upper     X = 1                                                      product: finds are negatively dependent
lower     X is 0 as often as its mean and variance allow             union over columns
========  =========================================================  =====================================

In all three a column of z zeros is missed with probability 1 - a + a exp(-N h c): a is `share` below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.binomial import binom_cdf, log_binom_pmf, log_zero_subset, tail_reach
from theory.numerics.checks import FloatArray, IntArray
from theory.numerics.logmath import LOG_TINY, log_hit
from theory.patterns.dulmage_mendelsohn import table_size
from theory.patterns.hall_bounds import matching_failure_bounds
from theory.patterns.rank_failure import log_column_failure, log_matching, matching_failure

Kind = Literal["estimate", "upper", "lower"]

_CELLS_AT_ONCE = 2_000_000
_CUT = 1e-15  # probability below the threshold that shows
_LINEAR_FLOOR = 1e-200  # below, the found probability is summed in logarithms


@dataclass(frozen=True, slots=True, eq=False)
class ColumnLaw:
    """Law of one column for several batch sizes at one width: rows are batch sizes, columns are zero counts.

    Attributes
    ----------
    log_rate : ndarray, shape (batches, grid)
        Log of h(z) c.
    weight : ndarray, shape (batches, grid)
        Probability of z times a: the column can be found there.
    hopeless : ndarray, shape (batches,)
        Probability that the column is never found or never accepted.
    """

    log_rate: FloatArray
    weight: FloatArray
    hopeless: FloatArray

    def evaluate(self, row: IntArray, log_samples: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Found and missed probability, and their slope in log samples, per pair of row and samples."""
        log_mean = self.log_rate[row] + log_samples[:, None]
        mean = np.exp(np.minimum(log_mean, 700.0))
        found = -np.expm1(-mean)
        weight = self.weight[row]
        missed = 1.0 - found
        total_missed = self.hopeless[row] + np.einsum("ij,ij->i", weight, missed)
        missed *= mean
        return (
            np.einsum("ij,ij->i", weight, found),
            total_missed,
            np.einsum("ij,ij->i", weight, missed),
        )

    def log_found(self, row: IntArray, log_samples: FloatArray) -> FloatArray:
        """Log of the found probability, also where it underflows."""
        with np.errstate(divide="ignore"):
            log_weight = np.log(self.weight[row])
        return np.asarray(
            special.logsumexp(log_weight + log_hit(self.log_rate[row] + log_samples[:, None]), axis=1)
        )


def _zero_counts(width: int, p: float, n: IntArray, least: IntArray) -> tuple[IntArray, int]:
    """Grid of zero counts that carries all but e^-42 of every law in question, and its stride."""
    variance = width * p * (1 - p)
    reach = float(tail_reach(variance))
    low, high = width * p - reach, width * p + reach
    # Few samples find only columns of many zeros: weighing by h(z) moves the law up by n (1 - p).
    high += float(n.max()) * (1 - p)
    first = max(0, math.floor(low), int(least.min()))
    stride = 1
    if first >= least.max() and first > n.max():
        # The law is smooth on the scale of its deviation, exp(-N h) on that of 1 / slope of log h.  At a
        # stride well inside both the trapezoid rule is exact to rounding, provided ranks do not fail as well.
        # Where a threshold cuts into the law, midpoints of shorter steps leave little to correct.
        cut = first == least.max()
        slope = -math.log1p(-float(n.max()) / (first + 1))
        smooth = first * math.log(p) + math.log(float(n.max())) < -LOG_TINY
        steps = min(math.sqrt(variance) / (32.0 if cut else 1.6), 0.25 / slope)
        stride = max(1, math.floor(steps)) if smooth else 1
        if cut:
            stride -= 1 - stride % 2  # odd: a midpoint is a count
            first += stride // 2
    return np.arange(first, min(width, math.ceil(high)) + 1, stride), stride


def column_law(width: int, p: float, batch_size: IntArray, least: IntArray, kind: Kind) -> ColumnLaw:
    """Build the law for 1-d arrays of batch sizes and of least accepted zero counts (>= b - 1)."""
    z, stride = _zero_counts(width, p, batch_size - 1, least)
    probability = stride * np.exp(log_binom_pmf(z, width, p))
    below = binom_cdf(least - 1, width, p)
    if stride > 1 and below[0] > _CUT:  # what the midpoint rule gets wrong, it gets wrong at the cut
        probability[0] += 1.0 - below[0] - probability.sum()
    return law_of_counts(z, probability, below, width, p, batch_size, least, kind)


def law_of_counts(
    z: IntArray,
    probability: FloatArray,
    below: FloatArray,
    width: int,
    p: float,
    batch_size: IntArray,
    least: IntArray,
    kind: Kind,
) -> ColumnLaw:
    """Build the law from any distribution of zero counts; `p` then only enters through the ranks."""
    n = batch_size - 1
    usable = z >= least[:, None]
    log_h = np.where(usable, log_zero_subset(z, n[:, None], width), -np.inf)
    if kind == "upper":
        share = np.ones_like(log_h)
        # (1 - h)^N is exp(-N h) only while a sample is rare; where it is certain any large rate will do
        h = np.exp(np.clip(log_h, -30.0, -1e-16))
        log_rate = np.where(log_h > -30.0, np.log(-np.log1p(-h)), log_h)
    else:
        if kind == "estimate":
            log_mean = np.asarray(log_matching(n, p))[:, None]
            share = -np.expm1(np.where(usable, log_column_failure(z, n[:, None], p), -np.inf))
        else:
            mean = 1.0 - np.asarray(_singular_at_most(n, p))[:, None]
            # Hoeffding: an average over all n-subsets of z rows has at most n/z of the variance of one term.
            # Given mean and variance, exp(-N h X) is largest on average for X in {0, mean / share}.
            variance = np.where(usable, n[:, None] / np.maximum(z, 1), 0.0) * mean * (1.0 - mean)
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(mean > 0, mean**2 / (mean**2 + variance), 0.0)
                log_mean = np.log(mean)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_rate = np.where(share > 0, log_h + log_mean - np.log(share), -np.inf)
    share = np.where(usable, share, 0.0)
    hopeless = below + (probability * np.where(usable, 1.0 - share, 0.0)).sum(axis=1)
    return ColumnLaw(log_rate, probability * share, np.minimum(hopeless, 1.0))


def _singular_at_most(n: IntArray, p: float) -> FloatArray:
    """Upper bound on the probability of a singular block, exact where the tables reach."""
    bound = np.array(matching_failure(n, p), np.float64, ndmin=1)
    large = n > table_size(p)
    if large.any():
        upper = np.asarray(matching_failure_bounds(n[large], p)[1])
        # The variance bound that goes with it, M (1 - M), falls in M only past 1/2: give up otherwise.
        bound[large] = np.where(upper > 0.5, 1.0, upper)
    return bound


Cells = tuple[IntArray, IntArray, FloatArray, IntArray]


def _groups(cells: Cells, kind: Kind) -> Iterator[tuple[npt.NDArray[np.intp], ColumnLaw, IntArray]]:
    """Cells that share a width and a p, in bounded pieces: indices, law, and row of the law per cell."""
    batch, width, p, least = cells
    octave = np.floor(np.log2(batch) / 3)  # batch sizes far apart need different grids
    _, group = np.unique(np.stack([width.astype(np.float64), p, octave]), axis=1, return_inverse=True)
    order = np.argsort(group, kind="stable")
    for index in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        m, zero = int(width[index[0]]), float(p[index[0]])
        pairs, row = np.unique(np.stack([batch[index], least[index]]), axis=1, return_inverse=True)
        grid = _zero_counts(m, zero, pairs[0] - 1, pairs[1])[0].size
        step = max(1, _CELLS_AT_ONCE // max(grid, 1))
        for start in range(0, index.size, step):
            used, local = np.unique(row[start : start + step], return_inverse=True)
            law = column_law(m, zero, pairs[0, used], pairs[1, used], kind)
            yield index[start : start + step], law, local


def log_success(cells: Cells, log_samples: FloatArray, kind: Kind = "estimate") -> FloatArray:
    """Log probability that all directions are found and accepted.

    Parameters
    ----------
    cells : tuple of four 1-d arrays
        Batch sizes, widths, zero probabilities, least zero counts accepted (at least b - 1); checked.
    log_samples : ndarray
        Log of the number of samples, one per cell.
    kind : {"estimate", "upper", "lower"}

    Returns
    -------
    ndarray
    """
    out = np.full(log_samples.shape, -np.inf)
    for index, law, row in _groups(cells, kind):
        batch, draws = cells[0][index], log_samples[index]
        found, missed, _ = law.evaluate(row, draws)
        with np.errstate(divide="ignore"):
            if kind == "lower":
                out[index] = np.log(np.maximum(0.0, 1.0 - batch * missed))
                continue
            log_g = np.where(found < 0.5, np.log(found), np.log1p(-np.minimum(missed, 1.0)))
        tiny = found < _LINEAR_FLOOR
        if tiny.any():
            log_g[tiny] = law.log_found(row[tiny], draws[tiny])
        out[index] = np.minimum(batch * log_g, 0.0)
    return out


def log_samples_for(cells: Cells, probability: FloatArray, kind: Kind = "estimate") -> FloatArray:
    """Log number of samples at which `log_success` reaches a probability; inf where no number does.

    With ``kind="upper"`` (an upper bound on success) the answer is a lower bound on the samples, and vice
    versa.
    """
    out = np.empty(probability.shape)
    for index, law, row in _groups(cells, kind):
        out[index] = _invert(law, row, _one_column(probability[index], cells[0][index], kind))
    return out


def log_samples_for_law(law: ColumnLaw, batch_size: int, probability: FloatArray, kind: Kind) -> FloatArray:
    """Same as `log_samples_for`, for several probabilities and one law that `law_of_counts` has built."""
    row = np.zeros(probability.size, np.int64)
    return _invert(law, row, _one_column(probability, np.asarray(batch_size), kind))


def _one_column(probability: FloatArray, batch_size: IntArray, kind: Kind) -> FloatArray:
    """Log of the probability with which one column must be found for all of them to be."""
    if kind == "lower":
        return np.log1p(-(1.0 - probability) / batch_size)
    return np.log(probability) / batch_size


def _invert(law: ColumnLaw, row: IntArray, log_found: FloatArray) -> FloatArray:
    """Log samples at which one column is found with given log probability: Newton inside a bracket."""
    missed_target = -np.expm1(log_found)
    rare = log_found < -math.log(2.0)
    possible = law.hopeless[row] < missed_target
    out = np.full(row.shape, np.inf)
    todo = np.flatnonzero(possible)
    central = np.take_along_axis(law.log_rate, law.weight.argmax(axis=1)[:, None], axis=1)[:, 0]
    y = np.where(possible, np.log(np.maximum(-np.log(missed_target), 1e-300)) - central[row], 0.0)
    low, high = np.full(row.shape, -np.inf), np.full(row.shape, np.inf)
    for iteration in range(200):
        found, missed, slope = law.evaluate(row[todo], y[todo])
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.where(
                rare[todo], np.log(found) - log_found[todo], np.log(missed_target[todo]) - np.log(missed)
            )
            step = -excess * np.where(rare[todo], found, missed) / slope
        above = excess > 0
        high[todo] = np.where(above, y[todo], high[todo])
        low[todo] = np.where(above, low[todo], y[todo])
        reach = 4.0 * 2.0 ** (iteration // 4)  # far from the root the slope vanishes: widen as needed
        step = np.where(np.isfinite(step) & (np.abs(step) < reach), step, np.where(above, -reach, reach))
        new = y[todo] + step
        outside = (new < low[todo]) | (new > high[todo])
        with np.errstate(invalid="ignore"):
            new = np.where(outside, 0.5 * (low[todo] + high[todo]), new)
        moved = np.abs(new - y[todo])
        y[todo] = new
        todo = todo[moved > 1e-12 * np.maximum(np.abs(new), 1.0)]
        if todo.size == 0:
            break
    out[possible] = y[possible]
    return out

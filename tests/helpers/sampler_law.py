"""Batch size and width enter; the law of the samples that the library's own sampler needs leaves.

`theory` knows the published sampler on m independent rows. The sampler that runs differs in ways that show
in a few hundred runs, and each has a term of its own here: rows without any nonzero are dropped; a kernel
counts only if it vanishes on two of eight rows set aside; the b subsets of a set of b rows are looked at
together; a direction needs a least number of zeros among the live rows.
"""

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

import theory
from spear_xp.candidates.threshold import sparsity_threshold
from spear_xp.strategies.sampling import Sampling
from theory.batch.averaged import ColumnLaw, Kind, law_of_counts
from theory.numerics.binomial import binom_cdf, log_binom_pmf, log_binomial_coefficient

Floats = NDArray[np.float64]

P = 0.5  # Gaussian inputs: half of all pre-activations are negative
NEGLIGIBLE = 1e-7


def screen_pass(zero_counts: ArrayLike, batch_size: int, width: int) -> Floats:
    """Probability that a true direction shows enough zeros on the rows set aside, given its zero count."""
    n, z = batch_size - 1, np.asarray(zero_counts)
    strategy = Sampling()
    rows = min(strategy.test_rows, width - batch_size)
    zeros = np.arange(min(strategy.needed, rows))  # too few, where one row of the set is active
    log_few = (
        log_binomial_coefficient(z[..., None] - n, zeros)
        + log_binomial_coefficient(width - 1 - z[..., None], rows - zeros)
        - log_binomial_coefficient(width - batch_size, rows)
    )
    return np.asarray(np.clip(1.0 - np.exp(log_few).sum(axis=-1), 0.0, 1.0))


def in_sets(zero_counts: ArrayLike, batch_size: int, width: int) -> Floats:
    """Chance of a sample as `Sampling` counts them, (b+1)/2 for each set, over that of an independent subset.

    A set finds a column if all of its rows but one are zero, which one of its b subsets sees, or if all are.
    """
    n, z = batch_size - 1, np.asarray(zero_counts)
    return np.asarray(
        2 * (batch_size * (width - z) + np.maximum(z - n, 0)) / ((batch_size + 1) * (width - n))
    )


@dataclass(frozen=True)
class SamplerLaw:
    """Samples to success of `spear_xp.search.sampling.Sampling`, with the pipeline's own threshold.

    Attributes
    ----------
    batch_size, width : int
        b and m.
    kind : {"estimate", "upper", "lower"}
        As in `theory.success_probability`.
    """

    batch_size: int
    width: int
    kind: Kind = "estimate"

    def success(self, samples: ArrayLike) -> Floats:
        """Probability that all directions are found and accepted within a number of samples."""
        drawn = np.asarray(samples, float)
        with np.errstate(divide="ignore"):
            return self._success(np.log(drawn).ravel()).reshape(drawn.shape)

    @cached_property
    def ceiling(self) -> float:
        """Success probability with an unlimited budget."""
        return float(self._success(np.array([600.0]))[0])

    def quantile(self, probability: float) -> float:
        """Samples that succeed with the given probability; infinite where none do."""
        if probability >= self.ceiling * (1 - 1e-12):
            return math.inf
        low, high = 0.0, 600.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            reached = float(self._success(np.array([middle]))[0]) >= probability
            low, high = (low, middle) if reached else (middle, high)
        return math.exp(high)

    def _success(self, log_samples: Floats) -> Floats:
        total, b = np.zeros(log_samples.shape), self.batch_size
        row = np.zeros(log_samples.shape, np.int64)
        for weight, law in self._laws:
            found, missed, _ = law.evaluate(row, log_samples)
            total += weight * (np.maximum(0.0, 1.0 - b * missed) if self.kind == "lower" else found**b)
        return total

    @cached_property
    def _laws(self) -> list[tuple[float, ColumnLaw]]:
        """One law for each plausible number of dead rows, with its probability."""
        dead = np.arange(self.width - self.batch_size + 2)
        weights = np.exp(log_binom_pmf(dead, self.width, P**self.batch_size))
        return [
            (float(weight), self._law(self.width - int(d)))
            for d, weight in zip(dead, weights, strict=True)
            if weight > NEGLIGIBLE
        ]

    def _law(self, live: int) -> ColumnLaw:
        """Law of one column among a number of live rows."""
        b, n = self.batch_size, self.batch_size - 1
        least = max(n, sparsity_threshold(live, b))
        zero = (P - P**b) / (1 - P**b)  # of an entry, given that its row is not entirely zero
        within = (P - P**n) / (1 - P**n)  # the same, in a row that is zero in the column looked for
        z = np.arange(live + 1)
        probability = np.exp(log_binom_pmf(z, live, zero))
        below = binom_cdf(np.array([least - 1]), live, zero)
        batch, leasts = np.array([b]), np.array([least])
        law = law_of_counts(z, probability, below, live, within, batch, leasts, self.kind)
        with np.errstate(divide="ignore"):
            log_rate = law.log_rate + np.log(screen_pass(z, b, live)) + np.log(in_sets(z, b, live))
        if self.kind == "estimate":  # blocks of live rows: a block with a zero row is singular anyway
            log_rate += float(theory.log_matching(n, P)) - n * math.log1p(-(P**n))
            log_rate -= float(theory.log_matching(n, within))
        return dataclasses.replace(law, log_rate=log_rate)


def confidence_radius(runs: int, level: float = 0.95) -> float:
    """Half width of the Dvoretzky-Kiefer-Wolfowitz band (Massart's constant) about a distribution."""
    return math.sqrt(math.log(2 / (1 - level)) / (2 * runs))

"""The average over zero counts: thinned grids against the sum over every count."""

import math

import numpy as np
import pytest

import theory
from theory.batch.averaged import column_law, law_of_counts, log_samples_for_law
from theory.numerics.binomial import binom_cdf, log_binom_pmf


@pytest.mark.parametrize(("b", "m"), [(12, 4000), (40, 20_000), (300, 10**6)])
def test_thinned_grid_is_as_good_as_the_full_sum(b, m):
    """Strides above one must not be visible: compare with a sum over every zero count."""
    law = column_law(m, 0.5, np.array([b]), np.array([b - 1]), "estimate")
    z = np.arange(max(b - 1, m // 2 - 12 * math.isqrt(m)), m // 2 + 12 * math.isqrt(m))
    assert law.weight.shape[1] < z.size / 3
    weight = np.exp(log_binom_pmf(z, m, 0.5))
    log_rate = theory.log_direction_probability_given(z, m, b)
    median = theory.log_sample_quantile(b, m, 0.5)
    for log_samples in (median - 2, median, median + 1):
        missed = float((weight * np.exp(-np.exp(log_rate + log_samples))).sum())
        assert law.evaluate(np.array([0]), np.array([log_samples]))[1][0] == pytest.approx(missed, rel=1e-9)


@pytest.mark.parametrize("rejection", [1e-9, 1e-6, 1e-3])
def test_thinned_grid_follows_a_threshold(rejection):
    """The cut through the law costs no more than 1e-5 of the samples against the sum over every count."""
    b, m = 40, 20_000
    least = np.array([theory.minimum_zero_count(m, rejection)])
    z = np.arange(m + 1)
    below = binom_cdf(least - 1, m, 0.5)
    law = law_of_counts(z, np.exp(log_binom_pmf(z, m, 0.5)), below, m, 0.5, np.array([b]), least, "estimate")
    levels = np.array([0.1, 0.5, 0.9])
    full = log_samples_for_law(law, b, levels, "estimate")
    thinned = theory.log_sample_quantile(b, m, levels, false_rejection=rejection)
    assert thinned == pytest.approx(full, abs=1e-5)

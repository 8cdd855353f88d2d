"""Success within a budget, averaged over zero counts, and its inverses."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.averaged import column_law, law_of_counts, log_samples_for_law
from theory.numerics.binomial import binom_cdf, log_binom_pmf
from theory.patterns.matching import found_direction
from theory.patterns.sampling import draw_zeros

LN2 = math.log(2)
QUANTILES = {  # (b, m): log2 of the samples at 10, 50, 90 %, and of H_b / q1
    (10, 200): (10.21, 11.29, 12.51, 10.61),
    (15, 200): (16.40, 17.71, 19.32, 15.73),
    (20, 200): (23.01, 24.63, 26.69, 20.85),
    (20, 1000): (20.72, 21.58, 22.59, 20.85),
    (24, 200): (28.60, 30.49, 32.95, 24.92),
    (30, 1000): (31.85, 32.87, 34.13, 31.00),
    (40, 4000): (41.27, 42.01, 42.92, 41.10),
}


@pytest.mark.parametrize(("b", "m"), QUANTILES)
def test_quantile_table(b, m):
    *quantiles, naive = QUANTILES[b, m]
    values = theory.log_sample_quantile(b, m, [0.1, 0.5, 0.9]) / LN2
    assert values.round(2).tolist() == quantiles
    assert round(theory.log_expected_samples(b, m) / LN2, 2) == naive


def test_quantile_at_the_largest_sizes():
    assert round(theory.log_sample_quantile(10**4, 10**6, 0.5) / LN2, 2) == 10127.03
    assert round(theory.log_expected_samples(10**4, 10**6) / LN2, 2) == 10002.29
    assert theory.sample_quantile(10**4, 10**6, 0.5) == math.inf
    assert theory.expected_samples(10**4, 10**6) == math.inf


def test_expected_samples_lies_below_the_median():
    for b, m in ((15, 200), (20, 200)):
        ratio = theory.sample_quantile(b, m, 0.5) / theory.expected_samples(b, m)
        assert 3 < ratio < 14


@pytest.mark.parametrize(("samples", "formula"), [(476, 0.101), (1480, 0.484), (7076, 0.902)])
def test_formula_at_8_48(samples, formula):
    assert round(theory.success_probability(8, 48, samples), 3) == formula


def test_naive_figure_at_8_48():
    """At the average rate the same 476 samples would seem to succeed with probability .733."""
    naive = theory.log_coverage(np.full(8, theory.log_direction_probability(8)), math.log(476))
    assert round(math.exp(naive), 3) == 0.733


@pytest.mark.parametrize("samples", [476, 1480])
def test_simulated_search(samples):
    """The whole process on patterns, with nothing shared with the formula but the model."""
    runs, b, m, rng = 400, 8, 48, np.random.default_rng(samples)
    patterns = draw_zeros(b, m, count=runs, rng=rng)
    success = 0
    for zeros in patterns:
        rows = rng.random((samples, m)).argpartition(b - 1, axis=1)[:, : b - 1]
        found = found_direction(zeros[rows])
        success += np.unique(found[found >= 0]).size == b
    rate = success / runs
    estimate = theory.success_probability(b, m, samples)
    lower, upper = (theory.success_probability(b, m, samples, kind=kind) for kind in ("lower", "upper"))
    deviation = 4 * math.sqrt(estimate * (1 - estimate) / runs)
    assert abs(rate - estimate) < deviation
    assert lower - deviation < rate < upper + deviation


def test_largest_batch_table():
    table = theory.largest_batch(
        np.array([[200], [400], [1000], [4000]]), 2.0 ** np.array([20, 25, 30, 35, 40])
    )
    assert table.tolist() == [
        [16, 20, 23, 26, 30],
        [17, 21, 25, 29, 33],
        [18, 23, 27, 31, 36],
        [19, 23, 28, 33, 38],
    ]


def test_smallest_width_table():
    widths = theory.smallest_width([20, 24, 30], 2.0 ** np.array([25, 28, 35]))
    assert widths.tolist() == [183, 363, 447]
    assert theory.smallest_width(20, 2**20) == math.inf


cells = st.tuples(
    st.integers(2, 60),
    st.integers(0, 1500),
    st.floats(1, 80),
    st.sampled_from([0.3, 0.5, 0.6, 0.8]),
    st.sampled_from([None, 0.2, 0.45]),
)


@given(cells)
@settings(deadline=None, max_examples=120)
def test_bounds_and_monotonicity(cell):
    b, extra, log_samples, p, threshold = cell
    m = b - 1 + extra
    options = {"p": p, "threshold": threshold}

    def success(batch=b, width=m, draws=log_samples, kind="estimate"):
        return theory.success_probability(batch, width, log_samples=draws, kind=kind, **options)

    value, slack = success(), 1e-9
    assert 0 <= success(kind="lower") <= value + slack
    assert value <= success(kind="upper") + slack <= 1 + 2 * slack
    assert success(draws=log_samples + 0.5) >= value - slack
    assert success(batch=b + 1, width=m + 1) <= success(width=m + 1) + slack
    if threshold is None:
        assert success(width=m + 10) >= value - slack


@given(
    st.integers(2, 200),
    st.integers(0, 3000),
    st.floats(0.001, 0.999),
    st.sampled_from(["estimate", "upper", "lower"]),
)
@settings(deadline=None, max_examples=120)
def test_quantile_inverts_success(b, extra, u, kind):
    m = b - 1 + extra
    log_samples = theory.log_sample_quantile(b, m, u, kind=kind)
    if log_samples == math.inf:
        assert theory.success_probability(b, m, log_samples=1e6, kind=kind) <= u
    elif log_samples > math.log(b):
        assert theory.success_probability(b, m, log_samples=log_samples, kind=kind) == pytest.approx(
            u, rel=1e-6
        )
    estimate = theory.log_sample_quantile(b, m, u)
    assert theory.log_sample_quantile(b, m, u, kind="upper") <= estimate + 1e-9
    assert theory.log_sample_quantile(b, m, u, kind="lower") >= estimate - 1e-9


@given(st.integers(1, 2000), st.floats(0.1, 200), st.floats(0.01, 0.99), st.sampled_from([None, 1e-6]))
@settings(deadline=None, max_examples=40)
def test_largest_batch_is_where_success_crosses(m, log_samples, u, rejection):
    b = theory.largest_batch(m, probability=u, log_samples=log_samples, false_rejection=rejection)
    assert 1 <= b <= m + 1
    if b > 1:
        assert (
            theory.success_probability(b, m, log_samples=log_samples, false_rejection=rejection) >= u - 1e-12
        )
    if b < m + 1:
        assert (
            theory.success_probability(b + 1, m, log_samples=log_samples, false_rejection=rejection)
            < u + 1e-12
        )


@given(st.integers(2, 60), st.floats(0.1, 60), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=40)
def test_smallest_width_is_where_success_crosses(b, log_samples, u):
    m = theory.smallest_width(b, probability=u, log_samples=log_samples)
    if m == math.inf:
        assert theory.success_probability(b, 10**6, log_samples=log_samples) < u + 1e-3
        return
    assert theory.success_probability(b, m, log_samples=log_samples) >= u - 1e-12
    if m > b - 1:
        assert theory.success_probability(b, m - 1, log_samples=log_samples) < u + 1e-12


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


def test_log_forms_where_floats_end():
    value = theory.log_success_probability(10**4, 10**6, 2**40)
    assert value == pytest.approx(10**4 * (theory.log_direction_probability(10**4) + 40 * LN2), rel=1e-3)
    assert theory.success_probability(10**4, 10**6, 2**10200) > 0.99  # an int beyond the float range
    assert theory.log_success_probability(5, 100, 4) == -math.inf  # four samples cannot yield five directions


def test_rows_beyond_counting_leave_the_average_rate():
    b, log_samples = 12, 10.0
    limit = math.exp(theory.log_coverage(np.full(b, theory.log_direction_probability(b)), log_samples))
    assert theory.success_probability(b, 10**8, log_samples=log_samples) == pytest.approx(limit, rel=1e-4)


def test_threshold_and_rejection_agree():
    c = theory.minimum_zero_count(200, 1e-3)
    assert theory.success_probability(10, 200, 4000, threshold=c / 200) == pytest.approx(
        theory.success_probability(10, 200, 4000, false_rejection=1e-3), rel=1e-12
    )
    assert theory.success_probability(10, 100, 4000, threshold=0.07) == theory.success_probability(
        10, 100, 4000
    )


def test_arrays_and_scalars():
    assert isinstance(theory.success_probability(10, 200, 1000), float)
    assert isinstance(theory.expected_samples(10, 200), float)
    assert isinstance(theory.sample_quantile(10, 200, 0.5), float)
    assert isinstance(theory.largest_batch(200, 1000), int)
    b, m, p = (
        np.array([5, 10, 20])[:, None, None],
        np.array([50, 300])[:, None],
        np.array([0.4, 0.5, 0.6, 0.7]),
    )
    grid = theory.success_probability(b, m, 5000, p=p)
    assert grid.shape == (3, 2, 4)
    for i, j, k in np.ndindex(grid.shape):
        single = theory.success_probability(int(b[i, 0, 0]), int(m[j, 0]), 5000, p=float(p[k]))
        assert grid[i, j, k] == pytest.approx(single, rel=1e-9, abs=1e-14)
    assert theory.expected_samples(b, m, p=p).shape == (3, 2, 4)
    assert theory.log_sample_quantile(b, m, 0.5, p=p).shape == (3, 2, 4)


def test_wall_time():
    assert theory.log_seconds([math.log(5e6), 800.0], 1e6) == pytest.approx(
        [math.log(5), 800 - math.log(1e6)]
    )

"""Success within a budget: figures, simulation, bounds and shapes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.patterns.matching import found_direction
from theory.patterns.sampling import draw_zeros

LN2 = math.log(2)


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

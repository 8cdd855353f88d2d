"""Where the l1 norm stops being least at a column, against planted columns."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import theory
from tests.theory.limits.l1_minimum import measured_limit
from theory.limits.descent_cone import l1_limit, statistical_dimension


def test_tables():
    plain = [l1_limit(p) for p in (0.6, 0.55, 0.5, 0.45, 0.4)]
    assert plain == pytest.approx([0.2503, 0.2070, 0.1687, 0.1350, 0.1056], abs=1e-4)
    assert [l1_limit(mask_error=e) for e in (0, 0.05, 0.1, 0.2)] == pytest.approx(
        [0.5, 0.398, 0.336, 0.244], abs=1e-3
    )


@given(st.floats(0.05, 0.95), st.floats(0.01, 3), st.floats(0.01, 3))
@settings(deadline=None, max_examples=8)
def test_integrals(p, active, zero):
    def at(tau):
        square = integrate.quad(
            lambda g: (g - tau * zero) ** 2 * stats.norm.pdf(g), tau * zero, tau * zero + 12
        )[0]
        return (1 - p) * (1 + tau**2 * active**2) + p * 2 * square

    least = statistical_dimension(active, zero, p)
    grid = np.geomspace(1e-2, 10, 30) / max(active, zero)
    assert least <= min(at(tau) for tau in grid) + 1e-7
    assert 1 - p <= least <= 1


@given(st.floats(0.1, 0.8), st.floats(0, 0.15), st.floats(0, 0.4), st.floats(0, 0.1))
@settings(deadline=None, max_examples=40)
def test_order(p, share, wrong, more):
    assert l1_limit(p) <= l1_limit(p + share) + 1e-12
    assert l1_limit(p, mask_error=wrong + more) <= l1_limit(p, mask_error=wrong) + 1e-12
    assert l1_limit(p) <= p


def test_shares_are_counts():
    counted = statistical_dimension((1, 0), (0, 1), active_shares=(1, 9), zero_shares=(1, 9))
    listed = statistical_dimension([1] + 9 * [0], [0] + 9 * [1])
    assert counted == pytest.approx(listed, rel=1e-12)


def test_no_weights_hold_nothing():
    assert statistical_dimension(0, 0) == 1


@pytest.mark.parametrize(("active", "zeros"), [([1.0], [1.0]), (9 * [0.0] + [1.0], [0.0] + 9 * [1.0])])
def test_planted_columns(active, zeros):
    """The command `python -m tests.benchmarks.l1_limits` does it with larger columns, and more of them."""
    rng = np.random.default_rng(1)
    measured = measured_limit(0.5, np.array(active), np.array(zeros), 160, 60, rng)
    assert measured == pytest.approx(1 - statistical_dimension(active, zeros), abs=0.03)


def test_arguments_out_of_range():
    for bad in ((-1.0, 1.0), (1.0, math.inf), (1.0, math.nan)):
        with pytest.raises(theory.ParameterError):
            statistical_dimension(*bad)
    with pytest.raises(theory.ParameterError, match="one for each weight"):
        statistical_dimension((1, 0), active_shares=(1,))
    with pytest.raises(theory.ParameterError):
        l1_limit(mask_error=1.5)

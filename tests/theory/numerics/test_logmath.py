"""Elementary functions against other ways to compute them."""

import math

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.numerics.logmath import log1mexp, log_betainc, log_gammainc, log_hit


@given(st.floats(1e-300, 700))
def test_log1mexp(x):
    assert float(log1mexp(x)) == pytest.approx(
        math.log(-math.expm1(-x)) if x < 30 else -math.exp(-x), rel=1e-13
    )


def test_hit_probability_spans_both_ends():
    assert float(log_hit(-1e4)) == -1e4
    assert float(log_hit(1e4)) == 0.0
    assert float(log_hit(0.0)) == pytest.approx(math.log(1 - math.exp(-1)))


def test_incomplete_functions_reach_where_they_underflow():
    for a, b, x in ((500.0, 3.5, 1e-4), (0.5, 40.0, 1e-300), (900.0, 700.0, 0.05), (2000.0, 0.5, 0.3)):
        exact = mpmath.log(mpmath.betainc(a, b, 0, x, regularized=True))
        assert float(log_betainc(a, b, x)) == pytest.approx(float(exact), rel=1e-10)
    for a, x in ((400.0, 1e-2), (3000.0, 500.0), (0.5, 1e-290)):
        exact = mpmath.log(mpmath.gammainc(a, 0, x, regularized=True))
        assert float(log_gammainc(a, x)) == pytest.approx(float(exact), rel=1e-10)

"""Elementary functions against other ways to compute them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.numerics.logmath import log1mexp, log_hit


@given(st.floats(1e-300, 700))
def test_log1mexp(x):
    assert float(log1mexp(x)) == pytest.approx(
        math.log(-math.expm1(-x)) if x < 30 else -math.exp(-x), rel=1e-13
    )


def test_hit_probability_spans_both_ends():
    assert float(log_hit(-1e4)) == -1e4
    assert float(log_hit(1e4)) == 0.0
    assert float(log_hit(0.0)) == pytest.approx(math.log(1 - math.exp(-1)))

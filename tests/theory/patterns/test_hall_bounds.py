"""Bounds from Hall's theorem enclose the probability of failure."""

from hypothesis import given, settings
from hypothesis import strategies as st

from theory.patterns.dulmage_mendelsohn import table_size
from theory.patterns.hall_bounds import matching_failure_bounds
from theory.patterns.rank_failure import column_failure


@given(st.integers(1, 60), st.integers(0, 20), st.sampled_from([0.1, 0.3, 0.5, 0.65, 0.7, 0.8, 0.9, 0.97]))
@settings(max_examples=150, deadline=None)
def test_bounds_bracket_and_failure_is_monotone(n, extra, p):
    z = n + extra
    value = column_failure(z, n, p)
    lower, upper = matching_failure_bounds(n, p, z=z)
    slack = 1 + 1e-9
    assert 0 <= value <= 1
    assert lower <= value * slack
    assert value <= upper * slack
    if z + 1 <= table_size(p):  # outside, values are asymptotic for large p
        assert column_failure(z + 1, n, p) <= value * slack
        assert column_failure(z + 1, n + 1, p) >= column_failure(z + 1, n, p) / slack
    if p < 0.6:
        assert column_failure(z, n, p + 0.05) >= value

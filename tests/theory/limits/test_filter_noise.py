"""Where a filter of zero rows gives up for noise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from theory.limits.filter_noise import filter_snr

# Half of the true directions of Gaussian problems pass the library's filter at this ratio.
MEASURED = {
    (10, 100): 160,
    (20, 80): 3300,
    (20, 120): 1450,
    (20, 200): 220,
    (20, 600): 90,
    (40, 160): 4400,
    (40, 400): 190,
    (16, 400): 95,
    (60, 300): 1900,
}


@pytest.mark.parametrize(("sizes", "measured"), MEASURED.items())
def test_measured_edges_within_a_factor_of_two_and_a_half(sizes, measured):
    assert 1 / 2.5 < filter_snr(*sizes) / measured < 2.5


@given(st.integers(2, 200), st.integers(5, 50), st.floats(1, 30), st.floats(1, 3))
@settings(deadline=None, max_examples=40)
def test_order(b, ratio, widen, factor):
    assert filter_snr(b, ratio * b, widen=widen) <= filter_snr(b, ratio * b, widen=widen * factor)
    assert filter_snr(b, (ratio + 1) * b) <= filter_snr(b, ratio * b) * (1 + 1e-9)
    assert filter_snr(b, ratio * b, widen=widen) >= theory.breakdown_snr(b, ratio * b)


def test_arguments_out_of_range():
    with pytest.raises(theory.ParameterError, match="more than batch_size / p = 100"):
        filter_snr(50, 100)
    for bad in ({"widen": 0.5}, {"tolerance": 0}, {"p": 1}):
        with pytest.raises(theory.ParameterError):
            filter_snr(10, 100, **bad)

"""The width at which failure whatever the budget ends."""

import math

import numpy as np
import pytest

import theory


def test_identifiable_width():
    widths = [theory.identifiable_width(b) for b in (5, 10, 20, 40, 100, 400)]
    assert widths == [35, 42, 69, 122, 267, 937]
    for b, m in zip((5, 10, 20), widths, strict=False):
        assert b * math.exp(theory.log_column_never_found(b, m)) <= 1e-3
        assert b * math.exp(theory.log_column_never_found(b, m - 1)) > 1e-3
    ratios = np.array(widths) / [theory.asymptotic_width(b) for b in (5, 10, 20, 40, 100, 400)]
    assert (np.diff(ratios) < 0).all()
    assert theory.identifiable_width(10**4) / theory.asymptotic_width(10**4) == pytest.approx(1, abs=0.05)

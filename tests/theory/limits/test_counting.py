"""Equations over unknowns of batches with more samples than features."""

import numpy as np
import pytest

import theory
from theory.limits.counting import equations_over_unknowns


@pytest.mark.parametrize(("b", "m", "n", "p"), [(12, 50, 8, 0.5), (40, 300, 10, 0.7), (5, 20, 30, 0.4)])
def test_simulated_rows(b, m, n, p):
    active = (np.random.default_rng(0).random((20000, b)) > p).sum(axis=1)
    simulated = m * np.maximum(n + 1 - active, 0).mean() / (b * n)
    assert equations_over_unknowns(b, m, n, p) == pytest.approx(simulated, rel=0.05)


def test_order():
    counts = [equations_over_unknowns(b, 1000, 20) for b in (22, 30, 40, 60, 100)]
    assert counts == sorted(counts, reverse=True)
    assert equations_over_unknowns(30, 2000, 20) == pytest.approx(2 * counts[1])


def test_arguments_out_of_range():
    for bad in ((1, 10, 10), (10, 0, 10), (10, 10, 0)):
        with pytest.raises(theory.ParameterError):
            equations_over_unknowns(*bad)

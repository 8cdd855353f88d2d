"""Flops of an elimination and of the published sampler; hits are probabilities for every sampler."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.numerics.checks import ParameterError
from theory.samplers.cost import elimination_flops, plain_sampler
from theory.samplers.information_sets import information_set
from theory.samplers.prefix_tree import branching_tree, prefix_tree

BATCHES = [10, 15, 20, 25, 30, 40]


def test_elimination_flops_count():
    for rows, columns in ((0, 3), (1, 1), (4, 5), (9, 10), (3, 9)):
        steps = range(rows)
        counted = sum(2 * (rows - 1 - i) * (columns - 1 - i) + rows - 1 - i for i in steps)
        assert elimination_flops(rows, columns) == counted + (columns - rows) * rows**2


@pytest.mark.parametrize(
    ("b", "flops"), list(zip(BATCHES, [637, 2167, 5172, 10152, 17607, 41942], strict=True))
)
def test_plain_flops(b, flops):
    assert plain_sampler(b).flops == flops


@settings(deadline=None, max_examples=10)  # each p has its own rank tables
@given(st.integers(5, 60), st.floats(0.1, 0.7))
def test_hits_are_probabilities(b, p):
    for cost in (plain_sampler(b, p), prefix_tree(b, 4, 12, 20, p), branching_tree(b, 6, (2, 2), p)):
        assert cost.log_hits <= 0
        assert cost.flops > 0
    assert information_set(b, p=p, exact=True).log_hits <= information_set(b, p=p).log_hits + 1e-12


@pytest.mark.parametrize(
    "call",
    [
        lambda: elimination_flops(5, 4),
        lambda: plain_sampler(1),
        lambda: plain_sampler(5, math.nan),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

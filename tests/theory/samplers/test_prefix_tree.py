"""Prefix trees: published gains, the best number of inner draws, the pool formula."""

import math

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.helpers import rounds_to
from theory.exact.formulas import formula, optimal_draws
from theory.numerics.checks import ParameterError
from theory.samplers.cost import elimination_flops, plain_sampler
from theory.samplers.prefix_tree import best_prefix_tree, branching_tree, inner_draws, prefix_tree


@pytest.mark.parametrize(
    ("b", "gain"), [(10, "1.8"), (15, "3.6"), (20, "6.7"), (25, "11"), (30, "17"), (40, "34")]
)
def test_prefix_tree_gain(b, gain):
    assert rounds_to(best_prefix_tree(b).gain_over(plain_sampler(b)), gain)


@settings(deadline=None, max_examples=40)
@given(st.floats(1e-9, 1e6), st.floats(1e-6, 1.0))
def test_inner_draws_solve_their_equation(ratio, success):
    u = inner_draws(ratio, 1.0, success) * success
    kappa = success * ratio
    series = u**2 / 2 + u**3 / 6 + u**4 / 24  # exp(u) - 1 - u without cancellation
    assert (series if u < 1e-3 else math.expm1(u) - u) == pytest.approx(kappa, rel=1e-7)


def test_inner_draws_are_lamberts():
    for kappa in (1e-4, 0.5, 12.0):
        assert inner_draws(kappa, 1.0, 1.0) == pytest.approx(
            float(sympy.N(optimal_draws(kappa), 30)), rel=1e-9
        )


def test_prefix_tree_from_an_unlimited_pool():
    """A large pool is an i.i.d. source of rows, for which the price of a hit is c_i exp(u) / p^(b-1)."""
    b, k = 20, 6
    inner, outer = elimination_flops(k - 1, k) + 4 * k, 1.0e5
    s = inner_draws(outer, inner, 0.5 ** (k - 1))
    least = float(formula("best_draw_cost", b=b, c_i=inner, p=0.5, u=s * 0.5 ** (k - 1)))
    for near, sign in ((s, 0), (0.7 * s, 1), (1.4 * s, 1)):
        cost = float(formula("draw_cost", b=b, k=k, c_i=inner, c_o=outer, p=0.5, s=near, x=0.5 ** (k - 1)))
        assert (cost > least * 1.01) if sign else cost == pytest.approx(least)


def test_prefix_tree_pool_formula():
    cost = prefix_tree(12, 4, 9, 7, 0.4)
    hits = float(formula("pool", R=9, k=4, p=sympy.Rational(2, 5), s=7).doit())
    assert math.exp(cost.log_hits) == pytest.approx(0.4**8 * hits)


@pytest.mark.parametrize(
    "call",
    [
        lambda: prefix_tree(10, 2, 6, 10),
        lambda: prefix_tree(10, 4, 3, 10),
        lambda: branching_tree(4, 9, (2, 2)),
        lambda: branching_tree(9, 9, (2, 0)),
        lambda: inner_draws(1.0, 0.0, 0.5),
        lambda: inner_draws(1.0, 1.0, 1.5),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match="out of range"):
        call()

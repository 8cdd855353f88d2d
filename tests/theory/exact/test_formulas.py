"""Closed forms against equations they solve, and against the exact laws."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from theory.acceptance.mixtures import chernoff_information as numeric_chernoff_information
from theory.exact.formulas import chernoff_information, formula, harmonic_expectation, optimal_draws
from theory.exact.polynomials import evaluate, sample_law
from theory.numerics.checks import ParameterError
from theory.patterns.rank_failure import log_matching

HALF = Fraction(1, 2)


def test_harmonic_expectation_is_the_closed_form():
    b, k = 7, 4
    closed = formula("expected_samples", b=b, k=k).doit()
    assert sympy.simplify(harmonic_expectation(b, k) - closed) == 0
    assert harmonic_expectation(b, 0) == 0


def test_optimal_draws_minimise_the_cost():
    """The derivative of the cost vanishes where exp(u) - 1 - u = kappa, and Lambert's branch solves that."""
    s, x, outer, inner = sympy.symbols("s x c_o c_i", positive=True)
    cost = formula("draw_cost", b=5, k=5, s=s, x=x, c_o=outer, c_i=inner)
    slope = sympy.diff(cost, s) * (1 - sympy.exp(-x * s)) ** 2 * sympy.exp(x * s) / inner
    condition = sympy.exp(x * s) - 1 - x * s - x * outer / inner
    assert sympy.simplify(slope - condition) == 0
    for kappa in (sympy.Rational(1, 100), sympy.Rational(1, 2), sympy.Integer(30)):
        u = sympy.N(optimal_draws(kappa), 40)
        assert u > 0
        assert abs(sympy.exp(u) - 1 - u - kappa) < 1e-30


def test_chernoff_information():
    half, quarter = sympy.Rational(1, 2), sympy.Rational(1, 4)
    value = float(chernoff_information(half, quarter))
    assert value == pytest.approx(0.03469, abs=5e-6)
    s = np.linspace(0, 1, 100_001)
    exponent = -np.log(0.5**s * 0.25 ** (1 - s) + 0.5**s * 0.75 ** (1 - s)).min()
    assert value == pytest.approx(exponent, rel=1e-8)
    assert numeric_chernoff_information(0.5, 0.25) == pytest.approx(value, rel=1e-9)
    assert float(chernoff_information(quarter, half)) == pytest.approx(value)


def test_formulas_agree_with_the_laws():
    for b in (2, 4, 6):
        law = sample_law(b)
        assert sympy.simplify(formula("exactly_one", b=b) - law.exactly_one.as_expr()) == 0
        matching = sympy.Rational(str(evaluate(law.direction, HALF))) * 2 ** (b - 1)
        assert float(sympy.log(matching)) == pytest.approx(log_matching(b - 1), rel=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: harmonic_expectation(3, 4),
        lambda: optimal_draws(0),
        lambda: chernoff_information(sympy.Rational(1, 2), sympy.Rational(1, 2)),
        lambda: chernoff_information(sympy.Rational(3, 2), sympy.Rational(1, 2)),
        lambda: formula("direction", nothing=1),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match=r"out of range|no symbol"):
        call()

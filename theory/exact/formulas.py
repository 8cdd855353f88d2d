"""Names and symbols enter; closed forms leave, as sympy expressions.

A formula is written once, here: the pages are filled from `FORMULAS`, and the tests hold the numerical code
against the same expressions.
"""

from typing import Any

import sympy

from theory.numerics.checks import ParameterError, check_scalar_integer

__all__ = ["FORMULAS", "chernoff_information", "formula", "harmonic_expectation", "optimal_draws"]


def _integers(names: str) -> Any:
    return sympy.symbols(names, integer=True, positive=True)


def _reals(names: str) -> Any:
    return sympy.symbols(names, positive=True)


def harmonic_expectation(batch_size: int, found: int | None = None) -> Any:
    """Expected number of samples until some of the directions are found.

    Parameters
    ----------
    batch_size : int
        b, at least 2.
    found : int, optional
        k, from 0 to b; all b if not given.

    Returns
    -------
    sympy.Expr
        A rational number over the symbol q_1, the probability that one sample finds one given direction.

    Raises
    ------
    ParameterError
        If ``batch_size`` is not an integer of at least 2, or ``found`` is not in [0, b].

    Notes
    -----
    With i directions found the wait for a new one is geometric with rate (b-i) q_1; the waits add up.

    Examples
    --------
    >>> harmonic_expectation(3)
    11/(6*q_1)
    """
    b = check_scalar_integer("batch_size", batch_size, 2)
    k = b if found is None else check_scalar_integer("found", found, 0, b)
    q1 = _reals("q_1")
    return sum((1 / ((b - i) * q1) for i in range(k)), sympy.Integer(0))


def optimal_draws(cost_ratio: Any) -> Any:
    """Expected inner hits per prefix, u = x s, at the cheapest number s of inner draws.

    Parameters
    ----------
    cost_ratio : number or sympy.Expr
        kappa = x c_o / c_i: cost of a prefix over that of an inner draw, times the probability x that an
        inner draw of a good prefix succeeds. Positive.

    Returns
    -------
    sympy.Expr
        The positive root of exp(u) - 1 - u = kappa.

    Raises
    ------
    ParameterError
        If ``cost_ratio`` is a number that is not positive.

    Notes
    -----
    The cost of a hit, (c_o + s c_i) / (1 - exp(-x s)), has its one minimum where the equation holds: a
    Lambert function of branch -1 (branch 0 gives u = 0 at most).

    Examples
    --------
    >>> sympy.N(optimal_draws(sympy.Rational(1, 2)), 6)
    0.857677
    """
    kappa = sympy.sympify(cost_ratio)
    if kappa.is_positive is False:
        raise ParameterError(f"cost_ratio={cost_ratio!r} is out of range: need a positive number")
    return -1 - kappa - sympy.LambertW(-sympy.exp(-1 - kappa), -1)


def chernoff_information(p: Any, q: Any) -> Any:
    """Chernoff information between zero fractions p and q: error exponent per row of telling them apart.

    Parameters
    ----------
    p, q : number or sympy.Expr
        Zero probabilities, different; p and p^2 for one column against a mixture of two.

    Returns
    -------
    sympy.Expr
        The divergence D(r || p) at the fraction r with D(r || p) = D(r || q).

    Raises
    ------
    ParameterError
        If p or q is a number outside (0, 1), or they are equal.

    Notes
    -----
    Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis" (1952). For two Bernoulli laws
    the minimum over the exponent is explicit: both divergences are linear in the two log odds.

    Examples
    --------
    >>> sympy.N(chernoff_information(sympy.Rational(1, 2), sympy.Rational(1, 4)), 4)
    0.03469
    """
    p, q = sympy.sympify(p), sympy.sympify(q)
    for name, value in (("p", p), ("q", q)):
        if value.is_number and not 0 < value < 1:
            raise ParameterError(f"{name}={value} is out of range: need a number in (0, 1)")
    if p == q:
        raise ParameterError(f"q={q} is out of range: need a number other than p={p}")
    return _divergence(_crossing(p, q), p)


def formula(name: str, **values: Any) -> Any:
    """One of `FORMULAS` as an expression, with values put in.

    Parameters
    ----------
    name : str
        A key of `FORMULAS`.
    **values : number or sympy.Expr
        Values by the name of their symbol.

    Returns
    -------
    sympy.Expr
        The right side.

    Raises
    ------
    ParameterError
        If no formula has that name, or it has no such symbol.

    Examples
    --------
    >>> sympy.N(formula("kappa_law", n=19, x=10), 4)
    0.6613
    """
    expression = named_formula(name)[1]
    symbols = {symbol.name: symbol for symbol in expression.free_symbols}
    if unknown := sorted(set(values) - set(symbols)):
        raise ParameterError(f"{unknown[0]} is no symbol of {name!r}: need one of {sorted(symbols)}")
    return expression.subs({symbols[key]: value for key, value in values.items()})


def _divergence(r: Any, p: Any) -> Any:
    return r * sympy.log(r / p) + (1 - r) * sympy.log((1 - r) / (1 - p))


def _crossing(p: Any, q: Any) -> Any:
    return sympy.log((1 - q) / (1 - p)) / sympy.log(p * (1 - q) / (q * (1 - p)))


def named_formula(name: str) -> tuple[str, Any]:
    """Left side, as LaTeX, and right side, as an expression, of one of `FORMULAS`."""
    if name not in FORMULAS:
        raise ParameterError(f"name={name!r} is out of range: need one of {sorted(FORMULAS)}")
    return FORMULAS[name]


def _formulas() -> dict[str, tuple[str, Any]]:
    b, k, m, n, r, c, i, j, R, s = sympy.symbols("b k m n r c i j R s", integer=True, positive=True)
    p, q, q_1, t, x, kappa, u, c_o, c_i = _reals("p q q_1 t x kappa u c_o c_i")
    sigma, v, zeta, w = _reals("sigma v zeta w")
    ratio = sympy.Symbol(r"\frac{\mathrm{dist}}{\|x\|}", positive=True)
    binomial, exp, erfc, sqrt = sympy.binomial, sympy.exp, sympy.erfc, sympy.sqrt
    M, F, K, P, d = (sympy.IndexedBase(name) for name in ("M", "F", "K", "P", "d"))
    power = sympy.IndexedBase(sympy.Symbol(r"\overline{x^2}", positive=True))
    others = sympy.Sum(power[k] / d[k] ** 2, (k, 1, b)) - power[i] / d[i] ** 2
    single, double = b * p ** (b - 1) * (1 - p), binomial(b, 2) * p ** (b - 2) * (1 - p) ** 2
    seen = sympy.Function("f")  # probability that two pool rows or more show the direction
    miss = 1 - binomial(j, k - 1) / binomial(R, k - 1)
    pairs = P[k] * (1 - p ** (2 * k)) * seen(p * (1 - p**k))
    return {
        "direction": ("q_1", p ** (b - 1) * M[b - 1]),
        "exactly_one": (r"P(\text{one zero column})", b * p ** (b - 1) * (1 - p ** (b - 1)) ** (b - 1)),
        "recursion": (
            "1",
            sympy.Sum(
                binomial(r, i) * binomial(c, j) * p ** ((r - i) * j) * F[i, j] * K[r - i, c - j],
                (i, 0, r),
                (j, 0, c),
            ),
        ),
        "kernel_support": (
            "P_k",
            binomial(b, k) * binomial(b - 1, k - 1) * p ** (k * (b - k)) * F[k - 1, k] * M[b - k],
        ),
        "expected_samples": (r"\mathrm{E}\,T_k", (sympy.harmonic(b) - sympy.harmonic(b - k)) / q_1),
        "chernoff": ("C(p, q)", _divergence(t, p)),
        "chernoff_fraction": ("t", _crossing(p, q)),
        "chernoff_half": (
            r"C(\tfrac12, \tfrac14)",
            sympy.N(chernoff_information(sympy.Rational(1, 2), sympy.Rational(1, 4)), 4),
        ),
        "draw_cost": (r"\text{cost per hit}", (c_o + s * c_i) / (p ** (b - k) * (1 - exp(-x * s)))),
        "draws": ("u = x s^*", optimal_draws(kappa)),
        "best_draw_cost": (r"\text{least cost per hit}", c_i * exp(u) / p ** (b - 1)),
        "pool": (
            r"P(\text{hit} \mid \text{prefix})",
            1 - sympy.Sum(binomial(R, j) * p**j * (1 - p) ** (R - j) * miss**s, (j, 0, R)),
        ),
        "seen_twice": ("f(w)", 1 - (1 - w) ** R - R * w * (1 - w) ** (R - 1)),
        "weight_one": ("h_1", single * M[b - 1] * seen(p)),
        "weight_two": ("h_2", double * sympy.Sum(pairs, (k, 1, b - 1))),
        "leading_hits": (
            r"\tilde h",
            (single + double) * seen(p),
        ),
        "kappa_law": (r"P(\kappa \le x)", erfc(sqrt(n / (2 * (x**2 - 1))))),
        "polish": (
            r"\mathrm{MSE}_i",
            sigma**2 / ((1 - p) * m * v**2) * (1 + power[i] + others / p),
        ),
        "dp_snr": (r"\rho", ratio / (zeta * sqrt((1 - p) * m))),
    }


FORMULAS = _formulas()
"""Name of each formula: its left side, as LaTeX, and its right side, as an expression."""

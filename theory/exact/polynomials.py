"""A batch size enters; what one sample finds leaves it, exactly: polynomials in p.

Everything here is exact: ``p`` is a symbol, coefficients are integers, numbers are fractions. Small batches
are done twice, by the recursion and by counting every pattern, so that neither has to be believed.
"""

import functools
import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from theory.numerics.checks import ParameterError, check_scalar_integer

__all__ = [
    "ZERO_PROBABILITY",
    "SampleLaw",
    "enumerated_sample_law",
    "evaluate",
    "matching_count",
    "sample_law",
]

ZERO_PROBABILITY = sympy.Symbol("p", positive=True)
"""The symbol p: the probability that an entry of dL/dZ is zero."""

_LARGEST_SYMBOLIC = 16  # the polynomials have degree b(b-1); beyond this the float tables are the better tool
_LARGEST_ENUMERATED = 4  # 2^(b(b-1)) patterns: 4096 at b=4, a million at b=5

_p = ZERO_PROBABILITY
_Poly = Any  # sympy ships no types: a polynomial in p with integer coefficients


def _poly(expression: Any) -> _Poly:
    return sympy.Poly(expression, _p, domain="ZZ")


@dataclass(frozen=True, slots=True)
class SampleLaw:
    """What one sample of b-1 rows finds, each probability a polynomial in p.

    Attributes
    ----------
    zero : sympy.Poly
        The sampled rows vanish in one given column.
    exactly_one : sympy.Poly
        They vanish in exactly one column, whichever.
    direction : sympy.Poly
        They find one given direction: they vanish in its column and the other b-1 columns are nonsingular.
    useful : sympy.Poly
        They find some direction.
    kernel_support : tuple of sympy.Poly, length b
        Entry k-1: the kernel is one-dimensional and its vector has k nonzero entries.
    degenerate : sympy.Poly
        The kernel has dimension two or more.
    """

    zero: Any
    exactly_one: Any
    direction: Any
    useful: Any
    kernel_support: tuple[Any, ...]
    degenerate: Any


def sample_law(batch_size: int) -> SampleLaw:
    """Law of one sample, from the Dulmage-Mendelsohn recursion.

    Parameters
    ----------
    batch_size : int
        b, from 2 to 16.

    Returns
    -------
    SampleLaw
        Polynomials in p.

    Raises
    ------
    ParameterError
        If ``batch_size`` is not an integer from 2 to 16.

    Notes
    -----
    A one-dimensional kernel of support k splits the columns into its support, which k-1 rows barely fail to
    saturate, and the b-k other columns, which the b-k other rows saturate: Dulmage & Mendelsohn, "Coverings
    of bipartite graphs" (1958).

    Examples
    --------
    >>> law = sample_law(3)
    >>> evaluate(law.useful, Fraction(1, 2)), evaluate(law.useful, Fraction(1, 3))
    (Fraction(21, 64), Fraction(56, 243))
    """
    b = check_scalar_integer("batch_size", batch_size, 2, _LARGEST_SYMBOLIC)
    n = b - 1
    deficient, saturated = _tables(b)
    column = _poly(_p**n)
    direction = column * saturated[n][n]
    support = tuple(
        math.comb(b, k)
        * math.comb(n, k - 1)
        * _poly(_p ** (k * (b - k)))
        * deficient[k - 1][k]
        * saturated[b - k][b - k]
        for k in range(1, b + 1)
    )
    return SampleLaw(
        zero=column,
        exactly_one=b * column * (1 - column) ** n,
        direction=direction,
        useful=b * direction,
        kernel_support=support,
        degenerate=1 - sum(support, _poly(0)),
    )


def enumerated_sample_law(batch_size: int) -> SampleLaw:
    """Law of one sample, by counting every zero pattern of b-1 rows.

    Parameters
    ----------
    batch_size : int
        b, from 2 to 4: there are 2^(b(b-1)) patterns.

    Returns
    -------
    SampleLaw
        Polynomials in p, equal to those of `sample_law`.

    Raises
    ------
    ParameterError
        If ``batch_size`` is not an integer from 2 to 4.

    Notes
    -----
    The rows of a random sample of an i.i.d. pattern are themselves i.i.d., so the width does not enter.

    Examples
    --------
    >>> enumerated_sample_law(3) == sample_law(3)
    True
    """
    b = check_scalar_integer("batch_size", batch_size, 2, _LARGEST_ENUMERATED)
    n = b - 1
    everything = (1 << b) - 1
    counts: dict[str, list[int]] = {}

    def count(event: str, zeros: int) -> None:
        counts.setdefault(event, [0] * (n * b + 1))[zeros] += 1

    for rows in itertools.product(range(1 << b), repeat=n):  # bit i of a row: column i is active
        zeros = n * b - sum(row.bit_count() for row in rows)
        active = functools.reduce(int.__or__, rows, 0)
        support = [i for i in range(b) if _matches(rows, everything & ~(1 << i))]
        if not active & 1:
            count("zero", zeros)
        if active.bit_count() == n:
            count("exactly_one", zeros)
        if support == [0]:
            count("direction", zeros)
        if len(support) == 1:
            count("useful", zeros)
        count(f"support {len(support)}", zeros)

    def law(event: str) -> _Poly:
        tally = counts.get(event, [])
        return _poly(sum(c * _p**z * (1 - _p) ** (n * b - z) for z, c in enumerate(tally)))

    return SampleLaw(
        zero=law("zero"),
        exactly_one=law("exactly_one"),
        direction=law("direction"),
        useful=law("useful"),
        kernel_support=tuple(law(f"support {k}") for k in range(1, b + 1)),
        degenerate=law("support 0"),
    )


def evaluate(polynomial: Any, p: Fraction | int | str) -> Fraction:
    """Value of a polynomial in p at a rational point.

    Parameters
    ----------
    polynomial : sympy.Poly or sympy.Expr
        A field of `SampleLaw`.
    p : Fraction or str
        Zero probability, strictly between 0 and 1. A float is refused: its binary expansion is rarely the
        fraction that was meant.

    Returns
    -------
    Fraction
        The exact value.

    Raises
    ------
    ParameterError
        If ``p`` is a float or outside (0, 1).

    Examples
    --------
    >>> evaluate(sample_law(4).kernel_support[0], "1/2") * 2**12
    Fraction(988, 1)
    """
    point = None if isinstance(p, float) else Fraction(p)
    if point is None or not 0 < point < 1:
        raise ParameterError(
            f"p={p!r} is out of range: need a fraction, or a string such as '1/3', in (0, 1)"
        )
    value = sympy.Poly(polynomial, _p).eval(sympy.Rational(point.numerator, point.denominator))
    return Fraction(int(value.p), int(value.q))


def matching_count(size: int) -> int:
    """Number of 0/1 matrices of a given size that have a perfect matching.

    Parameters
    ----------
    size : int
        n, from 1 to 15.

    Returns
    -------
    int
        2^(n^2) M_n(1/2).

    Raises
    ------
    ParameterError
        If ``size`` is not an integer from 1 to 15.

    Examples
    --------
    >>> [matching_count(n) for n in range(1, 6)]
    [1, 7, 247, 37823, 23191071]
    """
    size = check_scalar_integer("size", size, 1, _LARGEST_SYMBOLIC - 1)
    return int(evaluate(_tables(size)[1][size][size], Fraction(1, 2)) * 2 ** (size * size))


@functools.cache
def _tables(size: int) -> tuple[list[list[_Poly]], list[list[_Poly]]]:
    """(F, K) up to size x size: a pattern splits in one way into rows with spare columns and rows without."""
    one, none = _poly(1), _poly(0)
    deficient = [[one if r == 0 else none for _ in range(size + 1)] for r in range(size + 1)]
    saturated = [[one if c == 0 else none for c in range(size + 1)] for _ in range(size + 1)]
    for r, c in itertools.product(range(1, size + 1), repeat=2):
        rest = none
        for i, j in itertools.product(range(r + 1), range(c + 1)):
            # the term that is being solved for still has the value 0 and drops out by itself
            term = deficient[i][j] * saturated[r - i][c - j]
            if not term.is_zero:
                rest += math.comb(r, i) * math.comb(c, j) * _poly(_p ** ((r - i) * j)) * term
        if r >= c:
            saturated[r][c] = 1 - rest
        else:
            deficient[r][c] = 1 - rest
    return deficient, saturated


def _matches(rows: tuple[int, ...], columns: int) -> bool:
    """Whether the rows, bit sets, can be given distinct columns out of ``columns``, one each."""
    if not rows:
        return True
    free = rows[0] & columns
    while free:
        lowest = free & -free
        if _matches(rows[1:], columns ^ lowest):
            return True
        free ^= lowest
    return False

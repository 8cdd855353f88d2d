"""Width in, largest batch out that zero patterns still determine: with even odds, or at all likely.

The probability that all samples are determined is `theory.unlimited_success` with no threshold.  It falls
from one to zero within a few samples, near where the normal law of zero counts says.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from theory.batch.failure import unlimited_success
from theory.numerics.checks import check_scalar_integer, check_scalar_probability

__all__ = ["exact_limit", "exact_limit_closed_form", "safe_batch"]

UNLIKELY = 1e-3
_TOLERANCE = 1e-9
_NEAR = 3


def exact_limit(width: int, p: float = 0.5, *, probability: float = 0.5) -> int:
    """Largest batch whose samples are all determined with a given probability (iid tier).

    Parameters
    ----------
    width : int
        Rows m >= 1 of the gradient.
    p : float
        Probability of a zero entry, in (0, 1).
    probability : float
        That all samples are determined, in (0, 1).

    Returns
    -------
    int
        At least 1: a single sample is read off the gradient.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    A sample is determined if the kernel of no other column's zero rows has a component on it.  One column
    with too few zeros hides all other samples, which is why the whole batch is lost at once.

    Examples
    --------
    >>> [exact_limit(m) for m in (60, 100, 200, 400, 1000)]
    [24, 40, 84, 174, 454]
    """
    m = check_scalar_integer("width", width, 1)
    check_scalar_probability(p)
    least = check_scalar_probability(probability, "probability")
    # The closed form is right to a sample on all but the narrowest layers: look around it, all at once.
    guess = round(exact_limit_closed_form(m, p, probability=least))
    near = np.arange(max(2, guess - _NEAR), min(m + 1, guess + _NEAR) + 1)
    enough = np.asarray(unlimited_success(near, m, p=p)) >= least
    low = int(near[enough].max(initial=1))
    high = int(near[~enough].min(initial=m + 2))  # with m + 2 samples no column has enough zeros
    while high - low > 1:
        middle = (low + high) // 2
        if float(np.asarray(unlimited_success(middle, m, p=p))) >= least:
            low = middle
        else:
            high = middle
    return low


def safe_batch(width: int, p: float = 0.5) -> int:
    """Batch size above which all samples are determined with probability below 1e-3 (iid tier).

    Parameters
    ----------
    width, p
        As for `exact_limit`.

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    It speaks of exact recovery of the whole batch and of nothing else: samples that are not determined may
    be seen all the same, see `theory.visual_limit`.

    Examples
    --------
    >>> [safe_batch(m) for m in (60, 100, 200, 400, 1000)]
    [28, 46, 91, 183, 467]
    """
    return exact_limit(width, p, probability=UNLIKELY)


def exact_limit_closed_form(width: int, p: float = 0.5, *, probability: float = 0.5) -> float:
    """The batch size of `exact_limit` as a real number, by the normal law of zero counts.

    Parameters
    ----------
    width, p, probability
        As for `exact_limit`.

    Returns
    -------
    float
        Solution of ``b = 1 + m p - √(m p (1 - p)) Φ⁻¹(1 - λ/b)`` with ``λ = -ln(probability)``; at least 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> [round(exact_limit_closed_form(m), 1) for m in (60, 200, 1000)]
    [23.7, 84.0, 454.2]
    """
    m = check_scalar_integer("width", width, 1)
    zero = check_scalar_probability(p)
    events = -math.log(check_scalar_probability(probability, "probability"))
    spread = math.sqrt(m * zero * (1 - zero))
    low, high = max(1.0, events * (1 + _TOLERANCE)), float(m + 2)
    # The right-hand side falls with b, the left-hand side grows.
    while high - low > _TOLERANCE * high:
        middle = (low + high) / 2
        if 1 + m * zero + spread * float(special.ndtri(events / middle)) > middle:
            low = middle
        else:
            high = middle
    return low

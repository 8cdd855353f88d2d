"""Batch size and width in, what zeros leave open of the samples, and how far signs close it, out.

Where a column has fewer than b - 1 zeros its direction is free within a kernel, and so are all other
samples.  But the signs of their pre-activations are known, m of each sample, and every free parameter moves
all of them.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from theory.numerics.binomial import log_binom_pmf, tail_reach
from theory.numerics.checks import (
    check_scalar_batch_size,
    check_scalar_integer,
    check_scalar_probability,
    check_scalar_real,
)

__all__ = ["largest_safe_width", "log_expected_freedom", "sign_extent", "visual_limit"]

SEEN = 0.5
_WIDEST = 10**9


def log_expected_freedom(batch_size: int, width: int, p: float = 0.5) -> float:
    """Natural log of E[R], the expected number of parameters that zeros leave open (iid tier).

    Parameters
    ----------
    batch_size : int
        b >= 2.
    width : int
        Rows m >= 1 of the gradient.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float
        ``log(b E[(b - 1 - z)₊])`` with z binomial, -inf where every column has enough zeros for certain.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    A column with z zero rows in general position leaves b - 1 - z dimensions beside its own.  Nearly
    ``b s (φ(d) + d Φ(d))`` with ``s² = m p (1 - p)`` and ``d = (b - 1 - m p)/s``.  Rows in special position,
    which matter on layers of a few dozen rows alone, are left out.

    Examples
    --------
    >>> [round(math.exp(log_expected_freedom(b, 200)), 2) for b in (84, 94, 106)]
    [1.55, 56.18, 635.47]
    """
    b = check_scalar_batch_size(batch_size)
    m = check_scalar_integer("width", width, 1)
    zero = check_scalar_probability(p)
    reach = float(tail_reach(m * zero * (1 - zero)))
    top = min(b - 2, m)  # the largest count that leaves something open
    first = max(0, math.floor(min(top, m * zero) - reach))
    last = min(top, math.ceil(m * zero + reach))
    if last < first:  # so many zeros as to leave something open do not occur
        first = last = top
    z = np.arange(first, last + 1)
    terms = np.log(b - 1.0 - z) + log_binom_pmf(z, m, zero)
    return math.log(b) + float(special.logsumexp(terms))


def sign_extent(batch_size: int, width: int, p: float = 0.5) -> float:
    """Relative size of what signs leave open of a sample where zeros do not determine it: π E[R] / (m b).

    Parameters
    ----------
    batch_size, width, p
        As for `log_expected_freedom`.

    Returns
    -------
    float
        Error of a sample over its own size, root mean square over the batch; small linear programs reach
        0.9 to 1.2 times as much.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    It takes the masks for known.  No attack is known that reaches it.

    Examples
    --------
    >>> [round(sign_extent(b, 200), 3) for b in (84, 94, 106, 132)]
    [0.0, 0.009, 0.094, 0.487]
    """
    b, m = check_scalar_batch_size(batch_size), check_scalar_integer("width", width, 1)
    return math.pi * math.exp(log_expected_freedom(b, m, p) - math.log(m) - math.log(b))


def visual_limit(width: int, p: float = 0.5, *, extent: float = SEEN) -> int:
    """Largest batch whose samples signs still pin to within a share of their size (iid tier).

    Parameters
    ----------
    width, p
        As for `log_expected_freedom`.
    extent : float
        Relative error up to which a sample counts as seen, in (0, 1].

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> [visual_limit(m) for m in (200, 1000)]
    [132, 660]
    >>> [visual_limit(200, extent=share) for share in (0.01, 0.1)]
    [94, 106]
    """
    m = check_scalar_integer("width", width, 1)
    share = check_scalar_real("extent", extent, 0, 1, include_low=False)
    zero = check_scalar_probability(p)
    # E[(b - 1 - z)₊] is at least b - 1 - m p, and hardly more on wide layers: go down from there.
    high = math.floor(1 + m * (zero + share / math.pi)) + 2
    step, low = 1, max(1, high - 1)
    while low > 1 and sign_extent(low, m, zero) > share:
        step, low, high = 2 * step, max(1, low - 2 * step), low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sign_extent(middle, m, p) <= share else (low, middle)
    return low


def largest_safe_width(batch_size: int, p: float = 0.5, *, extent: float = SEEN) -> int:
    """Largest width on which a batch is larger than `visual_limit` (iid tier).

    Parameters
    ----------
    batch_size, p, extent
        As for `visual_limit`.

    Returns
    -------
    int
        0 where no width is so small.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> largest_safe_width(133), visual_limit(200), visual_limit(201)
    (200, 132, 133)
    """
    b = check_scalar_batch_size(batch_size)
    low, high = 0, 2
    while high <= _WIDEST and visual_limit(high, p, extent=extent) < b:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if visual_limit(middle, p, extent=extent) < b else (low, middle)
    return low

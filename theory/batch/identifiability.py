"""Batch size in, width at which zero patterns determine every sample out.

Below that width no method that uses the zero pattern alone can succeed.  Well above it exponential sampling
is not needed either: descent finds directions from random starts (``docs/theory/identifiability.md``).
"""

from __future__ import annotations

import math

import numpy as np

from theory.batch.failure import log_column_never_found
from theory.numerics.checks import check_scalar_batch_size, check_scalar_probability


def asymptotic_width(batch_size: int, p: float = 0.5) -> float:
    """Width ``(b - 1) / p`` at which an average column has just enough zeros.

    Examples
    --------
    >>> asymptotic_width(101)
    200.0
    """
    return (check_scalar_batch_size(batch_size) - 1) / check_scalar_probability(p)


def identifiable_width(batch_size: int, failure: float = 1e-3, p: float = 0.5) -> int:
    """Smallest width at which all directions are determined, except with a given probability (iid tier).

    Parameters
    ----------
    batch_size : int
        b >= 2.
    failure : float
        Bound on the probability, in (0, 1), that some column is not determined by its zeros (union over
        columns).
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    int
        Near ``(b - 1) / p`` for large b.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> [identifiable_width(b) for b in (5, 10, 20, 40)]
    [35, 42, 69, 122]
    """
    b = check_scalar_batch_size(batch_size)
    allowed = math.log(check_scalar_probability(failure, "failure")) - math.log(b)
    check_scalar_probability(p)

    def determined(width: int) -> bool:
        return float(np.asarray(log_column_never_found(b, width, p=p))) <= allowed

    low, high = b - 2, 2 * b
    while not determined(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if determined(middle) else (middle, high)
    return high

"""Sizes of a batch with more samples than features in, equations over unknowns out.

Such a gradient has full rank, and its row space says nothing.  Rows with few active samples still do.
"""

from __future__ import annotations

import math

from theory.limits.signs import log_expected_freedom
from theory.numerics.checks import check_scalar_batch_size, check_scalar_integer, check_scalar_probability

__all__ = ["equations_over_unknowns"]


def equations_over_unknowns(batch_size: int, width: int, features: int, p: float = 0.5) -> float:
    """Equations that the rows of a gradient give for the inputs, over the entries of these (iid tier).

    Parameters
    ----------
    batch_size : int
        b >= 2.
    width : int
        Rows m >= 1 of the gradient.
    features : int
        Entries n >= 1 of a sample.
    p : float
        Probability of a zero entry, in (0, 1).

    Returns
    -------
    float
        ``m E[(n + 1 - k)₊] / (b n)`` with k the active samples of a row; below 1 no method can succeed.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    A row is a combination of its k active samples, extended by one, with k unknown coefficients.

    Examples
    --------
    >>> [round(equations_over_unknowns(b, 4000, 30), 2) for b in (32, 64, 128)]
    [62.5, 2.37, 0.0]
    """
    b = check_scalar_batch_size(batch_size)
    m, n = check_scalar_integer("width", width, 1), check_scalar_integer("features", features, 1)
    # (n + 1 - k)₊ with k ~ Bin(b, 1 - p) is what a column of b rows leaves open in a batch of n + 2.
    log_left = log_expected_freedom(n + 2, b, 1 - check_scalar_probability(p)) - math.log(n + 2)
    return m * math.exp(log_left - math.log(b) - math.log(n))

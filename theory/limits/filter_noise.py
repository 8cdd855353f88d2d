"""Sizes and the width of a zero test in, the signal-to-noise ratio at which a filter of zero rows fails out.

A filter that solves a direction again on all rows near zero first counts with a widened test, and takes
active rows along.  These displace the solution, and with too much noise the true zero rows are lost.
"""

from __future__ import annotations

import math

from theory.noise.breakdown import breakdown_snr
from theory.numerics.checks import (
    ParameterError,
    check_scalar_integer,
    check_scalar_probability,
    check_scalar_real,
)

__all__ = ["filter_snr"]

_NEAR_ZERO = math.sqrt(2 / math.pi)  # density of |g| at zero


def filter_snr(
    batch_size: int, width: int, *, widen: float = 30.0, tolerance: float = 6.0, p: float = 0.5
) -> float:
    """Signal-to-noise ratio at which the filter loses half of the directions that are proposed to it exactly.

    Parameters
    ----------
    batch_size : int
        b >= 2.
    width : int
        m, with m p > b.
    widen : float
        Factor on the zero test for the first count, at least 1.
    tolerance : float
        Width of the zero test in standard deviations of the noise, positive.
    p : float
        Share of zeros, in (0, 1).

    Returns
    -------
    float
        ρ as in `theory.snr`; never below the ratio at which information ends, `theory.breakdown_snr`.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Of (1 - p) m active rows ``N = .8 (1 - p) m w t / ρ`` lie within w t standard deviations.  They move the
    residuals of zero rows by ``w t √(N b / 3) / (z - b)`` standard deviations, z = m p.  Half are lost where
    that is t² standard deviations, as measured: ρ grows with w³.  It is good to a factor of 2.3.

    Examples
    --------
    >>> round(filter_snr(20, 200)), round(filter_snr(20, 200, widen=3.0))
    (374, 7)
    """
    zero = check_scalar_probability(p)
    b = check_scalar_integer("batch_size", batch_size, 2)
    m = check_scalar_integer("width", width, 1)
    wide = check_scalar_real("widen", widen, 1, math.inf, include_high=False)
    limit = check_scalar_real("tolerance", tolerance, 0, math.inf, include_low=False, include_high=False)
    spare = m * zero - b
    if spare <= 0:
        raise ParameterError(f"width={m} is out of range: need more than batch_size / p = {b / zero:g}")
    edge = _NEAR_ZERO * (1 - zero) * m * wide**3 * b / (3 * limit * spare**2)
    return max(edge, breakdown_snr(b, m, zero))

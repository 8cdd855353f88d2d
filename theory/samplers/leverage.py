"""A batch size and a share of rows enter; how often rows of low leverage are all zero in one column leaves.

The leverage of a row, its squared length once the columns are whitened, needs nothing but the gradient, and
rows with few active entries are short. Drawing from the shortest rows alone raises the probability p that
everything rests on. Both models are for wide layers (m much larger than b) with Gaussian values.
"""

import functools
import math

import numpy as np
from scipy import special
from scipy.optimize import brentq

from theory.numerics.binomial import log_binom_pmf
from theory.numerics.checks import (
    FloatArray,
    check_scalar_batch_size,
    check_scalar_integer,
    check_scalar_probability,
)

__all__ = ["chain_flops", "guided_log_gain", "residual_zero_probability", "static_zero_probability"]

_NODES = 120  # Gauss-Hermite nodes: the integrand is smooth on the scale of one standard deviation


def static_zero_probability(batch_size: int, share: float, p: float = 0.5) -> float:
    """Probability of a zero among the rows of lowest leverage.

    Parameters
    ----------
    batch_size : int
        b, at least 2.
    share : float
        Fraction of the rows that are drawn from, in (0, 1).
    p : float, optional
        Probability of a zero among all rows, in (0, 1).

    Returns
    -------
    float
        p_eff, above p.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    A row with a active entries has leverage proportional to a chi-square variable with a degrees of freedom;
    the threshold t cuts off the wanted share, and p_eff = 1 - E[a | below t] / b.

    Examples
    --------
    >>> round(static_zero_probability(20, 0.1), 4)
    0.6047
    """
    b = check_scalar_batch_size(batch_size)
    share, p = check_scalar_probability(share, "share"), check_scalar_probability(p)
    active = np.arange(b + 1)
    weight = np.exp(log_binom_pmf(active, b, 1 - p))

    def below(t: float) -> FloatArray:
        return weight * np.where(active > 0, special.gammainc(np.maximum(active, 1) / 2, t / 2), 1.0)

    if weight[0] >= share:  # the rows without any active entry are enough
        return 1.0
    low = below(brentq(lambda t: below(t).sum() - share, 0.0, 20.0 * b + 100.0))
    return float(1 - (active @ low) / low.sum() / b)


def residual_zero_probability(dimension: int, share: float, p: float = 0.5) -> float:
    """Probability of a zero among the rows of lowest leverage that is left after some rows are eliminated.

    Parameters
    ----------
    dimension : int
        k, at least 2: dimensions that are left; b minus the rows drawn so far.
    share : float
        Fraction of the rows that are drawn from, in (0, 1).
    p : float, optional
        Probability of a zero, in (0, 1).

    Returns
    -------
    float
        Probability that such a row is zero in a column in which every row before it was.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    The column survives as one of the k coordinates: residual leverage is d^2 + chi-square with k-1 degrees of
    freedom, d = 0 with probability p and N(0, 1/(1-p)) otherwise. The other coordinates mix many columns,
    hence the Gaussian approximation, which is worst at small widths and late in the chain.

    Examples
    --------
    >>> bool(residual_zero_probability(2, 0.1) > residual_zero_probability(19, 0.1) > 0.5)
    True
    """
    k = check_scalar_integer("dimension", dimension, 2)
    share, p = check_scalar_probability(share, "share"), check_scalar_probability(p)
    nodes, weights = _hermite()

    def rest(t: FloatArray | float) -> FloatArray:
        return np.asarray(special.gammainc((k - 1) / 2, np.maximum(t, 0.0) / 2), np.float64)

    def below(t: float) -> float:
        return p * float(rest(t)) + (1 - p) * float(weights @ rest(t - nodes**2 / (1 - p)))

    t = brentq(lambda t: below(t) - share, 1e-12, (50.0 * k + 100.0) / (1 - p))
    return min(1.0, p * float(rest(t)) / share)


def guided_log_gain(batch_size: int, share: float, p: float = 0.5, *, adaptive: bool = True) -> float:
    """Log of how many more hits a chain of b-1 guided rows makes than one of uniform rows.

    Parameters
    ----------
    batch_size : int
        b, at least 2.
    share : float
        Fraction of the rows that each row is drawn from, in (0, 1).
    p : float, optional
        Probability of a zero, in (0, 1).
    adaptive : bool, optional
        Take the leverage anew after each row instead of once.

    Returns
    -------
    float
        Natural logarithm of the gain per chain; the chain itself costs more, see `chain_flops`.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(math.exp(guided_log_gain(20, 0.25, adaptive=False)), 1)
    12.5
    """
    b = check_scalar_batch_size(batch_size)
    p = check_scalar_probability(p)
    first = math.log(static_zero_probability(b, share, p))
    if adaptive:
        later = math.fsum(math.log(residual_zero_probability(k, share, p)) for k in range(2, b))
    else:
        later = (b - 2) * first
    return first + later - (b - 1) * math.log(p)


def chain_flops(batch_size: int, width: int) -> int:
    """Flops of an adaptive chain: every row is projected anew after each of the b-1 choices, 2mb^2 in all.

    Examples
    --------
    >>> chain_flops(20, 200)
    160000
    """
    b = check_scalar_batch_size(batch_size)
    return 2 * check_scalar_integer("width", width, b - 1) * b * b


@functools.cache
def _hermite() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()

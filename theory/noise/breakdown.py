"""A batch size and a width enter; the signal-to-noise ratio below which sampling finds nothing leaves."""

import math

import numpy as np
from scipy import special
from scipy.optimize import brentq

from theory.draws.one_draw import log_direction_probability
from theory.noise.tolerance import kappa_quantile
from theory.numerics.checks import (
    FloatArray,
    ParameterError,
    check_scalar_batch_size,
    check_scalar_integer,
    check_scalar_probability,
    check_scalar_real,
)

__all__ = ["breakdown_snr"]

_LOG_SURPRISE = 5.0  # a wrong kernel passes with probability e^-5 in the whole search


def breakdown_snr(batch_size: int, width: int, p: float = 0.5, *, hits: float = 100.0) -> float:
    """Signal-to-noise ratio below which sampling can no longer tell a direction from a wrong kernel.

    Parameters
    ----------
    batch_size : int
        b, at least 2.
    width : int
        m, at least b-1.
    p : float, optional
        Probability of a zero, in (0, 1).
    hits : float, optional
        True samples of one direction that the search can wait for, above 1; the best conditioned of them
        counts.

    Returns
    -------
    float
        rho*, an optimistic bound: in simulations the search ends 1.5 to 2 times above it.

    Raises
    ------
    ParameterError
        If an argument is out of range, or the width is too small to decide at any noise.

    Notes
    -----
    To wait for so many true samples means to look at hits/q_1 wrong ones. They are told apart if m rows carry
    as many nats: m D(r) >= log(hits/q_1) + 5, where D is the divergence between the residuals of a true
    direction, p N(0, r^2) + (1-p) N(0, 1 + r^2), and a Gaussian of equal variance, and r = kappa/rho.

    Examples
    --------
    >>> round(breakdown_snr(20, 200), 1)
    7.3
    """
    b = check_scalar_batch_size(batch_size)
    m = check_scalar_integer("width", width, b - 1)
    p = check_scalar_probability(p)
    count = check_scalar_real("hits", hits, 1, math.inf, include_low=False, include_high=False)
    needed = (math.log(count) - float(log_direction_probability(b, p)) + _LOG_SURPRISE) / m
    least = -10.0  # log r; at r = e^-10 the divergence still grows by half a nat for each unit of log r
    if _residual_divergence(math.exp(least), p) < needed:
        raise ParameterError(f"width={m} is out of range: need more rows, at any noise")
    log_r = brentq(lambda log_r: _residual_divergence(math.exp(log_r), p) - needed, least, 5.0)
    return float(kappa_quantile(1 / count, b)) / math.exp(log_r)


def _residual_divergence(r: float, p: float) -> float:
    """Divergence per row between the residuals of a true direction and a Gaussian of the same variance."""
    wide, spread = math.sqrt(1 + r * r), math.sqrt(1 - p + r * r)
    edge = 12 * r  # the peak of the zero rows is narrow: it gets half of the grid
    x = np.concatenate([np.linspace(0, edge, 4001)[:-1], np.linspace(edge, 12 * wide, 4001)])
    density = p * _normal(x / r) / r + (1 - p) * _normal(x / wide) / wide
    log_gauss = -0.5 * (x / spread) ** 2 - math.log(spread * math.sqrt(2 * math.pi))
    return float(2 * np.trapezoid(special.xlogy(density, density) - density * log_gauss, x))


def _normal(x: FloatArray) -> FloatArray:
    density: FloatArray = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return density

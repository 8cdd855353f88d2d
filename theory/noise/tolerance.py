"""A batch size and a tolerance enter; which residuals of zero rows the noise explains leaves.

The residual of a zero row under noise sigma has standard deviation sigma |q| kappa, where kappa depends on
the sample that the direction q came from and is heavy tailed.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory.noise.propagation import check_matrix, check_positive
from theory.numerics.checks import (
    FloatArray,
    ParameterError,
    check_probability,
    check_real,
    check_scalar_batch_size,
)
from theory.numerics.logmath import as_output

__all__ = ["fixed_tolerance_keep", "kappa_cdf", "kappa_quantile", "residual_scale", "tolerance_coverage"]


def kappa_cdf(x: ArrayLike, batch_size: int) -> float | FloatArray:
    """Distribution of the noise amplification of one sample.

    Parameters
    ----------
    x : array_like
        Values, at least 0.
    batch_size : int
        b, at least 2.

    Returns
    -------
    float or array
        P(kappa <= x), 0 up to x = 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    The residual of a zero row is the noise of that row less the noise of the b-1 sampled rows, combined with
    the coefficients w that express it in them: standard deviation sigma |q| kappa, kappa^2 = 1 + |w|^2. For
    generic rows |w|^2 is a ratio of independent chi-square variables, about (b-1)/g^2 with g standard normal:
    as heavy in the tail as 1/|g|, so that no fixed tolerance fits every sample.

    Examples
    --------
    >>> round(kappa_cdf(10.0, 20), 4)
    0.6613
    """
    n = check_scalar_batch_size(batch_size) - 1
    value = check_real("x", x, 0, math.inf)
    above = np.maximum(value**2 - 1, 0.0)
    with np.errstate(divide="ignore"):
        return as_output(special.erfc(np.sqrt(n / (2 * above))))  # 1/0 is meant: erfc(inf) = 0


def kappa_quantile(u: ArrayLike, batch_size: int) -> float | FloatArray:
    """Noise amplification that a fraction u of the samples stays below: the inverse of `kappa_cdf`.

    Parameters
    ----------
    u : array_like
        Fractions in (0, 1).
    batch_size : int
        b, at least 2.

    Returns
    -------
    float or array
        At least 1.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> round(kappa_quantile(0.5, 20), 3)
    6.539
    """
    n = check_scalar_batch_size(batch_size) - 1
    root = special.erfcinv(check_probability(u, "u"))
    return as_output(np.sqrt(1 + n / (2 * root**2)))


def residual_scale(sampled_rows: ArrayLike, tested_rows: ArrayLike) -> FloatArray:
    """Noise amplification kappa_j of each tested row for one sample, to set the tolerance by.

    Parameters
    ----------
    sampled_rows : array, shape (b-1, b)
        Rows of the left factor that the kernel was computed from.
    tested_rows : array, shape (m, b)
        Rows that are tested for a zero.

    Returns
    -------
    array, shape (m,)
        sqrt(1 + |w_j|^2), w_j the coefficients of row j in the sampled rows. The tolerance is c sigma |q|
        times this.

    Raises
    ------
    ParameterError
        If the arrays are not finite matrices of equal row length.

    Examples
    --------
    >>> residual_scale([[1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]).round(4)
    array([1.    , 1.4142])
    """
    sampled, tested = check_matrix("sampled_rows", sampled_rows), check_matrix("tested_rows", tested_rows)
    if sampled.shape[1] != tested.shape[1]:
        widths = f"{sampled.shape[1]} and {tested.shape[1]}"
        raise ParameterError(f"tested_rows has {widths} columns, out of range: need as many as sampled_rows")
    coefficients = tested @ np.linalg.pinv(sampled)
    scale: FloatArray = np.sqrt(1 + (coefficients**2).sum(axis=1))
    return scale


def tolerance_coverage(multiple: ArrayLike) -> float | FloatArray:
    """Fraction of zero rows within the adaptive tolerance c sigma |q| kappa_j, for small noise.

    Parameters
    ----------
    multiple : array_like
        c, at least 0.

    Returns
    -------
    float or array

    Raises
    ------
    ParameterError
        If ``multiple`` is negative.

    Examples
    --------
    >>> tolerance_coverage([1, 2, 3]).round(3)
    array([0.683, 0.954, 0.997])
    """
    return as_output(special.erf(check_real("multiple", multiple, 0, math.inf) / math.sqrt(2)))


def fixed_tolerance_keep(ratio: ArrayLike, batch_size: int, *, multiple: float = 3.0) -> float | FloatArray:
    """Fraction of good samples whose zero rows fit under a fixed tolerance.

    Parameters
    ----------
    ratio : array_like
        Tolerance over sigma |q|, at least 0.
    batch_size : int
        b, at least 2.
    multiple : float, optional
        Standard deviations that have to fit, positive.

    Returns
    -------
    float or array

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> fixed_tolerance_keep([30, 100], 20).round(2)
    array([0.66, 0.9 ])
    """
    value = check_real("ratio", ratio, 0, math.inf)
    return kappa_cdf(value / check_positive("multiple", multiple), batch_size)

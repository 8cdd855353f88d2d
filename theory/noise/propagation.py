"""Inputs and a source of noise enter; the signal-to-noise ratio of each direction and its accuracy leave.

The gradient is observed as G + noise of standard deviation sigma per entry. In the b coordinates of its row
space each row of the left factor then carries noise of covariance sigma^2 I, whatever the number of input
features. Everything is to first order in the noise.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from theory.numerics.checks import (
    FloatArray,
    ParameterError,
    check_real,
    check_scalar_integer,
    check_scalar_probability,
    check_scalar_real,
)
from theory.numerics.logmath import as_output

__all__ = [
    "ROUNDING_LEVEL",
    "distance_to_others",
    "dp_sgd_snr",
    "polish_mse",
    "psnr",
    "rounding_snr",
    "snr",
]

ROUNDING_LEVEL = {"float32": 2.0**-24, "float16": 2.0**-12, "bfloat16": 2.0**-9}
"""Rounding noise in units of rms(G), by the format of the gradient's entries.

For the 16-bit formats the rounding of a stored gradient, measured at .85 of the value given; for float32 the
error of a matrix product accumulated in that format, measured at 1.0 (b=20) to 1.7 (b=64).
"""


def distance_to_others(inputs: ArrayLike) -> FloatArray:
    """Distance of each input from the span of the others, which is 1/|q_i|.

    Parameters
    ----------
    inputs : array, shape (b, d)
        The batch, one sample a row, d at least b.

    Returns
    -------
    array, shape (b,)
        0 for an input that the others span.

    Raises
    ------
    ParameterError
        If ``inputs`` is not a finite matrix with at least as many columns as rows.

    Notes
    -----
    Columns of the pseudoinverse have the reciprocal lengths: 1/dist^2 is the diagonal of the inverse Gram
    matrix.

    Examples
    --------
    >>> distance_to_others([[3.0, 0.0], [3.0, 4.0]])
    array([2.4, 4. ])
    """
    left, size = _spectrum(inputs)
    # a vanishing singular value is meant to give an infinite length, unless the input has no part in it
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        inverse = np.where(left == 0, 0.0, left / size)
        distance: FloatArray = 1 / np.sqrt((inverse**2).sum(axis=1))
    return distance


def snr(inputs: ArrayLike, signal: float, noise_level: float) -> FloatArray:
    """Signal-to-noise ratio rho_i = v dist_i / sigma of each direction, on which everything below depends.

    Parameters
    ----------
    inputs : array, shape (b, d)
        The batch, one sample a row.
    signal : float
        v, root mean square of the nonzero entries of dL/dZ, positive.
    noise_level : float
        sigma, standard deviation of one entry of the gradient, positive.

    Returns
    -------
    array, shape (b,)

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> snr([[3.0, 0.0], [3.0, 4.0]], 1.0, 0.1)
    array([24., 40.])
    """
    return distance_to_others(inputs) * (
        check_positive("signal", signal) / check_positive("noise_level", noise_level)
    )


def polish_mse(
    inputs: ArrayLike, signal: float, noise_level: float, width: int, p: float = 0.5
) -> FloatArray:
    """Expected squared error per feature of each input after the refit on all its zero rows.

    Parameters
    ----------
    inputs : array, shape (b, d)
        The batch, one sample a row, d at least b.
    signal : float
        v, root mean square of the nonzero entries of dL/dZ, positive.
    noise_level : float
        sigma, standard deviation of one entry of the gradient, positive.
    width : int
        m, at least b-1.
    p : float, optional
        Probability of a zero, in (0, 1).

    Returns
    -------
    array, shape (b,)

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Three errors add up: the noise of the gradient averaged over the (1-p)m active rows, that of the bias
    gradient, which sets the scale, and what the error of q_i mixes in of every other input, larger the closer
    that input is to the span of the rest. First order in the noise, leading order in b/m. Errors of
    different directions are taken as independent, which overestimates the last part for correlated inputs.

    Examples
    --------
    >>> polish_mse([[3.0, 0.0], [3.0, 4.0]], 1.0, 0.1, 100)
    array([0.0014125, 0.0030125])
    """
    x = check_matrix("inputs", inputs)
    b = len(x)
    m = check_scalar_integer("width", width, max(b - 1, 1))
    p = check_scalar_probability(p)
    power = (x**2).mean(axis=1)
    leak = power / distance_to_others(x) ** 2
    relative = check_positive("noise_level", noise_level) / check_positive("signal", signal)
    mse: FloatArray = relative**2 / ((1 - p) * m) * (1 + power + (leak.sum() - leak) / p)
    return mse


def psnr(mse: ArrayLike, peak: float = 1.0) -> float | FloatArray:
    """Peak signal-to-noise ratio in decibels of a mean squared error.

    Parameters
    ----------
    mse : array_like
        Mean squared errors, positive.
    peak : float, optional
        Range of the features, positive.

    Returns
    -------
    float or array

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> psnr(1e-9)
    90.0
    """
    error = check_real("mse", mse, 0, math.inf, include_low=False)
    return as_output(20 * math.log10(check_positive("peak", peak)) - 10 * np.log10(error))


def dp_sgd_snr(inputs: ArrayLike, noise_multiplier: float, width: int, p: float = 0.5) -> FloatArray:
    """Signal-to-noise ratio that DP-SGD leaves: per-sample clipping, then Gaussian noise.

    Parameters
    ----------
    inputs : array, shape (b, d)
        The batch, one sample a row, d at least b.
    noise_multiplier : float
        zeta, standard deviation of the noise over the clipping norm, positive.
    width : int
        m, at least b-1.
    p : float, optional
        Probability of a zero, in (0, 1).

    Returns
    -------
    array, shape (b,)
        An upper limit: every sample is assumed to reach the clipping norm in this layer's weights alone.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Clipping bounds |d_i| |x_i| by the norm that the noise is scaled with, and the (1-p)m nonzero entries of
    d_i share it: Abadi et al., "Deep learning with differential privacy" (2016), algorithm 1.

    Examples
    --------
    >>> dp_sgd_snr(np.eye(20), 0.01, 200).round(1)[:2]
    array([10., 10.])
    """
    x = check_matrix("inputs", inputs)
    m = check_scalar_integer("width", width, max(len(x) - 1, 1))
    nonzero = (1 - check_scalar_probability(p)) * m
    share: FloatArray = distance_to_others(x) / np.linalg.norm(x, axis=1)
    return share / (check_positive("noise_multiplier", noise_multiplier) * math.sqrt(nonzero))


def rounding_snr(inputs: ArrayLike, dtype: str = "float32", p: float = 0.5) -> FloatArray:
    """Signal-to-noise ratio that the number format of the gradient leaves.

    Parameters
    ----------
    inputs : array, shape (b, d)
        The batch, one sample a row, d at least b.
    dtype : str
        A key of `ROUNDING_LEVEL`.
    p : float, optional
        Probability of a zero, in (0, 1).

    Returns
    -------
    array, shape (b,)

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    The columns of dL/dZ are taken to have equal energy; underflow of float16 is not included.

    Examples
    --------
    >>> rounding_snr(np.eye(2), "bfloat16")[0].round(2)
    np.float64(724.08)
    """
    if dtype not in ROUNDING_LEVEL:
        raise ParameterError(f"dtype={dtype!r} is out of range: need one of {sorted(ROUNDING_LEVEL)}")
    x = check_matrix("inputs", inputs)
    rms_per_signal = math.sqrt((1 - check_scalar_probability(p)) * float((x**2).sum(axis=0).mean()))
    return distance_to_others(x) / (ROUNDING_LEVEL[dtype] * rms_per_signal)


def check_positive(name: str, value: float) -> float:
    """One positive finite number, as a Python float."""
    return check_scalar_real(name, value, 0, math.inf, include_low=False, include_high=False)


def check_matrix(name: str, value: ArrayLike) -> FloatArray:
    """A matrix of finite numbers as float64."""
    matrix = np.asarray(value, np.float64)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise ParameterError(f"{name} has shape {matrix.shape}, out of range: need a finite matrix")
    return matrix


def _spectrum(inputs: ArrayLike) -> tuple[FloatArray, FloatArray]:
    x = check_matrix("inputs", inputs)
    if x.shape[1] < x.shape[0]:
        raise ParameterError(f"inputs has shape {x.shape}, out of range: need no fewer columns than rows")
    left, size, _ = np.linalg.svd(x, full_matrices=False)
    return left, size

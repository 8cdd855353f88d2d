"""Enters: how an update was stored or computed. Leaves: the standard deviation of its rounding errors.

What `factorize` takes as known noise. An error that is uniform over an interval of length q has the standard
deviation q / √12.
"""

import math

from array_api_compat import array_namespace

from spear_xp.errors import ArgumentRangeError, ShapeError
from spear_xp.numerics.backend import Array, enter

__all__ = ["rounding_of_difference", "rounding_of_quantisation"]


def rounding_of_difference(before: Array, after: Array, scale: float = 1.0, *, steps: int = 1) -> Array:
    """Rounding noise of `(before - after) / scale`, where weights have been stored after each step.

    Parameters
    ----------
    before, after : array, shape (m, n)
        Weights before and after local training, in the dtype that they were stored in.
    scale : float
        What the difference is divided by: the learning rate, times the steps where their mean is taken.
    steps : int
        How often the weights were rounded on the way.

    Returns
    -------
    array, shape (m, n)
        Standard deviation of the noise of each entry.

    Raises
    ------
    ArgumentRangeError
        If `scale` is zero or not finite, or `steps` is below 1.
    ShapeError
        If the weights have different shapes.

    Notes
    -----
    A weight in [2^e, 2^(e+1)) of a format with unit u = 2^-p has neighbours at a distance of q = u 2^e, and
    rounding to the nearest adds an error uniform in ±q / 2, of variance q² / 12, at each step (Widrow,
    Kollár 2008, chapter 1); where every step changes a weight by the same amount the errors add up instead.
    The difference itself is exact where both weights are within a factor of 2 of each other (Sterbenz).
    `after` counts: the weights at the start are known exactly.

    References
    ----------
    .. [1] B. Widrow, I. Kollár, "Quantization Noise", Cambridge University Press 2008.
    .. [2] P. H. Sterbenz, "Floating-Point Computation", Prentice-Hall 1974, theorem 4.3.1.

    Examples
    --------
    >>> import numpy as np
    >>> weight = np.full((2, 3), 0.03, "float32")
    >>> spacing = 12**0.5 * rounding_of_difference(weight, weight)[0, 0]
    >>> round(float(spacing * 2**29), 9)
    1.0
    """
    space, arrays, leave = enter(before=before, after=after)
    xp = space.xp
    if arrays["before"].shape != arrays["after"].shape:
        msg = f"before has shape {tuple(before.shape)} and after {tuple(after.shape)}: need the same"
        raise ShapeError(msg)
    if not (math.isfinite(scale) and scale != 0):
        msg = f"scale={scale}: need a finite number other than 0"
        raise ArgumentRangeError(msg)
    if steps < 1:
        msg = f"steps={steps}: need at least 1"
        raise ArgumentRangeError(msg)
    format_of = array_namespace(after).finfo(after.dtype)  # bfloat16 enters as float32
    sizes = xp.abs(xp.astype(arrays["after"], space.dtype))
    power = xp.floor(xp.log2(xp.maximum(sizes, float(format_of.smallest_normal))))
    spacing = float(format_of.eps) * 2.0**power
    return leave(spacing * ((steps / 12) ** 0.5 / abs(scale)))


def rounding_of_quantisation(step: float) -> float:
    """Rounding noise of values that were stored as multiples of a step.

    Parameters
    ----------
    step : float
        Distance of neighbouring values, such as the range of a tensor over 255 for 8 bits.

    Returns
    -------
    float
        Standard deviation of the noise of an entry, step / √12.

    Raises
    ------
    ArgumentRangeError
        If `step` is negative or not finite.

    Notes
    -----
    Holds where entries spread over several steps (Widrow, Kollár 2008, chapter 1); those below half a step
    become zero, and their error is as large as they are.

    References
    ----------
    .. [1] B. Widrow, I. Kollár, "Quantization Noise", Cambridge University Press 2008.

    Examples
    --------
    >>> round(rounding_of_quantisation(12**0.5), 12)
    1.0
    """
    if not (math.isfinite(step) and step >= 0):
        msg = f"step={step}: need a finite number >= 0"
        raise ArgumentRangeError(msg)
    return step / math.sqrt(12)

"""Arguments in, checked arrays out: one error type, and messages that state the legal range."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
_Array = TypeVar("_Array", IntArray, FloatArray)


class ParameterError(ValueError):
    """An argument outside the range in which the theory is defined.

    The message names the argument, the offending value (the first one, for an array) and the legal range.

    Examples
    --------
    >>> import theory
    >>> theory.expected_samples(1, 200)
    Traceback (most recent call last):
        ...
    theory.numerics.checks.ParameterError: batch_size=1 is out of range: need an integer >= 2
    """


def _numbers(name: str, value: npt.ArrayLike, need: str) -> FloatArray:
    try:
        raw = np.asarray(value)
        numbers = raw.astype(np.float64) if raw.dtype.kind in "iufO" else None
    except (TypeError, ValueError, OverflowError):
        numbers = None
    if numbers is None:  # strings, complex numbers, dates; and True is no count
        raise ParameterError(f"{name}={value!r} is out of range: need {need}")
    return numbers


def _require(name: str, array: FloatArray, legal: npt.NDArray[np.bool_] | np.bool_, need: str) -> None:
    bad = ~np.broadcast_to(legal, array.shape)
    if bad.any():
        raise ParameterError(f"{name}={float(array[bad].flat[0]):g} is out of range: need {need}")


def _single(name: str, array: _Array, need: str) -> _Array:
    if array.ndim:
        raise ParameterError(f"{name} has shape {array.shape}, out of range: need {need}")
    return array


def check_integer(
    name: str, value: npt.ArrayLike, low: int, high: int | None = None, *, need: str | None = None
) -> IntArray:
    """Return `value` as an int64 array (0-d for a scalar) after checking ``low <= value <= high``.

    Parameters
    ----------
    name : str
        Argument name for the message.
    value : array_like
        Integers; floats are accepted when they are whole numbers, so that ``1e6`` is a width.
    low, high : int
        Inclusive limits; `high` may be None.
    need : str, optional
        Wording of the legal range; by default built from the limits.

    Returns
    -------
    ndarray of int64

    Raises
    ------
    ParameterError
        If any entry is not a whole number within the limits (NaN included).

    Examples
    --------
    >>> int(check_integer("count", 3.0, 0))
    3
    """
    need = need or (f"an integer >= {low}" if high is None else f"an integer in [{low}, {high}]")
    array = _numbers(name, value, need)
    top = 2.0**53 if high is None else float(high)  # above 2^53 floats no longer hold every integer
    with np.errstate(invalid="ignore"):
        _require(name, array, (array >= low) & (array <= top) & (array == np.floor(array)), need)
    return array.astype(np.int64)


def check_real(
    name: str,
    value: npt.ArrayLike,
    low: float,
    high: float,
    *,
    include_low: bool = True,
    include_high: bool = True,
    need: str | None = None,
) -> FloatArray:
    """Return `value` as a float64 array (0-d for a scalar) after checking an interval; NaN never passes.

    Examples
    --------
    >>> float(check_real("rate", 0.5, 0, 1))
    0.5
    """
    brackets = "([", ")]"
    need = need or f"a number in {brackets[0][include_low]}{low:g}, {high:g}{brackets[1][include_high]}"
    array = _numbers(name, value, need)
    with np.errstate(invalid="ignore"):
        above = array >= low if include_low else array > low
        below = array <= high if include_high else array < high
    _require(name, array, above & below, need)
    return array


def check_batch_size(value: npt.ArrayLike) -> IntArray:
    """Batch size(s) as int64: at least 2, since one sample alone is read off the gradient directly."""
    return check_integer("batch_size", value, 2)


def check_width(value: npt.ArrayLike, batch_size: npt.ArrayLike = 2) -> IntArray:
    """Layer width(s) as int64: at least ``batch_size - 1``, the rows that one sample needs."""
    need = "an integer >= batch_size - 1"
    least = np.asarray(batch_size, np.int64) - 1
    if least.ndim == 0:
        return check_integer("width", value, int(least), need=f"{need} = {int(least)}")
    width = check_integer("width", value, 1, need=need)
    wide, least = np.broadcast_arrays(width, least)
    _require("width", wide.astype(np.float64), wide >= least, need)
    return width


def check_scalar_integer(name: str, value: npt.ArrayLike, low: int, high: int | None = None) -> int:
    """One integer with ``low <= value <= high``, as a Python int."""
    need = f"a single integer >= {low}" if high is None else f"a single integer in [{low}, {high}]"
    return int(_single(name, check_integer(name, value, low, high), need))


def check_scalar_real(
    name: str,
    value: npt.ArrayLike,
    low: float,
    high: float,
    *,
    include_low: bool = True,
    include_high: bool = True,
    need: str | None = None,
) -> float:
    """One number of an interval, as a Python float."""
    array = check_real(name, value, low, high, include_low=include_low, include_high=include_high, need=need)
    return float(_single(name, array, "a single number"))


def check_scalar_batch_size(value: npt.ArrayLike) -> int:
    """One batch size, as a Python int."""
    return int(_single("batch_size", check_batch_size(value), "a single integer >= 2"))


def check_scalar_width(value: npt.ArrayLike, batch_size: int = 2) -> int:
    """One layer width, as a Python int."""
    need = f"a single integer >= batch_size - 1 = {batch_size - 1}"
    return int(_single("width", check_width(value, batch_size), need))


def check_probability(value: npt.ArrayLike, name: str = "p") -> FloatArray:
    """Probability (or array of them) strictly between 0 and 1."""
    return check_real(name, value, 0, 1, include_low=False, include_high=False)


def check_scalar_probability(value: float, name: str = "p") -> float:
    """One probability strictly between 0 and 1, as a Python float."""
    return float(_single(name, check_probability(value, name), "a single number in (0, 1)"))


def check_count(name: str, value: npt.ArrayLike, total: npt.ArrayLike, total_name: str) -> IntArray:
    """Counts as int64 with ``0 <= value <= total``; `total` broadcasts against `value`."""
    need = f"an integer in [0, {total_name}]"
    whole = np.asarray(total, np.int64)
    if whole.ndim == 0:
        return check_integer(name, value, 0, int(whole), need=f"{need} = [0, {int(whole)}]")
    count = check_integer(name, value, 0, need=need)
    counts, whole = np.broadcast_arrays(count, whole)
    _require(name, counts.astype(np.float64), counts <= whole, need)
    return count

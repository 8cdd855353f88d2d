"""Enters: arrays of many columns. Leaves: short ones sorted by a network without branches; medians."""

from functools import cache

from spear_xp.numerics.backend import Array, Namespace

__all__ = ["sort_in_place", "sorting_network", "upper_median"]


def upper_median(xp: Namespace, values: Array) -> Array:
    """Median along the first axis, the larger of two in the middle: (m, k) gives (k,), (m,) gives ()."""
    return xp.sort(values, axis=0)[values.shape[0] // 2, ...]


def sort_in_place(xp: Namespace, keys: Array) -> None:
    """Sort along the first axis, in place: whole arrays through a network, without branches."""
    for start, stop, distance in sorting_network(keys.shape[0]):
        low, high = keys[start:stop, ...], keys[start + distance : stop + distance, ...]
        lower = xp.minimum(low, high)
        keys[start + distance : stop + distance, ...] = xp.maximum(low, high)
        keys[start:stop, ...] = lower


@cache
def sorting_network(size: int) -> tuple[tuple[int, int, int], ...]:
    """Batcher's odd-even merge sort as runs of exchanges.

    Parameters
    ----------
    size : int
        Number of lines, at least 1.

    Returns
    -------
    tuple of (start, stop, distance)
        Line i is compared with line i + distance for start <= i < stop, all at once.

    Examples
    --------
    >>> sorting_network(4)
    ((0, 1, 1), (2, 3, 1), (0, 2, 2), (1, 2, 1))
    """
    runs: list[tuple[int, int, int]] = []
    block = 1
    while block < size:
        distance = block
        while distance >= 1:
            for first in range(distance % block, size - distance, 2 * distance):
                for i in range(first, min(first + distance, size - distance)):
                    if i // (2 * block) != (i + distance) // (2 * block):
                        continue
                    start, stop, last = runs[-1] if runs else (0, 0, 0)
                    if i > first and last == distance and stop == i:
                        runs[-1] = (start, i + 1, distance)
                    else:
                        runs.append((i, i + 1, distance))
            distance //= 2
        block *= 2
    return tuple(runs)

"""Enters: arrays of many columns. Leaves: short ones sorted by a network without branches; medians."""

from functools import cache
from itertools import groupby

from spear_xp.numerics.backend import Array, Namespace, on_device

__all__ = ["sort_in_place", "sorting_layers", "sorting_network", "upper_median"]


def upper_median(xp: Namespace, values: Array) -> Array:
    """Median along the first axis, the larger of two in the middle: (m, k) gives (k,), (m,) gives ()."""
    return xp.sort(values, axis=0)[values.shape[0] // 2, ...]


def sort_in_place(xp: Namespace, keys: Array) -> None:
    """Sort along the first axis, in place: whole arrays through a network, without branches.

    A device takes one layer of the network at once, which moves more memory and launches a sixth as often.
    """
    size = keys.shape[0]
    if on_device(xp) and size > 1:
        partners = xp.asarray(sorting_layers(size), dtype=xp.int64, device=keys.device)
        first = xp.reshape(
            partners > xp.arange(size, device=keys.device), (*partners.shape, *[1] * (keys.ndim - 1))
        )
        current = keys
        for layer in range(partners.shape[0]):
            other = xp.take(current, partners[layer, :], axis=0)
            current = xp.where(first[layer, ...], xp.minimum(current, other), xp.maximum(current, other))
        keys[...] = current
        return
    for start, stop, distance in sorting_network(size):
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


@cache
def sorting_layers(size: int) -> tuple[tuple[int, ...], ...]:
    """The same network by layers: the line that each line meets there, itself where it meets none.

    Examples
    --------
    >>> sorting_layers(4)
    ((1, 0, 3, 2), (2, 3, 0, 1), (0, 2, 1, 3))
    """
    layers = []
    for distance, runs in groupby(sorting_network(size), key=lambda run: run[2]):
        partners = list(range(size))
        for start, stop, _ in runs:
            for i in range(start, stop):
                partners[i], partners[i + distance] = i + distance, i
        layers.append(tuple(partners))
    return tuple(layers)

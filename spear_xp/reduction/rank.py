"""Enters: the leading singular values of a gradient. Leaves: its numerical rank, the batch size."""

import math

from spear_xp.numerics.backend import Array, Host, to_host

__all__ = ["PART", "TAIL", "numerical_rank"]

GAP = 3.0  # chosen: ratio from which neighbouring singular values are a gap; those of noise differ by less
PART = 0.85  # chosen: part of a spectrum after which ratios are those of the edge of the noise, not of a gap
TAIL = 8  # chosen: values that must follow a gap where only the leading ones are known


def numerical_rank(
    values: Array, shape: tuple[int, int], floor: float, *, complete: bool = True
) -> int | None:
    """Rank of a matrix of the given shape from its leading singular values.

    The last clear gap above the rounding floor counts; with noise that leaves no gap, the edge of
    the Marchenko-Pastur law of the trailing values.

    Parameters
    ----------
    values : array, shape (r,)
        Leading singular values, descending.
    shape : (int, int)
        Shape of the matrix.
    floor : float
        Singular values that rounding of the entries alone can cause; what lies below means nothing.
    complete : bool
        Whether these are all of the singular values.

    Returns
    -------
    int or None
        None where neither rule sees a low rank.

    Examples
    --------
    >>> import numpy as np
    >>> numerical_rank(np.array([9.0, 5.0, 1.0, 1e-8, 9e-9, 8e-9, 7e-9, 7e-9]), (8, 9), 1e-15)
    3
    """
    host = to_host(values).astype(float)
    clipped = host.clip(min=floor)
    gaps = _clear_gaps(clipped, floor)
    if gaps and (complete or _noise_follows(clipped[gaps[-1] + 1 :], floor)):
        return gaps[-1] + 1
    if not complete:
        return None
    # No gap: count what sticks out of the noise, whose level the values below the count show.
    tall, wide = max(shape), min(shape)
    rank = 0
    for _ in range(20):
        tail = host[rank:]
        sigma = math.sqrt(float((tail**2).sum()) / (tall * max(1, wide - rank)))
        edge = 1.05 * sigma * (math.sqrt(tall) + math.sqrt(wide - rank))
        found = int((host > edge).sum())
        if found <= rank:
            break
        rank = found
    return rank if 0 < rank < PART * wide else None


def _clear_gaps(clipped: Host, floor: float) -> list[int]:
    """Where a value exceeds the next one by more than values of noise do.

    The last values of noise alone may do so, too: a gap among them counts only where it ends at the floor,
    and where none is wider.
    """
    ratios = clipped[:-1] / clipped[1:]
    inner = PART * float((clipped > floor).sum())
    gaps = [i for i in (ratios > GAP).nonzero()[0].tolist() if i < inner or clipped[i + 1] == floor]
    return [i for i in gaps if i < min(inner, len(clipped) - 2) or ratios[i] == ratios.max()]


def _noise_follows(tail: Host, floor: float) -> bool:
    """Whether the values after a gap are noise: many, and flat, or without a gap down to the floor."""
    flat = bool(tail[0] < GAP * tail[-1])
    ends = bool(tail[-1] < GAP * floor and (tail[:-1] <= GAP * tail[1:]).all())
    return len(tail) >= TAIL and (flat or ends)

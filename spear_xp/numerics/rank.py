"""Enters: the leading singular values of a gradient. Leaves: its numerical rank, the batch size."""

import math

from spear_xp.numerics.backend import Array, Host, to_host

__all__ = ["BULK", "GAP", "PART", "ROUNDING", "TAIL", "contrast", "edge_rank", "noise_edge", "numerical_rank"]

GAP = 3.0  # chosen: ratio from which neighbouring singular values are a gap; those of noise differ by less
PART = 0.85  # chosen: ratios in the last part of a spectrum are those of the edge of the noise, not of a gap
TAIL = 8  # chosen: values that must follow a gap where only the leading ones are known
NOTHING = 1e-3  # chosen: of the floor: values below it belong to columns that depend on others, noise and all
# measured: noise of the right model starts at .95 to 1.7 of its edge, what follows a gap inside the batch at
# 7 to 15 (lab.md, "Rank and noise of real updates")
BULK = 2.5
ROUNDING = 1e3  # measured: rounding starts at 2 to 10 floors, 1e-4 of added noise at 5e3 (the same table)
QUANTILE = 3.3  # derived: .999 quantile of the Tracy-Widom law of real matrices
ROUNDS, STEPS = 60, 512  # cosmetic: counts of the edge, points of the law


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
    if not complete:
        clipped = host.clip(min=floor)
        gaps = _clear_gaps(clipped, floor, math.inf)
        return gaps[-1] + 1 if gaps and _noise_follows(clipped[gaps[-1] + 1 :], floor) else None
    tall, wide = max(shape), min(shape)
    empty = int((host < NOTHING * floor).sum())
    if empty < (1 - PART) * wide:
        host, wide = host[: len(host) - empty], wide - empty
    low = (math.sqrt(tall) - math.sqrt(wide)) or math.inf
    spread = (math.sqrt(tall) + math.sqrt(wide)) / low  # of pure noise, from its largest to its least
    gaps = _clear_gaps(host.clip(min=floor), floor, GAP * spread**2 if tall > wide else math.inf)
    if gaps and _is_noise(host, gaps[-1] + 1, (tall, wide), floor):
        return gaps[-1] + 1
    rank = edge_rank(host, (tall, wide))
    return rank if rank is not None and 0 < rank < PART * wide else None


def contrast(values: Array, rank: int, floor: float) -> float:
    """Ratio of the last value that counts to the first that does not; 1 where there is none of either."""
    host = to_host(values).astype(float).clip(min=floor)
    return float(host[rank - 1] / host[rank]) if 0 < rank < len(host) else 1.0


def noise_edge(shape: tuple[int, int], level: float) -> float:
    """Value that the largest singular value of pure noise exceeds once in a thousand.

    Parameters
    ----------
    shape : (int, int)
        Shape of the matrix.
    level : float
        Standard deviation of its entries, which are independent.

    References
    ----------
    .. [1] I. M. Johnstone, "On the distribution of the largest eigenvalue in principal components
       analysis", Annals of Statistics 2001, theorem 1.1.
    """
    roots = [math.sqrt(max(size - 0.5, 0.5)) for size in shape]
    centre = sum(roots) ** 2
    width = sum(roots) * sum(1 / root for root in roots) ** (1 / 3)
    return level * math.sqrt(centre + QUANTILE * width)


def edge_rank(values: Array, shape: tuple[int, int]) -> int | None:
    """How many of all singular values stick out of the noise, whose level the median of the others shows."""
    host, (tall, wide), rank = to_host(values).astype(float), (max(shape), min(shape)), 0
    for _ in range(ROUNDS):
        if rank >= wide - 2:
            return None
        found = int((host > _edge_of_tail(host, rank, (tall, wide))).sum())
        if found <= rank:
            return rank
        rank = found
    return None


def _edge_of_tail(host: Host, rank: int, shape: tuple[int, int]) -> float:
    """Edge of the values beyond the rank, if all of them are noise of the level that their median shows."""
    long, short = max(shape) - rank, min(shape) - rank
    tail = sorted(host[rank : rank + short].tolist())
    middle = (tail[len(tail) // 2] + tail[(len(tail) - 1) // 2]) / 2
    return noise_edge((long, short), middle / math.sqrt(_median_of_law(short / long) * long))


def _median_of_law(ratio: float) -> float:
    """Median of the Marchenko-Pastur law of variance 1 and this ratio of sides, by its angle."""
    centre, reach = 1 + ratio, 2 * math.sqrt(ratio)
    points = [centre - reach * math.cos(math.pi * (i + 0.5) / STEPS) for i in range(STEPS)]
    masses = [math.sin(math.pi * (i + 0.5) / STEPS) ** 2 / x for i, x in enumerate(points)]
    half, total = math.fsum(masses) / 2, 0.0
    for point, mass in zip(points, masses, strict=True):
        total += mass
        if total >= half:
            return point
    return points[-1]


def _clear_gaps(clipped: Host, floor: float, last: float) -> list[int]:
    """Where a value exceeds the next one by more than values of noise do.

    The last values of noise alone may do so, too: a gap among them counts only where it ends at the floor
    or exceeds the factor `last`, and where none is wider.
    """
    ratios = clipped[:-1] / clipped[1:]
    inner = PART * float((clipped > floor).sum())
    gaps = [
        i
        for i in (ratios > GAP).nonzero()[0].tolist()
        if i < inner or clipped[i + 1] == floor or ratios[i] > last
    ]
    return [i for i in gaps if i < min(inner, len(clipped) - 2) or ratios[i] == ratios.max()]


def _is_noise(host: Host, rank: int, shape: tuple[int, int], floor: float) -> bool:
    """Whether the values beyond the rank may be rounding, or start near the edge of noise of their level."""
    if rank >= min(shape) - 2 or host[rank] < ROUNDING * floor:
        return True
    return bool(host[rank] < BULK * _edge_of_tail(host, rank, shape))


def _noise_follows(tail: Host, floor: float) -> bool:
    """Whether the values after a gap are noise: many, and flat, or without a gap down to the floor."""
    flat = bool(tail[0] < GAP * tail[-1])
    ends = bool(tail[-1] < GAP * floor and (tail[:-1] <= GAP * tail[1:]).all())
    return len(tail) >= TAIL and (flat or ends)

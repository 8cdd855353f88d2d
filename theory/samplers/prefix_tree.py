"""A batch size and the shape of a tree enter; its price leaves: many kernels share one elimination.

The rows of a sample are a path from the root. Most of a path, the prefix, is eliminated once; a few pool
rows, projected to the dimensions that remain, complete it in many ways.
"""

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from theory.numerics.binomial import log_binom_pmf, log_zero_subset
from theory.numerics.checks import (
    FloatArray,
    check_integer,
    check_scalar_integer,
    check_scalar_probability,
    check_scalar_real,
)
from theory.samplers.cost import CHECKED_ROWS, SamplerCost, check_batch, elimination_flops

__all__ = ["best_prefix_tree", "branching_tree", "inner_draws", "prefix_tree"]


def inner_draws(outer_flops: float, inner_flops: float, success: float) -> float:
    """Number of inner draws for each prefix at which a hit is cheapest.

    Parameters
    ----------
    outer_flops, inner_flops : float
        Cost of a prefix and of an inner draw, positive.
    success : float
        x, the probability that an inner draw of a good prefix succeeds, in (0, 1].

    Returns
    -------
    float
        s* = u / x where exp(u) - 1 - u = x outer / inner.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Newton's method from above on a convex function, in place of the Lambert function, which loses half its
    digits near its branch point u = 0; `theory.formulas.optimal_draws` is the closed form.

    Examples
    --------
    >>> round(inner_draws(8.0, 1.0, 0.0625), 4)
    13.7228
    """
    x = check_scalar_real("success", success, 0, 1, include_low=False)
    outer = check_scalar_real("outer_flops", outer_flops, 0, math.inf, include_low=False, include_high=False)
    inner = check_scalar_real("inner_flops", inner_flops, 0, math.inf, include_low=False, include_high=False)
    kappa = x * outer / inner
    root = math.sqrt(2 * kappa)
    if root < 1e-5:
        return (root - kappa / 3) / x
    u = min(root, math.log1p(kappa + root))  # both are upper bounds
    for _ in range(8):
        u -= (math.expm1(u) - u - kappa) / math.expm1(u)
    return u / x


def prefix_tree(batch_size: int, inner: int, pool: int, draws: int, p: float = 0.5) -> SamplerCost:
    """Price of a tree of two levels: a prefix of rows, then many draws of the last ones.

    Parameters
    ----------
    batch_size : int
        b, at least 4.
    inner : int
        k, dimensions that the prefix of b-k rows leaves, from 3 to b-1.
    pool : int
        R, rows projected to these dimensions, at least k.
    draws : int
        s, subsets of k-1 rows drawn from the pool.
    p : float, optional
        Probability of a zero, in (0, 1).

    Returns
    -------
    SamplerCost

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> from theory.samplers import plain_sampler
    >>> round(prefix_tree(10, 3, 6, 10).gain_over(plain_sampler(10)), 1)
    1.8
    """
    b, p = check_batch(batch_size, 4), check_scalar_probability(p)
    k = check_scalar_integer("inner", inner, 3, b - 1)
    R, s = check_scalar_integer("pool", pool, k), check_scalar_integer("draws", draws, 1)
    weight = _zeros_in_pool(R, p)
    with np.errstate(divide="ignore"):
        miss = s * np.log1p(-np.minimum(np.exp(log_zero_subset(np.arange(R + 1), k - 1, R)), 1.0))
    hits = float(weight @ -np.expm1(miss))
    flops = _prefix_flops(b, k, R) + s * _inner_flops(k)
    return SamplerCost(b, flops, (b - k) * math.log(p) + math.log(hits), f"prefix k={k}, R={R}, s={s}")


def branching_tree(batch_size: int, pool: int, branches: tuple[int, ...], p: float = 0.5) -> SamplerCost:
    """Price of a tree that eliminates one pool row a level and ends with equal slopes in two dimensions.

    Parameters
    ----------
    batch_size : int
        b, at least ``len(branches) + 3``.
    pool : int
        R, rows projected to the dimensions that the prefix leaves, at least ``len(branches) + 2``.
    branches : tuple of int
        Children of a node on each level; empty for slopes right after the prefix.
    p : float, optional
        Probability of a zero, in (0, 1).

    Returns
    -------
    SamplerCost

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> branching_tree(20, 5, (2,)).flops
    5491.0
    """
    k = len(branches) + 2
    b, p = check_batch(batch_size, k + 1), check_scalar_probability(p)
    R = check_scalar_integer("pool", pool, k)
    check_integer("branches", branches or 1, 1)
    flops, nodes = _prefix_flops(b, k, R), 1
    for dimension, children in zip(range(k - 1, 1, -1), branches, strict=True):
        nodes *= children
        flops += nodes * 2 * R * dimension
    flops += nodes * 4 * R
    z = np.arange(R + 1)
    found = (z >= k).astype(float)  # k-2 zero rows on the way down and two that collide
    for level in range(k - 3, -1, -1):
        fresh = np.clip((z - level) / (R - level), 0, 1)
        found = 1 - (1 - fresh * found) ** branches[level]
    log_hits = (b - k) * math.log(p) + math.log(float(_zeros_in_pool(R, p) @ found))
    return SamplerCost(b, flops, log_hits, f"tree R={R}, branches={branches}")


def best_prefix_tree(batch_size: int, p: float = 0.5) -> SamplerCost:
    """Cheapest tree of either kind, over a grid of pools and depths.

    Parameters
    ----------
    batch_size : int
        b, at least 4.
    p : float, optional
        Probability of a zero, in (0, 1).

    Returns
    -------
    SamplerCost

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    The branching tree is improved one level at a time until no number of children in [1, 8] helps.

    Examples
    --------
    >>> best_prefix_tree(10).setting
    'prefix k=3, R=6, s=10'
    """
    b, p = check_batch(batch_size, 4), check_scalar_probability(p)
    trees = [*_two_level(b, p), *(_branching(b, k, p) for k in range(2, min(12, b - 1) + 1))]
    return min(trees, key=_log_price)


def _two_level(b: int, p: float) -> Iterator[SamplerCost]:
    for k in range(3, min(b - 1, 16) + 1):
        for R in sorted({k + 1, k + 2, k + 4, k + 8, 2 * k, 2 * k + 8, 3 * k, 4 * k, 6 * k}):
            best = inner_draws(_prefix_flops(b, k, R), _inner_flops(k), p ** (k - 1))
            # the closed form holds for an unlimited pool: scan around it
            yield from (prefix_tree(b, k, R, max(1, int(f * best)), p) for f in (0.5, 0.7, 0.85, 1, 1.2, 1.5))


def _branching(b: int, k: int, p: float) -> SamplerCost:
    pools = {k, k + 1, k + 2, k + 4, k + 8, 2 * k, 2 * k + 4, 3 * k}
    return min((_improve(b, R, (2,) * (k - 2), p) for R in sorted(pools)), key=_log_price)


def _improve(b: int, R: int, branches: tuple[int, ...], p: float) -> SamplerCost:
    best, improved = branching_tree(b, R, branches, p), True
    while improved:
        improved = False
        for level, children in itertools.product(range(len(branches)), range(1, 9)):
            changed = (*branches[:level], children, *branches[level + 1 :])
            tree = branching_tree(b, R, changed, p)
            if tree.log_price < best.log_price - 1e-12:
                best, branches, improved = tree, changed, True
    return best


def _log_price(cost: SamplerCost) -> float:
    return cost.log_price


@functools.cache
def _zeros_in_pool(R: int, p: float) -> FloatArray:
    """Law of the number of pool rows that are zero for one direction."""
    return np.exp(log_binom_pmf(np.arange(R + 1), R, p))


def _prefix_flops(b: int, k: int, R: int) -> float:
    return float(elimination_flops(b - k, b) + 2 * b * k * R)


def _inner_flops(k: int) -> float:
    return float(elimination_flops(k - 1, k) + 2 * k * CHECKED_ROWS)

"""A batch size and the shape of an information set enter; its price leaves.

An information set eliminates b rows once and looks at b^2/2 candidates: every direction with few active rows
among them.
"""

import math

import numpy as np

from theory.numerics.binomial import binom_sf, log_binom_pmf, log_zero_subset
from theory.numerics.checks import ParameterError, check_scalar_integer, check_scalar_probability
from theory.patterns.rank_failure import kernel_support, log_matching
from theory.samplers.cost import CHECKED_ROWS, SamplerCost, check_batch, elimination_flops

__all__ = ["best_information_set", "information_set"]


def information_set(
    batch_size: int, pool: int = 5, weight: int = 2, *, pairs: int = 1, p: float = 0.5, exact: bool = False
) -> SamplerCost:
    """Price of an information set: b rows eliminated once, every direction with few active rows among them.

    Parameters
    ----------
    batch_size : int
        b, at least 3.
    pool : int
        R, further rows expressed in the b eliminated ones, at least 2.
    weight : int
        Most active rows in the information set, 1 to 3.
    pairs : int, optional
        Pairs of pool rows tried for each triple of columns, with weight 3.
    p : float, optional
        Probability of a zero, in (0, 1).
    exact : bool, optional
        Include the probability that the rows have the rank they need, which weights 1 and 2 allow. The
        default leaves it out, to compare with the other samplers.

    Returns
    -------
    SamplerCost

    Raises
    ------
    ParameterError
        If an argument is out of range, or ``exact`` is asked for with weight 3.

    Notes
    -----
    The idea of Prange, "The use of information sets in decoding cyclic codes" (1962), and of the searches for
    words of low weight that followed it. A direction with two active rows in the set is left by b-2 zero rows
    in a plane, spanned by it and by a kernel vector of the other columns; with k nonzeros there, a pool row
    narrows the plane down if it is zero for the direction and not for all k: the sum over k in the exact
    form.

    Examples
    --------
    >>> cost = information_set(10, exact=True)
    >>> round(10 * math.exp(cost.log_hits), 4)
    0.4184
    """
    b, p = check_batch(batch_size, 3), check_scalar_probability(p)
    w = check_scalar_integer("weight", weight, 1, 3)
    R, t = check_scalar_integer("pool", pool, max(w, 2)), check_scalar_integer("pairs", pairs, 1)
    if exact and w == 3:
        raise ParameterError("exact=True is out of range: need weight 1 or 2")
    flops = elimination_flops(b, b) + 2 * b * b * R
    hits = _single_hits(b, R, p, exact)
    if w >= 2:
        flops += math.comb(b, 2) * 3 * R
        hits += _double_hits(b, R, p, exact)
    if w == 3:
        flops += math.comb(b, 3) * t * (9 + 5 * CHECKED_ROWS)  # a kernel in three dimensions, then its check
        hits += _triple_hits(b, R, t, p)
    # every weight leaves at least b-3 zero rows: that power is kept in the logarithm
    return SamplerCost(
        b, float(flops), math.log(hits) + (b - 3) * math.log(p), f"weight={w}, R={R}, pairs={t}"
    )


def best_information_set(batch_size: int, p: float = 0.5) -> SamplerCost:
    """Cheapest information set over weights 1 to 3 and pools of 2 to 12 rows.

    Parameters
    ----------
    batch_size : int
        b, at least 3.
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
    >>> best_information_set(20).setting
    'weight=2, R=5, pairs=1'
    """
    sets = [
        information_set(batch_size, pool, weight, pairs=pairs, p=p)
        for weight, trials in ((1, (1,)), (2, (1,)), (3, (1, 2, 3, 4, 6, 8, 12)))
        for pool in (2, 3, 4, 5, 6, 8, 10, 12)
        for pairs in trials
        if pool >= weight
    ]
    return min(sets, key=lambda cost: cost.log_price)


def _single_hits(b: int, R: int, p: float, exact: bool) -> float:
    """Hits of a direction with one active row in the set, over p^(b-3)."""
    rank = math.exp(float(log_matching(b - 1, p))) if exact else 1.0
    return b * p**2 * (1 - p) * float(binom_sf(1, R, p)) * rank


def _double_hits(b: int, R: int, p: float, exact: bool) -> float:
    """Hits of a direction with two active rows in the set, over p^(b-3)."""
    seen = float(binom_sf(1, R, p))
    if exact:
        k = np.arange(1, b)
        nonsingular = 1 - p ** (2 * k)  # one of the two active rows meets the other kernel vector
        seen = float(kernel_support(b - 1, p).support @ (nonsingular * binom_sf(1, R, p * (1 - p**k))))
    return math.comb(b, 2) * p * (1 - p) ** 2 * seen


def _triple_hits(b: int, R: int, pairs: int, p: float) -> float:
    """Hits of a direction with three active rows in the set, over p^(b-3)."""
    z = np.arange(R + 1)
    both_zero = np.exp(log_zero_subset(z, 2, R)) * (z >= 3)  # a third zero row has to confirm
    seen = float(np.exp(log_binom_pmf(z, R, p)) @ (1 - (1 - both_zero) ** pairs))
    return math.comb(b, 3) * (1 - p) ** 3 * seen

"""A batch size and a way of sampling enter; flops and hits per draw leave, hence the price of a direction.

Plain sampling pays one elimination for one look at one kernel: it is what the others are compared with. Flops
are counted as in Golub & Van Loan, "Matrix Computations", section 3.2.
"""

import math
from dataclasses import dataclass

from theory.numerics.checks import check_scalar_integer, check_scalar_probability
from theory.patterns.rank_failure import log_matching

__all__ = ["SamplerCost", "elimination_flops", "plain_sampler"]

CHECKED_ROWS = 2  # a random kernel vector rarely has two zeros among rows it was not made from


@dataclass(frozen=True, slots=True)
class SamplerCost:
    """Price of one draw of a sampler.

    Attributes
    ----------
    batch_size : int
        b.
    flops : float
        Floating-point operations of a draw.
    log_hits : float
        Log of the expected number of times that a draw finds one given direction.
    setting : str
        The sampler and its parameters.
    """

    batch_size: int
    flops: float
    log_hits: float
    setting: str

    @property
    def log_price(self) -> float:
        """Log of the flops per hit of one given direction."""
        return math.log(self.flops) - self.log_hits

    @property
    def log_total_flops(self) -> float:
        """Log of the expected flops until every direction is found, if hits come independently."""
        return math.log(math.fsum(1 / i for i in range(1, self.batch_size + 1))) + self.log_price

    def gain_over(self, other: "SamplerCost") -> float:
        """How many times cheaper a direction is than with another sampler."""
        return math.exp(other.log_price - self.log_price)


def elimination_flops(rows: int, columns: int) -> int:
    """Flops of eliminating a block and solving for its kernel.

    Parameters
    ----------
    rows, columns : int
        Shape of the block, ``0 <= rows <= columns``.

    Returns
    -------
    int
        Elimination with row exchanges, then a back substitution for each of the ``columns - rows`` kernel
        vectors.

    Raises
    ------
    ParameterError
        If ``rows`` is not in [0, columns].

    Examples
    --------
    >>> elimination_flops(9, 10)
    597
    """
    c = check_scalar_integer("columns", columns, 1)
    r = check_scalar_integer("rows", rows, 0, c)
    linear, square = r * (r - 1) // 2, (r - 1) * r * (2 * r - 1) // 6
    return 2 * square + (2 * (c - r) + 1) * linear + (c - r) * r * r


def plain_sampler(batch_size: int, p: float = 0.5, *, exact: bool = False) -> SamplerCost:
    """Price of the published sampler: one elimination of b-1 random rows for each kernel.

    Parameters
    ----------
    batch_size : int
        b, at least 2.
    p : float, optional
        Probability of a zero, in (0, 1).
    exact : bool, optional
        Include the probability that the sampled rows have full rank; the other samplers leave it out by
        default.

    Returns
    -------
    SamplerCost

    Raises
    ------
    ParameterError
        If ``batch_size`` or ``p`` is out of range.

    Examples
    --------
    >>> plain_sampler(20).flops
    5172.0
    """
    b, p = check_batch(batch_size, 2), check_scalar_probability(p)
    flops = elimination_flops(b - 1, b) + 2 * b * CHECKED_ROWS
    rank = float(log_matching(b - 1, p)) if exact else 0.0
    return SamplerCost(b, float(flops), (b - 1) * math.log(p) + rank, "plain")


def check_batch(batch_size: int, least: int) -> int:
    """One batch size of at least ``least``, below which a sampler has no room for its levels."""
    return check_scalar_integer("batch_size", batch_size, least)

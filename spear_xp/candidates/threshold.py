"""Enters: the shape of a problem. Leaves: how many zero rows a direction needs.

With `forecasting` and `certification.false_acceptance` one of the bridges to `theory`.
"""

import theory
from spear_xp.geometry.nullspaces import CONFIRMING

__all__ = ["sparsity_threshold"]


def sparsity_threshold(width: int, rank: int, false_rejection: float = 1e-9, zero_share: float = 0.5) -> int:
    """Zero rows that a direction needs: the published threshold, and enough rows to confirm the kernel.

    Parameters
    ----------
    width : int
        Live rows m.
    rank : int
        Batch size b.
    false_rejection : float
        Probability in (0, 1) that a true direction has fewer zeros.
    zero_share : float
        Probability in (0, 1) of a zero entry of D.
    """
    return max(int(theory.minimum_zero_count(width, false_rejection, zero_share)), rank + CONFIRMING)

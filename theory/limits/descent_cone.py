"""Share of zeros and weights in, share of the rows out up to which a column is a least point of the l1 norm.

Descent can only end at a column of D if the weighted l1 norm of U q has a strict local minimum there.  The
directions that lower the norm form a cone, and a random subspace of b - 1 dimensions misses it as long as
the dimensions of both add up to less than m (Amelunxen, Lotz, McCoy, Tropp 2014).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.numerics.checks import (
    FloatArray,
    ParameterError,
    check_real,
    check_scalar_probability,
    check_scalar_real,
)

__all__ = ["l1_limit", "statistical_dimension"]

_HALVINGS = 60  # of an interval of log τ: to the last digit that matters
_FARTHEST = 30.0


def statistical_dimension(
    active_weights: npt.ArrayLike = 1.0,
    zero_weights: npt.ArrayLike = 1.0,
    p: float = 0.5,
    *,
    active_shares: npt.ArrayLike | None = None,
    zero_shares: npt.ArrayLike | None = None,
) -> float:
    """Dimension δ, over m, of the cone in which a weighted l1 norm falls at a random sparse column.

    Parameters
    ----------
    active_weights, zero_weights : array_like, shape (k,), >= 0
        Weights that occur on rows where the column is active, and where it is zero.
    p : float
        Share of zeros of the column, in (0, 1).
    active_shares, zero_shares : array_like, shape (k,), optional
        How often each weight occurs, in any unit; all alike where not given.

    Returns
    -------
    float
        ``min_τ (1 - p) E[1 + τ² w²] + p E[(|g| - τ w)₊²]`` over τ >= 0, g standard normal; in [1 - p, 1].

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Subgradients span the polar of the cone, and δ is the mean squared distance of a Gaussian vector from it;
    to leading order the best multiple τ of the subgradients may be chosen beforehand.

    Examples
    --------
    >>> round(statistical_dimension(), 4)  # plain l1, half of the entries zero
    0.8313
    >>> round(statistical_dimension(0.0, 1.0), 12)  # weights know the mask
    0.5
    """
    share = check_scalar_probability(p)
    active, often = _weights("active", active_weights, active_shares)
    zero, common = _weights("zero", zero_weights, zero_shares)
    pull = (1 - share) * float(often @ active**2)

    def slope(tau: float) -> float:
        """Half the derivative with respect to τ; it grows with τ."""
        level = tau * zero
        over = 2 * (_density(level) - level * special.ndtr(-level))  # E (|g| - level)₊
        return tau * pull - share * float(common @ (zero * over))

    low, high = -_FARTHEST, _FARTHEST  # log τ
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(math.exp(middle)) < 0 else (low, middle)
    tau = math.exp(low)
    level = tau * zero
    squares = 2 * ((1 + level**2) * special.ndtr(-level) - level * _density(level))  # E (|g| - level)₊²
    return 1 - share + tau**2 * pull + share * float(common @ np.maximum(squares, 0))


def l1_limit(p: float = 0.5, *, mask_error: float | None = None) -> float:
    """Largest b/m at which a column is a strict local minimum of the l1 norm on the sphere.

    Parameters
    ----------
    p : float
        Share of zeros of the column, in (0, 1).
    mask_error : float, optional
        Without it all rows weigh alike.  With it only those rows count that a predicted mask takes for zero,
        and the prediction is wrong on this share of either kind, in [0, 1].

    Returns
    -------
    float
        1 - δ, in (0, p].

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Whether descent arrives there from a random start is another matter.

    Examples
    --------
    >>> [round(l1_limit(p), 4) for p in (0.6, 0.55, 0.5, 0.45, 0.4)]
    [0.2503, 0.207, 0.1687, 0.135, 0.1056]
    >>> [round(l1_limit(mask_error=error), 3) for error in (0, 0.05, 0.1, 0.2)]
    [0.5, 0.398, 0.336, 0.244]
    """
    if mask_error is None:
        return 1 - statistical_dimension(p=p)
    wrong = check_scalar_real("mask_error", mask_error, 0, 1)
    shares = (wrong, 1 - wrong)
    return 1 - statistical_dimension((1, 0), (0, 1), p, active_shares=shares, zero_shares=shares)


def _weights(name: str, values: npt.ArrayLike, shares: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Weights and how often each occurs, in shares that add up to one."""
    weights = np.atleast_1d(check_real(f"{name}_weights", values, 0, math.inf, include_high=False))
    often = np.ones(weights.shape) if shares is None else check_real(f"{name}_shares", shares, 0, math.inf)
    if often.shape != weights.shape or not 0 < often.sum() < math.inf:
        raise ParameterError(f"{name}_shares has shape {often.shape}, out of range: need one for each weight")
    return weights, often / often.sum()


def _density(x: FloatArray) -> FloatArray:
    density: FloatArray = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return density

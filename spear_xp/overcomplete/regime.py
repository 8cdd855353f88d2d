"""Enters: a gradient, and its factorisation if it has a low rank. Leaves: whether it may be overcomplete."""

from enum import Enum

from spear_xp.numerics.linalg import normalize
from spear_xp.reduction.factorization import Factorization
from spear_xp.reduction.gradient import Gradient

__all__ = ["Regime", "regime_of"]

WIDEST = 1024  # chosen: columns up to which rows are looked at one by one
COARSE = 1e3  # chosen: noise in rounding units of the gradient, from which it may be samples
SEVERAL = 2  # derived: in one dimension all axes look the same
PARALLEL = 1e-4  # chosen: 1 less the cosine of columns that belong to one group
FILLED = 1e-4  # chosen: length of a part of a coordinate axis, below which it is zero


class Regime(Enum):
    """What a spectrum says of the number of samples."""

    ORDINARY = "fewer samples than dimensions"
    STRUCTURED = "a low rank that one-hot blocks or constant columns explain, whatever the number of samples"
    COARSE = "a low rank beside noise, which may be samples"
    SATURATED = "no low rank: at least as many samples as dimensions, or noise"


def regime_of(gradient: Gradient, factorization: Factorization | None) -> Regime:
    """Tell regimes apart.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient.
    factorization : Factorization or None
        None where it has no low rank.

    Returns
    -------
    Regime
        `ORDINARY` as well where there are too few rows, or too many columns, for anything else.
    """
    if gradient.columns > WIDEST or gradient.live.shape[0] <= gradient.columns:
        return Regime.ORDINARY
    if factorization is None:
        return Regime.SATURATED
    if factorization.noise_level * gradient.columns**0.5 > COARSE * gradient.roundoff:
        return Regime.COARSE
    return Regime.STRUCTURED if _is_structured(gradient, factorization) else Regime.ORDINARY


def _is_structured(gradient: Gradient, factorization: Factorization) -> bool:
    """Whether the space that no row reaches is that of one-hot blocks and constant columns.

    A block whose columns add up to a constant leaves one dimension out, with one coefficient for all of its
    columns and one for the bias. So the axes have few different parts in that space: one for each block, and
    that of the bias. Too few samples leave out a space in which no two axes look the same.
    """
    xp = gradient.space.xp
    filled = xp.nonzero(gradient.filled)[0]
    right = xp.take(factorization.right, filled, axis=1)
    count, rank = right.shape[1], right.shape[0]
    rest = xp.eye(count, dtype=right.dtype, device=gradient.space.device) - right.T @ right
    size = xp.sqrt(xp.vecdot(rest, rest))
    axes = normalize(xp, rest[size > FILLED], axis=1)
    same = xp.astype(1.0 - xp.abs(axes @ axes.T) < PARALLEL, right.dtype)
    groups = float(xp.sum(1.0 / xp.sum(same, axis=1)))
    sparse = 0 < axes.shape[0] < count / 2  # columns that are equal, or one block among others
    return bool(sparse or (count - rank >= SEVERAL and groups < count / 2))

"""Enters: a `Gradient`. Leaves: its rank-b factorisation, noise level and noise model.

The live rows of [G | g] are scaled as their noise asks for, E = diag(scale) [G | g], and only the leading
singular triplets are computed.
"""

import operator
from dataclasses import dataclass

from spear_xp.errors import ArgumentRangeError, RankError
from spear_xp.numerics.backend import Array, on_its_device
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.reduction.gradient import Gradient
from spear_xp.reduction.models import NoiseModel, left_out, read, read_relative, read_with_noise
from spear_xp.reduction.noise import noise_of_column, row_deviations

__all__ = ["Factorization", "factorize", "factorize_saturated"]

ROUNDED = 1.8  # measured: rounding of an entry in rounding units (lab.md, "Tables")
ABOVE = 30.0  # chosen: singular values in units of those of the rounding, from which they count
WIDEST = 4096  # cosmetic: columns up to which all singular values are computed


@dataclass(frozen=True, slots=True, eq=False)
class Factorization:
    """Rank-b factorisation of the scaled live rows, E ≈ left · diag(singular_values) · right.

    Attributes
    ----------
    left : array, shape (m_live, b)
        Orthonormal columns U.
    singular_values : array, shape (b,)
        S, descending.
    right : array, shape (b, n + 1)
        Orthonormal rows Vᵀ; the last column belongs to the bias, columns that are all zero in E stay so.
    scale : array, shape (m_live,)
        Factor of each live row: 1/norm where the noise is relative (floating-point rounding), one
        constant where it is additive (noise added on purpose).
    noise_level : float
        Standard deviation σ of the error of one entry of E, over all rows.
    row_noise : array, shape (m_live,)
        That of each row in units of σ, where it is larger, else 1: rows in which large terms cancel carry
        more rounding than others.
    bias_noise : float
        Standard deviation of the error of an entry in the bias column, which scales the samples: it is one
        column of many, and rounding gives each what its own entries are worth.
    noise_model : {"relative", "additive"}
        Which of the two the residual rows show.
    numerical_rank : int
        Rank found from the singular values, whether or not it was asked for.
    expected : int or None
        Batch size as the caller gave it: a clear gap beats it, without one it is the rank.
    clear_gap : bool
        Whether the singular values on both sides of the numerical rank differ by a clear factor.
    spectrum : array, shape (k,)
        Leading singular values, descending, also those of the noise beyond the rank, as far as they were
        looked at.
    left_out : float
        The first value beyond the rank, where noise does not explain it; else 0.
    """

    left: Array
    singular_values: Array
    right: Array
    scale: Array
    noise_level: float
    row_noise: Array
    bias_noise: float
    noise_model: NoiseModel
    numerical_rank: int
    expected: int | None = None
    clear_gap: bool = True
    spectrum: Array = None
    left_out: float = 0.0

    @property
    def rank(self) -> int:
        """Rank b of the factorisation."""
        return int(self.singular_values.shape[0])


def _check_batch_size(batch_size: int | None) -> None:
    if batch_size is None:
        return
    try:
        valid = not isinstance(batch_size, bool) and operator.index(batch_size) >= 1
    except TypeError:
        valid = False
    if not valid:
        msg = f"batch_size={batch_size!r}: need an integer >= 1, or None to find it from the rank"
        raise ArgumentRangeError(msg)


@on_its_device
def factorize(
    gradient: Gradient,
    batch_size: int | None = None,
    *,
    noise: Array | float | None = None,
    keep_going: KeepGoing = forever,
) -> Factorization:
    """Factor the scaled live rows of [G | g] at rank b and measure the noise.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient of a layer.
    batch_size : int, optional
        Rank b to factor at where the singular values show no clear gap; where they do, their rank counts.
    noise : float, or array of shape (m, 1) or (m, n), optional
        Standard deviation of the noise of an entry of [grad_w | grad_b], in the units of grad_w, where it is
        known: of all entries, of those of each row, or of each entry of grad_w (of grad_b it is that of the
        last column). It is used as it is given, in place of any estimate; 0 is the same as None.
    keep_going : callable
        Asked before each block of columns.

    Returns
    -------
    Factorization

    Raises
    ------
    RankError
        If neither noise model sees a low rank and `batch_size` names none, or no row is live.
    ArgumentRangeError
        If `batch_size` is not a positive integer, or `noise` is negative or not finite.
    ShapeError
        If `noise` has another shape.
    OutOfTime
        If `keep_going` says no.

    Notes
    -----
    Cost: four passes over `grad_w` and four products with 96 (or more) vectors; three of each with long
    rows in single precision, with 48 vectors and in the end b. Rank b is the batch size because G = D X
    with D of shape (m, b) (Dimitrov et al. 2024, theorem 3.1).

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Review 2011.
    """
    _check_batch_size(batch_size)
    if not gradient.live.shape[0]:  # what a multiple of the weights leaves may be rounding alone
        msg = "the gradient has no live rows: need a layer with at least one active neuron"
        raise RankError(msg)
    batch_size = None if batch_size is None else int(batch_size)
    space = gradient.space
    xp = space.xp
    known = None if noise is None else row_deviations(gradient, noise)
    if known is None:
        reading, given, of_bias = read(gradient, batch_size, keep_going), 0.0, 0.0
    else:
        deviations, of_bias = known
        reading, given = read_with_noise(gradient, deviations, batch_size, keep_going)
    (m, n), spectrum, scale = reading.rows.shape, reading.spectrum, reading.rows.scale
    rank = reading.rank if batch_size is None or reading.clear else batch_size
    if rank is None or rank >= min(m, n) > 1:
        msg = f"batch_size={batch_size}: the gradient shows no gap, need 1 to {min(m, n) - 1}"
        raise RankError(msg)
    residuals = spectrum.beyond(xp, rank)
    freedom = max(1, (m - rank) * (n - rank))
    least = 4 * space.eps  # rounding of this computation itself, on rows of unit norm
    sigma = max(given or float(xp.sqrt(xp.sum(residuals * residuals) / freedom)), least)
    left, bias = spectrum.left[:, :rank], xp.astype(xp.take(gradient.grad_b, gradient.live), space.dtype)
    uneven = xp.maximum(residuals * (m / freedom) ** 0.5 / sigma, 1.0)
    return Factorization(
        left=left,
        singular_values=spectrum.values[:rank],
        right=spectrum.right[:rank, :],
        scale=scale,
        noise_level=sigma,
        row_noise=xp.ones_like(uneven) if given else uneven,
        bias_noise=given * of_bias or noise_of_column(xp, left, bias * scale, least) or sigma,
        noise_model=reading.model,
        numerical_rank=reading.rank or rank,
        expected=batch_size,
        clear_gap=reading.clear,
        spectrum=spectrum.values,
        left_out=0.0 if given else left_out(reading, rank),
    )


def factorize_saturated(gradient: Gradient, *, keep_going: KeepGoing = forever) -> Factorization:
    """Factor a gradient whose rank is the number of its columns: no singular value shows the noise.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient with more live rows than columns that are filled.
    keep_going : callable
        Asked before each block of columns.

    Returns
    -------
    Factorization
        At full rank b = n + 1, less the columns that are all zero. The noise is what rounding of the entries
        leaves.

    Raises
    ------
    RankError
        If singular values are lost in rounding, or there are too few rows.
    OutOfTime
        If `keep_going` says no.

    Notes
    -----
    A batch of exactly n + 1 samples has this rank, and so has every larger one: only a search can tell.
    """
    space = gradient.space
    xp = space.xp
    rank = int(xp.sum(xp.astype(gradient.filled, xp.int64)))
    if gradient.live.shape[0] <= rank or gradient.columns > WIDEST:
        msg = f"grad_w has {gradient.live.shape[0]} live rows and {rank} columns: need more rows than columns"
        raise RankError(msg)
    reading = read_relative(gradient, rank, keep_going)
    spectrum, scale = reading.spectrum, reading.rows.scale
    sigma = max(ROUNDED * gradient.roundoff / gradient.columns**0.5, 4 * space.eps)
    m = int(gradient.live.shape[0])
    if not float(spectrum.values[rank - 1]) > ABOVE * sigma * m**0.5:
        msg = f"the gradient has less rank than its {rank} columns: need as many samples as columns at least"
        raise RankError(msg)
    return Factorization(
        left=spectrum.left[:, :rank],
        singular_values=spectrum.values[:rank],
        right=spectrum.right[:rank, :],
        scale=scale,
        noise_level=sigma,
        row_noise=xp.ones_like(scale),
        bias_noise=sigma,
        noise_model="relative",
        numerical_rank=rank,
        expected=None,
        clear_gap=False,
    )

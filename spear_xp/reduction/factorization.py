"""Enters: a `Gradient`. Leaves: its rank-b factorisation, noise level and noise model.

The live rows of [G | g] are scaled, E = diag(scale) [G | g], and only the leading singular triplets
are computed, by randomised methods in three or four passes over blocks of columns; the full
decomposition is the last resort, for short rows whose rank is close to their size.
"""

import math
import operator
from dataclasses import dataclass
from typing import Literal

from spear_xp.errors import ArgumentRangeError, RankError
from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import tall_qr
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.reduction.gradient import Gradient
from spear_xp.reduction.noise import is_additive, noise_of_column
from spear_xp.reduction.rank import TAIL, numerical_rank
from spear_xp.reduction.row_operator import RowOperator

__all__ = ["Factorization", "factorize"]

NoiseModel = Literal["relative", "additive"]
PART = 0.85  # of the triplets looked at that a given batch size may take
SKETCH = 96  # leading singular triplets looked at first
LONG, SINGLE = 20_000, 1e-8  # columns, and rounding unit of the gradient, from which squares serve
THIN = 4  # of the blocks of long rows, every so many measure the noise


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

    @property
    def rank(self) -> int:
        """Rank b of the factorisation."""
        return int(self.singular_values.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Spectrum:
    """Leading triplets of E, and the energy of each row outside of them."""

    left: Array
    values: Array
    right: Array = None  # of long rows, and so the energy, not before the rank is known
    outside: Array = None


def _leading(rows: RowOperator, count: int) -> _Spectrum:
    """Leading `count` triplets by subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4)."""
    if _is_long(rows):
        return _leading_of_long(rows, min(count, *rows.shape))
    xp = rows.gradient.space.xp
    if count >= 0.6 * min(rows.shape):
        left, values, right = xp.linalg.svd(rows.dense(), full_matrices=False)
        k = min(rows.shape)  # columns that are all zero add triplets of nothing
        right = xp.where(rows.gradient.filled, right[:k, :], xp.zeros_like(right[:k, :]))
        return _Spectrum(left[:, :k], values[:k], right, xp.zeros_like(left[:, 0]))
    basis = xp.linalg.qr(rows.times_random(count)).Q
    basis = xp.linalg.qr(rows.times(tall_qr(xp, rows.transposed_times(basis), rows.keep_going)[0])).Q
    projected, outside = rows.project(basis)
    q, r = tall_qr(xp, projected, rows.keep_going)
    small, values, mix = xp.linalg.svd(r.T, full_matrices=False)
    return _Spectrum(basis @ small, values, mix @ q.T, outside)


def _is_long(rows: RowOperator) -> bool:
    """Whether rows are so long that their orthonormalisation would cost more than the passes over them.

    The square E Eᵀ replaces it: singular values below 1e-8 of the largest are lost, which are rounding
    errors anyway where the gradient itself is in single or half precision.
    """
    coarse = float(rows.gradient.space.xp.finfo(rows.gradient.grad_w.dtype).eps) > SINGLE
    return coarse and rows.shape[1] > LONG


def _leading_of_long(rows: RowOperator, count: int) -> _Spectrum:
    """Leading `count` left factors and singular values, by the Nyström approximation of E Eᵀ in two passes.

    A shift, taken off again in the end, keeps the Cholesky factorisation from breaking down (Tropp,
    Yurtsever, Udell, Cevher 2017, algorithm 3).
    """
    space = rows.gradient.space
    xp = space.xp
    basis = xp.linalg.qr(rows.times_random(count)).Q
    image = rows.squared_times(basis)
    shift = space.eps * float(xp.linalg.matrix_norm(image))
    image = image + shift * basis
    root = xp.linalg.cholesky(basis.T @ image)
    left, values, _ = xp.linalg.svd(xp.linalg.solve(root, image.T).T, full_matrices=False)
    return _Spectrum(left, xp.sqrt(xp.clip(values**2 - shift, (space.eps * values[0]) ** 2, None)))


def _find_rank(rows: RowOperator, batch_size: int | None) -> tuple[_Spectrum, int]:
    gradient = rows.gradient
    space = gradient.space
    first = SKETCH // 2 if _is_long(rows) else SKETCH
    count = first if batch_size is None else max(first, int(batch_size / PART) + TAIL)
    roundoff = float(space.xp.finfo(gradient.grad_w.dtype).eps) / 2
    energy = math.sqrt(float(space.xp.sum((space.xp.take(gradient.norms, gradient.live) * rows.scale) ** 2)))
    while True:
        spectrum = _leading(rows, count)
        complete = spectrum.values.shape[0] == min(rows.shape)
        floor = max(0.05 * roundoff * energy, 4 * space.eps * float(spectrum.values[0]))
        rank = numerical_rank(spectrum.values, rows.shape, floor, complete=complete)
        if rank is not None:
            return _with_right_factors(rows, spectrum, rank) if _is_long(rows) else spectrum, rank
        if complete:
            m, n = rows.shape
            msg = (
                f"grad_w has numerical rank min(m, n + 1)={min(m, n)} (live rows m={m}): need less; the "
                "gradient has no low rank, it is aggregated over too many samples or noised beyond use"
            )
            raise RankError(msg)
        count *= 2


def _with_right_factors(rows: RowOperator, spectrum: _Spectrum, rank: int) -> _Spectrum:
    """The leading triplets of long rows, in one more pass."""
    left, values = spectrum.left[:, :rank], spectrum.values[:rank]
    back, outside = rows.project(left, every=THIN)  # a share of the columns tells the noise as well
    return _Spectrum(left, values, (back / values).T, outside)


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


def _beyond(xp: Namespace, spectrum: _Spectrum, rank: int) -> Array:
    """Norm of what each row has outside of the leading triplets."""
    rest = spectrum.left[:, rank:] * spectrum.values[rank:]
    return xp.sqrt(xp.sum(rest * rest, axis=1) + spectrum.outside)


def factorize(
    gradient: Gradient, batch_size: int | None = None, *, keep_going: KeepGoing = forever
) -> Factorization:
    """Factor the scaled live rows of [G | g] at rank b and measure the noise.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient of a layer.
    batch_size : int, optional
        Rank b to factor at; None takes the numerical rank. Between 1 and the numerical rank.
    keep_going : callable
        Asked before each block of columns.

    Returns
    -------
    Factorization

    Raises
    ------
    RankError
        If `batch_size` exceeds the numerical rank, or the gradient has no low rank at all.
    ArgumentRangeError
        If `batch_size` is not a positive integer.
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
    batch_size = None if batch_size is None else int(batch_size)
    space = gradient.space
    xp = space.xp
    norms = xp.take(gradient.norms, gradient.live, axis=0)
    scale = 1.0 / norms
    model: NoiseModel = "relative"
    while True:
        rows = RowOperator(gradient, scale, keep_going)
        spectrum, found = _find_rank(rows, batch_size)
        if batch_size is not None and batch_size > found:
            msg = f"batch_size={batch_size} exceeds the numerical rank of the gradient: need 1 to {found}"
            raise RankError(msg)
        rank = found if batch_size is None else batch_size
        m, n = rows.shape
        if model == "additive" or min(m, n) < found + 3:
            break
        if not is_additive(norms, _beyond(xp, spectrum, found) / scale):
            break
        scale = xp.ones_like(norms) / float(xp.sort(norms)[m // 2])
        model = "additive"
    residuals = _beyond(xp, spectrum, rank)
    freedom = max(1, (m - rank) * (n - rank))
    sigma = float(xp.sqrt(xp.sum(residuals * residuals) / freedom))
    sigma = max(sigma, 4 * space.eps)  # rounding of this computation itself, on rows of unit norm
    left, bias = spectrum.left[:, :rank], xp.astype(xp.take(gradient.grad_b, gradient.live), space.dtype)
    return Factorization(
        left=left,
        singular_values=spectrum.values[:rank],
        right=spectrum.right[:rank, :],
        scale=scale,
        noise_level=sigma,
        row_noise=xp.clip(residuals * (m / freedom) ** 0.5 / sigma, 1.0, None),
        bias_noise=noise_of_column(xp, left, bias * scale, 4 * space.eps) or sigma,
        noise_model=model,
        numerical_rank=found,
    )

"""Enters: the scaled rows of a gradient as an operator. Leaves: its leading singular triplets.

Randomised methods in three or four passes over blocks of columns; the full decomposition is the last
resort, for short rows whose rank is close to their size.
"""

from dataclasses import dataclass

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import cholesky, tall_qr
from spear_xp.reduction.row_operator import RowOperator

__all__ = ["Spectrum", "first_count", "is_long", "leading", "with_right_factors"]

SKETCH = 96  # cosmetic: leading singular triplets looked at first
LONG, SINGLE = 20_000, 1e-8  # chosen: columns, and rounding unit of the gradient, from which squares serve
THIN = 4  # chosen: of the blocks of long rows, every so many measure the noise


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Leading triplets of the scaled rows E, and the energy of each row outside of them.

    Attributes
    ----------
    left : array, shape (m_live, k)
    values : array, shape (k,)
        Descending.
    right : array, shape (k, n + 1), or None
        Of long rows, and so `outside`, not before the rank is known.
    outside : array, shape (m_live,), or None
    """

    left: Array
    values: Array
    right: Array = None
    outside: Array = None

    def beyond(self, xp: Namespace, rank: int) -> Array:
        """Norm of what each row has outside of the first `rank` triplets."""
        rest = self.left[:, rank:] * self.values[rank:]
        return xp.sqrt(xp.sum(rest * rest, axis=1) + self.outside)


def first_count(rows: RowOperator) -> int:
    """Triplets to look at first."""
    return SKETCH // 2 if is_long(rows) else SKETCH


def is_long(rows: RowOperator) -> bool:
    """Whether rows are so long that their orthonormalisation would cost more than the passes over them.

    The square E Eᵀ replaces it: singular values below 1e-8 of the largest are lost, which are rounding
    errors anyway where the gradient itself is in single or half precision.
    """
    coarse = float(rows.gradient.space.xp.finfo(rows.gradient.grad_w.dtype).eps) > SINGLE
    return coarse and rows.shape[1] > LONG


def leading(rows: RowOperator, count: int) -> Spectrum:
    """Leading `count` triplets by subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4)."""
    xp = rows.gradient.space.xp
    if is_long(rows):
        found = _leading_of_long(rows, min(count, *rows.shape))
        if found is not None:
            return found
    if count >= 0.6 * min(rows.shape):
        left, values, right = xp.linalg.svd(rows.dense(), full_matrices=False)
        k = min(rows.shape)  # columns that are all zero add triplets of nothing
        right = xp.where(rows.gradient.filled, right[:k, :], xp.zeros_like(right[:k, :]))
        return Spectrum(left[:, :k], values[:k], right, xp.zeros_like(left[:, 0]))
    basis = xp.linalg.qr(rows.times_random(count)).Q
    basis = xp.linalg.qr(rows.times(tall_qr(xp, rows.transposed_times(basis), rows.keep_going)[0])).Q
    projected, outside = rows.project(basis)
    q, r = tall_qr(xp, projected, rows.keep_going)
    small, values, mix = xp.linalg.svd(r.T, full_matrices=False)
    return Spectrum(basis @ small, values, mix @ q.T, outside)


def _leading_of_long(rows: RowOperator, count: int) -> Spectrum | None:
    """Leading `count` left factors and singular values, by the Nyström approximation of E Eᵀ in two passes.

    A shift, taken off again in the end, keeps the Cholesky factorisation from breaking down (Tropp,
    Yurtsever, Udell, Cevher 2017, algorithm 3). None if it breaks down all the same, which few libraries say.
    """
    space = rows.gradient.space
    xp = space.xp
    basis = xp.linalg.qr(rows.times_random(count)).Q
    image = rows.squared_times(basis)
    shift = space.eps * float(xp.linalg.matrix_norm(image))
    image = image + shift * basis
    root, valid = cholesky(xp, basis.T @ image)
    if not valid:
        return None
    left, values, _ = xp.linalg.svd(xp.linalg.solve(root, image.T).T, full_matrices=False)
    return Spectrum(left, xp.sqrt(xp.maximum(values**2 - shift, (space.eps * values[0]) ** 2)))


def with_right_factors(rows: RowOperator, spectrum: Spectrum, rank: int) -> Spectrum:
    """The leading triplets of long rows with their right factors, in one more pass; others as they are."""
    if spectrum.right is not None:
        return spectrum
    left, values = spectrum.left[:, :rank], spectrum.values[:rank]
    back, outside = rows.project(left, every=THIN)  # a share of the columns tells the noise as well
    return Spectrum(left, values, (back / values).T, outside)

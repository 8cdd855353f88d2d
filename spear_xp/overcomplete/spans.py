"""Enters: rows, and the known points that may be active on each. Leaves: what is left of the rows."""

from dataclasses import dataclass

from spear_xp.numerics.backend import Array, Namespace
from spear_xp.numerics.linalg import inverses

__all__ = ["Spans", "padded"]

DEPENDENT = 1e-9  # chosen: share of a point outside of a span, below which it lies within
CORRECTIONS = 3  # chosen: steps of least squares, each of which corrects the one before
POSED = 1e9  # chosen: squared amplification of noise, from which least squares say nothing
RIDGE = 1e-14  # cosmetic: of the squared size of a point; keeps equations of dependent points solvable


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """A stack of spans, one for each of r rows.

    Attributes
    ----------
    vectors : array, shape (r, p, d)
        Points that span each, padded with zeros.
    bars : array, shape (r, p)
        Standard deviation of an entry of each point, zero in the padding.
    back : array, shape (r, p, p)
        Inverses of their Gram matrices; of a singular one, what says that its span is not well posed.
    """

    vectors: Array
    bars: Array
    back: Array

    @classmethod
    def of(cls, xp: Namespace, vectors: Array, bars: Array) -> "Spans":
        """Spans of vectors with their standard deviations."""
        sizes = xp.sum(vectors * vectors, axis=2)
        eye = xp.eye(bars.shape[1], dtype=vectors.dtype, device=vectors.device)
        unit = xp.where(sizes > 0, sizes, xp.ones_like(sizes))
        extra = xp.where(sizes > 0, RIDGE * sizes, unit)
        gram = vectors @ xp.matrix_transpose(vectors) + eye * extra[:, None, :]
        if not bars.shape[1]:
            return cls(vectors, bars, gram)
        back, valid = inverses(xp, gram)
        return cls(vectors, bars, xp.where(valid[:, None, None], back, eye * (2 * POSED / unit)[:, None, :]))

    def projections(self, xp: Namespace) -> Array:
        """Projections onto what is outside of each span, shape (r, d, d)."""
        basis = _orthonormal(xp, self.vectors)
        eye = xp.eye(basis.shape[2], dtype=basis.dtype, device=basis.device)
        return eye - xp.matrix_transpose(basis) @ basis

    def split(self, xp: Namespace, full: Array, noise: Array) -> tuple[Array, Array, Array]:
        """How much of each point is in each row, and what is left of the row.

        Parameters
        ----------
        xp : module
            Namespace of the arrays.
        full : array, shape (r, d)
        noise : array, shape (r,)
            Standard deviation of an entry of these.

        Returns
        -------
        shares : array, shape (r, p)
            Least squares.
        left : array, shape (r, d)
        noise : array, shape (r,)
            Standard deviation of an entry of what is left, with the errors of the points.
        """
        shares, left = xp.zeros_like(self.bars), full[:, :, None]
        for _ in range(CORRECTIONS if self.bars.shape[1] else 0):
            step = self.back @ (self.vectors @ left)
            shares, left = shares + step[:, :, 0], left - xp.matrix_transpose(self.vectors) @ step
        return shares, left[:, :, 0], xp.sqrt(noise**2 + xp.sum((shares * self.bars) ** 2, axis=1))

    def well_posed(self, xp: Namespace) -> Array:
        """Spans whose points are far from dependent on each other, shape (r,)."""
        sizes = xp.sum(self.vectors * self.vectors, axis=2)
        amplified = xp.linalg.diagonal(self.back) * sizes
        return xp.all((amplified < POSED) & (amplified > -POSED), axis=1)

    def rest(self, xp: Namespace, full: Array, noise: Array) -> tuple[Array, Array]:
        """What is left of rows outside of their spans, shape (r, d), and the noise of an entry of it."""
        return self.split(xp, full, noise)[1:]

    def deviations(self, xp: Namespace, noise: Array) -> Array:
        """Standard deviations of the shares of rows with this noise, shape (r, p)."""
        spread = xp.sqrt(xp.abs(xp.linalg.diagonal(self.back))) * noise[:, None]
        return xp.where(self.bars > 0, spread, xp.zeros_like(spread))


def padded(xp: Namespace, active: Array) -> tuple[Array, Array]:
    """Numbers of the columns that are True in each row, first in order, and which of these are no padding."""
    most = (
        int(xp.max(xp.sum(xp.astype(active, xp.int64), axis=1))) if active.shape[0] * active.shape[1] else 0
    )
    order = xp.argsort(xp.astype(~active, xp.int64), axis=1, stable=True)[:, :most]
    return order, xp.take_along_axis(active, order, axis=1)


def _orthonormal(xp: Namespace, vectors: Array) -> Array:
    """Orthonormal bases of stacks of vectors; what depends on earlier ones becomes zero."""
    basis = vectors[:, :0, :]
    for k in range(vectors.shape[1]):
        vector = vectors[:, k, :, None]
        size = xp.linalg.vector_norm(vector, axis=1, keepdims=True)
        for _ in range(2):
            vector = vector - xp.matrix_transpose(basis) @ (basis @ vector)
        rest = xp.linalg.vector_norm(vector, axis=1, keepdims=True)
        good = rest > DEPENDENT * size
        unit = xp.where(good, vector / xp.where(good, rest, xp.ones_like(rest)), xp.zeros_like(vector))
        basis = xp.concat([basis, xp.matrix_transpose(unit)], axis=1)
    return basis

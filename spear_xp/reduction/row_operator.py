"""Enters: a `Gradient` and a scale of its rows. Leaves: products with its rows, in blocks of columns."""

from collections.abc import Iterator

from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.reduction.gradient import Gradient

__all__ = ["RowOperator"]


class RowOperator:
    """The scaled rows E as a linear operator, applied in blocks of columns.

    The scale goes to the thin factor of a product: blocks stay as they are. `keep_going` is asked before
    each. Columns that are all zero add nothing to a product; `shape` leaves them out.
    """

    def __init__(self, gradient: Gradient, scale: Array, keep_going: KeepGoing = forever) -> None:
        self.gradient, self.scale, self.keep_going = gradient, scale, keep_going
        self._counted = to_host(gradient.filled)
        self.shape = (int(gradient.live.shape[0]), self._filled(0, gradient.columns))

    def _filled(self, start: int, stop: int) -> int:
        return int(self._counted[start:stop].sum())

    def blocks(self) -> Iterator[tuple[int, int, Array]]:
        """Blocks of columns of the live rows, not scaled; `OutOfTime` once time is up."""
        for block in self.gradient.blocks():
            ask(self.keep_going)
            yield block

    def dense(self) -> Array:
        """E itself with all of its columns, shape (m_live, n + 1)."""
        blocks = [block for *_, block in self.blocks()]
        return self.gradient.space.xp.concat(blocks, axis=1) * self.scale[:, None]

    def times(self, right: Array) -> Array:
        """E @ right, right of shape (n + 1, r)."""
        total = 0.0
        for start, stop, block in self.blocks():
            total = total + block @ right[start:stop, :]
        return total * self.scale[:, None]

    def times_random(self, count: int) -> Array:
        """E @ Ω, with `count` columns of normal numbers that are never held as a whole."""
        rng, total = generator(0, Stream.SKETCH, count), 0.0
        for start, stop, block in self.blocks():
            total = total + block @ self.gradient.space.normal(rng, (stop - start, count))
        return total * self.scale[:, None]

    def transposed_times(self, left: Array) -> Array:
        """E.T @ left, left of shape (m, r)."""
        left = left * self.scale[:, None]
        return self.gradient.space.xp.concat([block.T @ left for *_, block in self.blocks()], axis=0)

    def squared_times(self, left: Array) -> Array:
        """E @ E.T @ left, in one pass."""
        left, total = left * self.scale[:, None], 0.0
        for *_, block in self.blocks():
            total = total + block @ (block.T @ left)
        return total * self.scale[:, None]

    def project(self, left: Array, every: int = 1) -> tuple[Array, Array]:
        """B = E.T @ left, and the energy of each row of E - left @ B.T from every so many blocks."""
        xp, scaled = self.gradient.space.xp, left * self.scale[:, None]
        parts, energy, seen = [], xp.zeros_like(left[:, 0]), 0
        for i, (start, stop, block) in enumerate(self.blocks()):
            parts.append(block.T @ scaled)
            if i % every == 0:
                rest = block * self.scale[:, None] - left @ parts[-1].T
                energy = energy + xp.vecdot(rest, rest)
                seen += self._filled(start, stop)
        return xp.concat(parts, axis=0), energy * (self.shape[1] / max(seen, 1))

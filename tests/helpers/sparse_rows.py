"""A size enters; rows leave that hide a sparse matrix behind a change of basis."""

import numpy as np

from tests.helpers.networks import Floats

__all__ = ["planted"]


def planted(width: int, rank: int, *, seed: int, zero: float = 0.6) -> tuple[Floats, np.ndarray]:
    """Unit rows of shape (width, rank) whose column space has this sparse basis, and where it is zero."""
    rng = np.random.default_rng(seed)
    pattern = rng.random((width, rank)) < zero
    pattern[np.arange(width), rng.integers(rank, size=width)] = False  # no row is zero altogether
    sparse = np.where(pattern, 0, rng.standard_normal((width, rank)))
    rows = sparse @ np.linalg.qr(rng.standard_normal((rank, rank)))[0]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), pattern

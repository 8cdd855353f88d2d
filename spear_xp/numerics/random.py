"""Enters: a seed and the key of a stream. Leaves: host random numbers, the same on every backend."""

from typing import Any

import numpy as np

from spear_xp.errors import ArgumentRangeError

__all__ = ["Generator", "generator", "seed_of"]

Generator = np.random.Generator  # host randomness


def seed_of(rng: Any) -> int:
    """One 63-bit seed from `None`, an integer, a SeedSequence or a Generator (SPEC 7)."""
    try:
        return int(np.random.default_rng(rng).integers(2**63))
    except (TypeError, ValueError) as error:
        msg = f"rng={rng!r}: need None, a non-negative integer, or a numpy.random.Generator"
        raise ArgumentRangeError(msg) from error


def generator(seed: int, stream: int, chunk: int) -> np.random.Generator:
    """Counter-based generator of one chunk of one stream: the same on every backend and worker."""
    return np.random.Generator(np.random.Philox(key=[seed, (stream << 48) | chunk]))

"""Enters: a seed and the key of a stream. Leaves: host random numbers, the same on every backend."""

from enum import IntEnum, unique
from typing import Any

import numpy as np

from spear_xp.errors import ArgumentRangeError

__all__ = ["Generator", "Stream", "generator", "repeatable", "seed_of"]

Generator = np.random.Generator  # host randomness


@unique
class Stream(IntEnum):
    """Every use of random numbers has a stream of its own: none sees the numbers of another."""

    # Data. Fixed for good: a seed names the same batch in every version.
    GAUSSIAN_INPUTS = 0
    NETWORK = 1
    PLANTED = 2
    IMAGES = 4
    DEFENCES = 9
    # Reduction and certificate: one seed for all gradients.
    SKETCH = 16
    ROTATION = 17
    HALVES = 18
    NUISANCE = 19
    FLATS = 20
    VERTICES = 21
    CONFIRMATION = 22
    # Search.
    SAMPLING = 32
    INFORMATION_SETS = 33
    EXCHANGE = 34
    DESCENT = 35
    GUIDED_SETS = 36
    SPLITTING = 37
    SPLITTING_SUBSETS = 38
    MASK_REGRESSION = 39
    ALTERNATION = 40
    SINGLE_ROWS = 41


def seed_of(rng: Any) -> int:
    """One 63-bit seed from `None`, an integer, a SeedSequence or a Generator (SPEC 7)."""
    try:
        return int(np.random.default_rng(rng).integers(2**63))
    except (TypeError, ValueError) as error:
        msg = f"rng={rng!r}: need None, a non-negative integer, or a numpy.random.Generator"
        raise ArgumentRangeError(msg) from error


def repeatable(rng: Any) -> tuple[Any, int | None]:
    """A source of randomness, drawn where none is given, and the integer that stands for it, if any."""
    if rng is None:
        rng = int(np.random.default_rng().integers(2**63))
    is_integer = isinstance(rng, int | np.integer) and not isinstance(rng, bool)
    return rng, int(rng) if is_integer else None


def generator(seed: int, stream: Stream, chunk: int, arm: int = 0) -> np.random.Generator:
    """Counter-based generator of one chunk of one stream: the same on every backend and worker.

    Parameters
    ----------
    seed : int
        Of the whole computation.
    stream : Stream
        What the numbers are for.
    chunk : int
        Number of the chunk, below 2^48.
    arm : int
        Number of the strategy among those of the same kind, below 2^8.
    """
    return np.random.Generator(np.random.Philox(key=[seed, (arm << 56) | (stream << 48) | chunk]))

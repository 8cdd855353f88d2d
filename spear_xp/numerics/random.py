"""Enters: a seed and the key of a stream. Leaves: host random numbers, the same on every backend."""

from enum import IntEnum, unique
from typing import Any

import numpy as np

from spear_xp.errors import ArgumentRangeError

__all__ = [
    "Generator",
    "Stream",
    "counter_of",
    "generator",
    "key_of",
    "philox",
    "repeatable",
    "seed_of",
    "shuffled",
]

Generator = np.random.Generator  # host randomness
Words = np.ndarray[Any, np.dtype[np.uint32]]
ROUNDS = 10  # chosen: of Philox-4x32, as its authors recommend
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)  # derived: of Philox-4x32 (Salmon et al. 2011, section 4.2)
WEYL = (0x9E3779B9, 0xBB67AE85)  # derived: what its key grows by in a round (the same, section 4.2)


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
    HELD_OUT = 23
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


def key_of(seed: int) -> Words:
    """A seed as the key of `philox`."""
    return np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], dtype=np.uint32)


def counter_of(stream: Stream, chunk: int) -> Words:
    """A chunk of a stream as the last two words of a counter of `philox`; chunk below 2^48."""
    return np.array([chunk & 0xFFFFFFFF, stream << 16 | chunk >> 32], dtype=np.uint32)


def philox(counter: tuple[Any, Any, Any, Any], key: Words) -> tuple[Words, Words, Words, Words]:
    """Four random words for each counter of four words, by Philox-4x32-10; kernels of a device draw the same.

    Parameters
    ----------
    counter : tuple of four uint32 arrays or integers
        Broadcast against each other.
    key : uint32 array, shape (2,)

    References
    ----------
    .. [1] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
       SC 2011.

    Examples
    --------
    >>> [f"{int(word):08x}" for word in philox((0, 0, 0, 0), np.zeros(2, np.uint32))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a, b, c, d = (np.asarray(word).astype(np.uint64) for word in counter)
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(ROUNDS):
        first, second = a * np.uint64(MULTIPLIERS[0]), c * np.uint64(MULTIPLIERS[1])
        a, b, c, d = (
            second >> half ^ b ^ np.uint64(k0),
            second & low,
            first >> half ^ d ^ np.uint64(k1),
            first & low,
        )
        k0, k1 = k0 + WEYL[0] & 0xFFFFFFFF, k1 + WEYL[1] & 0xFFFFFFFF
    return a.astype(np.uint32), b.astype(np.uint32), c.astype(np.uint32), d.astype(np.uint32)


def shuffled(width: int, numbers: Any, key: Words, counter: Words) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Orders of so many rows, one for each number: all rows, sorted by random keys; shape (count, width)."""
    fours = np.arange(-(-width // 4), dtype=np.uint32)
    numbers = np.asarray(numbers, dtype=np.uint32)
    words = np.stack(np.broadcast_arrays(*philox((fours, numbers[:, None], *counter), key)), axis=-1)
    return np.argsort(words.reshape(len(numbers), 4 * len(fours))[:, :width], axis=1, kind="stable")

"""Enters: the size of a batch. Leaves: parts of it that fit into the memory that is near."""

from collections.abc import Iterator

__all__ = ["BLOCK", "DEVICE_BLOCK", "blocks", "sides"]

# cosmetic: entries of a temporary array, from which a batch is worked off in parts: near the caches of a
# processor, and on a device, where each part costs launches (256 MiB in double precision)
BLOCK, DEVICE_BLOCK = 2**20, 2**25

ALONE = 2**15  # cosmetic: entries from which a half is worth calls of its own


def blocks(count: int, entries: int, *, device: bool = False) -> Iterator[slice]:
    """Parts of a batch of `count`, each of which takes up so many entries that a part fits into a block."""
    step = max(1, (DEVICE_BLOCK if device else BLOCK) // max(1, entries))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def sides(count: int, entries: int, *, device: bool = False) -> list[slice]:
    """A batch of `count`, of so many entries each, in halves for two threads, where these are worth it."""
    half = (count + 1) // 2
    return [slice(0, count)] if device or half * entries < ALONE else [slice(0, half), slice(half, count)]

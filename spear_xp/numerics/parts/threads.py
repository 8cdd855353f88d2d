"""Enters: the parts of a batch. Leaves: what becomes of each, in order, worked out side by side.

Parts do not depend on the number of threads, so neither does the result, to the last bit. NumPy lets go of
the interpreter in its loops and products, and what these take does not depend on each other.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

from spear_xp.errors import ArgumentRangeError

__all__ = ["each", "threads"]

Part = TypeVar("Part")
Found = TypeVar("Found")

_pool: ContextVar[ThreadPoolExecutor | None] = ContextVar("threads of this context", default=None)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Work off parts of batches on so many threads, in the block that follows.

    Parameters
    ----------
    count : int
        At least 1. As many as there are cores, with one thread of BLAS (`OMP_NUM_THREADS=1`): its own threads
        hardly speed up products as small as these.

    Raises
    ------
    ArgumentRangeError
        If it is below 1.

    Notes
    -----
    Results are the same bytes for any number of threads. It is for arrays in host memory: a device works off
    a whole batch at once.

    Examples
    --------
    >>> import spear_xp
    >>> from spear_xp.updates import synthetic
    >>> truth = synthetic.mlp_gradient(synthetic.gaussian_inputs(5, 40, rng=0), width=80, rng=0)
    >>> with spear_xp.threads(2):
    ...     result = spear_xp.invert(*truth.observed, rng=0)
    >>> result.success
    True
    """
    if count < 1:
        msg = f"threads={count} out of range: at least 1"
        raise ArgumentRangeError(msg)
    if count == 1:
        yield
        return
    with ThreadPoolExecutor(count) as pool:
        before = _pool.set(pool)
        try:
            yield
        finally:
            _pool.reset(before)


def each(function: Callable[[Part], Found], parts: Iterable[Part]) -> list[Found]:
    """What a function makes of each part, in order; an error is raised for the first part that has one."""
    pool = _pool.get()
    if pool is None:
        return [function(part) for part in parts]

    def alone(part: Part) -> Found:
        _pool.set(None)  # a part of a part waits for nobody
        return function(part)

    return [one.result() for one in [pool.submit(copy_context().run, alone, part) for part in parts]]

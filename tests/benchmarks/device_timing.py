"""Enters: a library on a device and its clock. Leaves: seconds of the parts that the model adds up."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from spear_xp.numerics.sorting import sort_in_place

__all__ = ["calibrated"]

REPEATS = 5


def _median(timed: Callable[[Callable[[], Any]], float], run: Callable[[], Any]) -> float:
    run()  # compiles, and warms caches
    return float(np.median([timed(run) for _ in range(REPEATS)]))


def _parts(xp: Any, put: Callable[..., Any], size: int) -> Iterator[tuple[str, float, Callable[[], Any]]]:
    """Name, units that one run holds, and the run."""
    rng, launches = np.random.default_rng(0), 200
    small, large = put(np.ones(1000), "float64"), put(np.ones(size**2 * 16), "float64")
    square = put(rng.standard_normal((size, size)) + 3 * np.eye(size), "float64")
    tall = put(rng.standard_normal((8 * size, size)), "float64")
    spd = square @ square.T
    stack = xp.stack([square] * 32)
    host = np.ones(size**2 * 4)

    def launch() -> None:
        for _ in range(launches):
            small + 1.0

    def wait() -> None:
        for _ in range(launches):
            float(small[0])

    yield "launch", launches, launch
    yield "wait", launches, wait
    yield "byte to the device", host.nbytes, lambda: put(host, "float64")
    yield "byte in memory", 2 * 8 * large.shape[0], lambda: large + 1.0
    for kind in ("float32", "float64"):
        big = put(rng.standard_normal((4 * size, 4 * size)), kind)
        yield f"flop, {kind}", 2 * (4 * size) ** 3, lambda big=big: big @ big
    keys = rng.standard_normal((32, 16 * size)).astype("float32")
    networked = put(keys, "float32")
    yield "key, sorted by the library", keys.size, lambda: xp.sort(networked, axis=0)
    yield "key, sorted by the network", keys.size, lambda: sort_in_place(xp, networked)
    yield "column of svd", size, lambda: xp.linalg.svd(tall, full_matrices=False)
    yield "column of qr", size, lambda: xp.linalg.qr(tall)
    yield "column of eigh", size, lambda: xp.linalg.eigh(spd)
    yield "column of inv", size, lambda: xp.linalg.inv(square)
    yield "column of solve", size, lambda: xp.linalg.solve(square, square)
    yield "column of cholesky", size, lambda: xp.linalg.cholesky(spd)
    yield "column of stacked inv", size, lambda: xp.linalg.inv(stack)


def calibrated(
    xp: Any, put: Callable[..., Any], timed: Callable[[Callable[[], Any]], float], size: int
) -> dict[str, float]:
    """Median seconds for one unit of each part."""
    return {name: _median(timed, run) / units for name, units, run in _parts(xp, put, size)}

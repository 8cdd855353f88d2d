"""Whether the same seed gives the same bytes: four problems, four runs each, beside a core that is kept busy.

`python -m tests.benchmarks.repeatable [--runs 4]`.
"""

import argparse
import hashlib
import multiprocessing
import time
from typing import Any

import numpy as np

from spear_xp import Result, invert
from tests.benchmarks import problems
from tests.benchmarks.machine import facts, markdown_row, markdown_table

RAW = {"standardized": False}
PROBLEMS = {
    "faces raw 40/300": lambda: problems.faces(0, 40, 300, **RAW),
    "crops raw 40/500": lambda: problems.crops(0, 40, 500, **RAW),
    "Gaussian 30/110": lambda: problems.gaussian(0, 30, 110),
    "faces 24/200": lambda: problems.faces(0, 24, 200),
}


def digest(result: Result) -> str:
    """Of everything that a search has found, seconds left out."""
    trace = result.trace
    arrays: list[Any] = [
        result.inputs,
        result.certified,
        result.error_bars,
        trace.directions,
        trace.residuals,
    ]
    parts = [np.ascontiguousarray(array).tobytes() for array in arrays]
    numbers = (result.status.name, result.reasons, result.missing, trace.work, trace.sources)
    return hashlib.sha256(b"".join(parts) + repr(numbers).encode()).hexdigest()[:16]


def burn(stop: Any) -> None:
    """Keep a core busy in bursts of random length, so that the load changes all the time."""
    rng = np.random.default_rng()
    while not stop.is_set():
        end = time.perf_counter() + rng.exponential(0.3)
        while time.perf_counter() < end:
            rng.standard_normal(1000)
        time.sleep(rng.exponential(0.1))


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4)
    options = parser.parse_args()
    stop = multiprocessing.Event()
    busy = [multiprocessing.Process(target=burn, args=(stop,)) for _ in range(2)]
    for process in busy:
        process.start()
    print(markdown_table(["problem", "status", "certified", "seconds", "digests"], []), flush=True)
    for name, build in PROBLEMS.items():
        truth = build()
        results = [invert(*truth.observed, rng=0) for _ in range(options.runs)]
        seconds = " ".join(f"{r.trace.seconds['total']:.2f}" for r in results)
        digests = sorted({digest(r) for r in results})
        certified = " ".join(str(int(np.sum(r.certified))) for r in results)
        print(markdown_row([name, results[0].status.name, certified, seconds, " ".join(digests)]), flush=True)
    stop.set()
    for process in busy:
        process.join()
    print(f"\n{facts()}")


if __name__ == "__main__":
    main()

"""What rounds of several turns cost without workers, and what they gain with them.

`python -m tests.benchmarks.workers [--rounds 1,2,4,8] [--seeds 0,1,2] [--processes 2] [--only PATTERN]`.
"""

import argparse
import math
import re
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from spear_xp import invert
from tests.benchmarks import problems
from tests.benchmarks.machine import facts, markdown_row
from tests.benchmarks.repeatable import digest

PROBLEMS: dict[str, Callable[[int], Any]] = {
    "Gaussian 25/400": lambda seed: problems.gaussian(seed, 25, 400),
    "Gaussian 30/110": lambda seed: problems.gaussian(seed, 30, 110),
    "faces 24/200": lambda seed: problems.faces(seed, 24, 200),
    "faces raw 40/300": lambda seed: problems.faces(seed, 40, 300, standardized=False),
    "Gaussian 60/600": lambda seed: problems.gaussian(seed, 60, 600),
    "crops 64/500": lambda seed: problems.crops(seed, 64, 500),
}


def measured(truth: Any, rounds: int, workers: Any = None) -> tuple[float, float, str]:
    """Seconds, work, and the digest of the result."""
    since = time.perf_counter()
    result = invert(*truth.observed, rng=0, time_limit=120.0, rounds=rounds, executor=workers)
    return time.perf_counter() - since, result.trace.work, digest(result)


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", default="1,2,4,8")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    sizes = [int(part) for part in options.rounds.split(",")]
    workers = ProcessPoolExecutor(options.processes) if options.processes else None
    print(markdown_row(["problem", *(f"R={size}" for size in sizes)]), flush=True)
    ratios: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for name, make in PROBLEMS.items():
        if not re.search(options.only, name):
            continue
        cells = []
        truths = [make(int(seed)) for seed in options.seeds.split(",")]
        first = [measured(truth, sizes[0]) for truth in truths]
        for size in sizes:
            serial = first if size == sizes[0] else [measured(truth, size) for truth in truths]
            for one, base in zip(serial, first, strict=True):
                ratios[size].append((one[0] / base[0], one[1] / base[1]))
            cell = " ".join(f"{one[0]:.2f}" for one in serial) + " s"
            if workers is not None and size > 1:
                apart = [measured(truth, size, workers) for truth in truths]
                same = all(one[2] == other[2] for one, other in zip(apart, serial, strict=True))
                cell += f"; {' '.join(f'{one[0]:.2f}' for one in apart)} s, {'same' if same else 'OTHER'}"
            cells.append(cell)
        print(markdown_row([name, *cells]), flush=True)
    for size, pairs in ratios.items():
        seconds, work = (math.exp(sum(map(math.log, part)) / len(part)) for part in zip(*pairs, strict=True))
        print(f"R={size}: {seconds:.3f} times the seconds, {work:.3f} times the work (geometric means)")
    print(facts())


if __name__ == "__main__":
    main()

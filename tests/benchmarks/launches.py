"""What the five searches of the device page ask of a device: launches, waits, bytes, operations, by room.

`python -m tests.benchmarks.launches [--cases ...] [--by room function call] [--top 20] [--json FILE]`,
or `--growth SEEDS` for how costs grow with the sizes.
Counted with array-api-strict on this machine (`tests/helpers/counting.py`); the seconds are a model
(`tests/benchmarks/device_model.py`) and no measurement.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import array_api_strict as strict
import numpy as np

from spear_xp import Result, invert
from spear_xp.updates.synthetic import LayerGradient
from tests.benchmarks import problems
from tests.benchmarks.device_model import LAUNCH, SLOW_LAUNCH, seconds
from tests.benchmarks.machine import markdown_table
from tests.helpers.counting import Cost, Counts, counting

__all__ = ["CASES", "WORK", "count"]

CASES: dict[str, Callable[[int], LayerGradient]] = {
    "Gaussian 25/400": lambda seed: problems.gaussian(seed, 25, 400),
    "faces raw 64/1000": lambda seed: problems.faces(seed, 64, 1000, standardized=False),
    "few rows 30/100": lambda seed: problems.gaussian(seed, 30, 100),
    "Gaussian 128/1000": lambda seed: problems.gaussian(seed, 128, 1000),
    "near-duplicates 64/1000": lambda seed: problems.crops(seed, 64, 1000, distinct=0.0),
}
# How costs grow: batch size, width, features; one of them doubles.
GROWTH = {
    "b": [(16, 1000, 784), (32, 1000, 784), (64, 1000, 784), (128, 1000, 784)],
    "m": [(32, 250, 784), (32, 500, 784), (32, 1000, 784), (32, 2000, 784)],
    "n": [(32, 500, 784), (32, 500, 3136), (32, 500, 12544)],
}
WORK = {"near-duplicates 64/1000": 6e10}  # multiply-adds; the others end by themselves
LONG = 1e4  # seconds that no search reaches: what is counted must not depend on this machine


def count(case: str, seed: int = 0) -> tuple[Counts, Result]:
    """Counts of one search, and what it found."""
    arrays = [strict.asarray(array) for array in CASES[case](seed).observed]
    with counting() as counts:
        result = invert(*arrays, rng=seed, time_limit=LONG, work_limit=WORK.get(case))
    return counts, result


def _cells(cost: Cost) -> tuple[Any, ...]:
    numbers = (
        f"{cost.launches:,}",
        f"{cost.syncs:,}",
        f"{cost.bus / 1e6:.1f}",
        f"{2 * cost.flops / 1e9:.1f}",
    )
    return (*numbers, f"{seconds(cost, LAUNCH):.2f}", f"{seconds(cost, SLOW_LAUNCH):.2f}")


def growth(seeds: int) -> None:
    """Costs of Gaussian batches as one size grows, with exponents fitted to the means over seeds."""
    head = ("launches", "waits", "GFLOP", "model, 5 µs", "NumPy, CPU s")
    for name, sizes in GROWTH.items():
        found = []
        for b, m, n in sizes:
            each = []
            for seed in range(seeds):
                truth = problems.gaussian(seed, b, m, features=n)
                with counting() as counts:
                    invert(*(strict.asarray(a) for a in truth.observed), rng=seed, time_limit=LONG)
                total, start = counts.total(), time.process_time()
                invert(*truth.observed, rng=seed, time_limit=LONG)
                taken = time.process_time() - start
                each.append((total.launches, total.syncs, 2e-9 * total.flops, seconds(total), taken))
            found.append(np.mean(each, axis=0))
        grown = np.log([size["bmn".index(name)] for size in sizes])
        exponents = np.polyfit(grown, np.log(found), 1)[0]
        rows = [
            ("/".join(map(str, size)), *(f"{x:.3g}" for x in row))
            for size, row in zip(sizes, found, strict=True)
        ]
        rows.append((f"exponent of {name}", *(f"{x:.2f}" for x in exponents)))
        print("\n" + markdown_table(("b/m/n", *head), rows), flush=True)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--by", nargs="+", choices=("room", "function", "call"), default=["room", "function"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--top", type=int, default=20)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--growth", type=int, metavar="SEEDS", help="how costs grow with the sizes, instead")
    options = parser.parse_args()
    if options.growth:
        growth(options.growth)
        return
    head = ("launches", "waits", "bus MB", "GFLOP", "model, 5 µs", "10 µs")
    kept: dict[str, Any] = {}
    whole = []
    for case in options.cases:
        start = time.process_time()
        counts, result = count(case, options.seed)
        taken = time.process_time() - start
        places = sorted(counts.by(*options.by).items(), key=lambda item: -seconds(item[1], LAUNCH))
        found = f"{result.status.name}, {int(strict.sum(strict.astype(result.certified, strict.int64)))}"
        print(f"\n{case}: {found} of {result.batch_size} certified; counted in {taken:.0f} s\n", flush=True)
        rows = [(name, *_cells(cost)) for name, cost in places[: options.top]]
        print(markdown_table(("where", *head), rows), flush=True)
        whole.append((case, found, *_cells(counts.total())))
        kept[case] = {name: asdict(cost) for name, cost in counts.by("room", "function", "call").items()}
    print("\n" + markdown_table(("case", "found", *head), whole))
    if options.json:
        options.json.write_text(json.dumps(kept))


if __name__ == "__main__":
    main()

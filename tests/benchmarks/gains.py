"""What workers gain: for a folder of updates, for one search in rounds, and for threads within a search.

`python -m tests.benchmarks.gains [--workers 2] [--updates 24] [--repeats 3] [--only folder rounds threads]`.
Run it with `OMP_NUM_THREADS=1` on a machine without other work: seconds of the clock decide. Those of the
processors hold on a busy machine, too: what they rise by is what it costs to work side by side.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import spear_xp
from tests.benchmarks import problems
from tests.benchmarks.machine import facts, markdown_row
from tests.benchmarks.repeatable import digest

KEYS = ("grad_w", "grad_b", "weight", "bias")
SEARCHES: dict[str, Callable[[], Any]] = {
    "Gaussian 60/600": lambda: problems.gaussian(0, 60, 600),
    "faces raw 64/1000": lambda: problems.faces(0, 64, 1000, standardized=False),
    "Gaussian 128/1000": lambda: problems.gaussian(0, 128, 1000),
}
FOLDERS: dict[str, Callable[[int], Any]] = {
    "faces 12/200": lambda seed: problems.faces(seed, 12, 200),
    "Gaussian 60/600": lambda seed: problems.gaussian(seed, 60, 600),
}


class Took(NamedTuple):
    """Seconds of the clock, those of all processors, and what came out."""

    clock: float
    processors: float
    found: str


def took(call: Callable[[], str]) -> Took:
    """What a call takes, here and in all processes that were started here."""
    before, since = processor_seconds(), time.perf_counter()
    found = call()
    clock = time.perf_counter() - since
    return Took(clock, processor_seconds() - before, found)


def processor_seconds() -> float:
    """Of this process, of those that it has started and that have ended, and of those that are at work."""
    at_work = 0.0
    for process in active_children():
        state = Path(f"/proc/{process.pid}/stat")
        if state.exists():
            used = state.read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
            at_work += sum(map(int, used)) / os.sysconf("SC_CLK_TCK")
    return sum(os.times()[:4]) + at_work


def compared(name: str, ways: dict[str, Callable[[], str]], repeats: int) -> None:
    """Every way in turn, so often; a row for each, with medians beside the first."""
    runs: dict[str, list[Took]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, call in ways.items():
            runs[way].append(took(call))
    middle = {
        way: tuple(statistics.median(one[k] for one in many) for k in (0, 1)) for way, many in runs.items()
    }
    first = next(iter(middle.values()))
    for way, (clock, processors) in middle.items():
        cells = [
            f"{clock:.2f}",
            f"{processors:.2f}",
            f"{clock / first[0]:.2f}",
            f"{processors / first[1]:.2f}",
        ]
        print(markdown_row([name, way, *cells, runs[way][0].found]), flush=True)


def processes(count: int) -> ProcessPoolExecutor:
    """As `spear-xp audit --workers` starts them."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def at_work() -> None:
    """Takes a while, so that every worker gets one; this file imports the library there."""
    time.sleep(0.3)


def ready(executor: Executor, count: int) -> None:
    """Start all workers."""
    for one in [executor.submit(at_work) for _ in range(2 * count)]:
        one.result()


def of_folder(workers: int, updates: int, repeats: int) -> None:
    """`spear-xp audit FOLDER --workers N`, with the start of its processes."""

    def alone(folder: Path) -> str:
        return str(spear_xp.audit_folder(folder, rng=0).verdicts)

    def side_by_side(folder: Path) -> str:
        with processes(workers) as executor:
            return str(spear_xp.audit_folder(folder, rng=0, executor=executor).verdicts)

    def started() -> str:
        with processes(workers) as executor:
            ready(executor, workers)
        return ""

    for name, make in FOLDERS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            for k in range(updates):
                arrays = zip(KEYS, make(k).observed, strict=True)
                np.savez(folder / f"client-{k}.npz", **dict(arrays))
            ways = {
                "one process": lambda folder=folder: alone(folder),
                f"{workers} processes": lambda folder=folder: side_by_side(folder),
                "their start alone": started,
            }
            compared(f"{updates} updates, {name}", ways, repeats)


def of_rounds(workers: int, repeats: int) -> None:
    """One search whose turns run in processes that are there already."""
    with processes(workers) as executor:
        ready(executor, workers)
        for name, make in SEARCHES.items():
            arrays = make().observed

            def searched(arrays: Any = arrays, **how: Any) -> str:
                return digest(spear_xp.invert(*arrays, rng=0, time_limit=300.0, **how))

            ways = {
                "rounds=1": searched,
                f"rounds={workers}": lambda search=searched: search(rounds=workers),
                f"rounds={workers}, {workers} processes": lambda search=searched: search(
                    rounds=workers, executor=executor
                ),
            }
            compared(f"one search, {name}", ways, repeats)


def of_threads(workers: int, repeats: int) -> None:
    """`with spear_xp.threads(N)`."""
    for name, make in SEARCHES.items():
        arrays = make().observed

        def searched(count: int, arrays: Any = arrays) -> str:
            with spear_xp.threads(count) if count > 1 else contextlib.nullcontext():
                return digest(spear_xp.invert(*arrays, rng=0, time_limit=300.0))

        ways = {
            "one thread": lambda search=searched: search(1),
            f"{workers} threads": lambda search=searched: search(workers),
        }
        compared(f"one search, {name}", ways, repeats)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--updates", type=int, default=24, help="in a folder (default 24)")
    parser.add_argument("--repeats", type=int, default=3, help="of everything, in turn (default 3)")
    parts = ("folder", "rounds", "threads")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    options = parser.parse_args()
    head = ("what", "how", "clock, s", "processors, s", "clock, ratio", "processors, ratio", "found")
    print(markdown_row(head) + "\n|" + "---|" * len(head), flush=True)
    if "folder" in options.only:
        of_folder(options.workers, options.updates, options.repeats)
    if "rounds" in options.only:
        of_rounds(options.workers, options.repeats)
    if "threads" in options.only:
        of_threads(options.workers, options.repeats)
    print(facts())


if __name__ == "__main__":  # processes that are started afresh import this file
    main()

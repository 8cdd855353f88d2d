"""Whether a search that is killed again and again ends with the same bytes as one that is left alone.

`python -m tests.benchmarks.kill_and_resume [--runs 10] [--only PATTERN]`. Every run is a process that is
killed (SIGKILL) at random moments and started again with the same checkpoint, until it comes to its end.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spear_xp import invert
from spear_xp.solver.saving import checkpoint
from tests.benchmarks import problems, repeatable
from tests.benchmarks.machine import facts, markdown_row, markdown_table, write_page

PROBLEMS: dict[str, tuple[Callable[[], Any], dict[str, float]]] = {
    **{name: (make, {}) for name, make in repeatable.PROBLEMS.items() if not name.startswith("crops")},
    "crops raw 40/500, limit": (repeatable.PROBLEMS["crops raw 40/500"], {"work_limit": 2e10}),
    "digits, noise, limit": (
        lambda: problems.noisy(problems.digits(0, 16, 200), 1e-4, 0),
        {"work_limit": 1e10},
    ),
}

SAYS = (
    "Searches that are killed (SIGKILL) at random moments and go on from their checkpoint until they come to "
    "their end, against one that is left alone. A checkpoint is written at the start of every round that "
    "begins .05 s after the last one. Written by `python -m tests.benchmarks.kill_and_resume --write FILE`."
)


def search(name: str, path: Path | None, begin: Callable[[], None] = lambda: None) -> str:
    """The digest of a result."""
    make, options = PROBLEMS[name]
    arrays = make().observed
    begin()
    return repeatable.digest(invert(*arrays, rng=0, time_limit=1e6, checkpoint=path, **options))


def killed(name: str, rng: np.random.Generator, seconds: float, every: float) -> tuple[str, int]:
    """The digest of a search that is killed at random moments, and how often it was."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["--worker", name, "--path", str(Path(folder, "state.npz")), "--every", str(every)]
        kills = 0
        while True:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.kill_and_resume", *words],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            process.stdout.readline()  # the search begins
            try:
                out, _ = process.communicate(timeout=rng.exponential(seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                continue
            if process.returncode:
                sys.exit(f"{name}: a process ended with {process.returncode}")
            return json.loads(out)["digest"], kills


def main() -> None:
    """Run the table, or one search of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", default="")
    parser.add_argument("--kills", type=float, default=3.0, help="to expect in the time of a whole search")
    parser.add_argument("--every", type=float, default=0.05, help="seconds between two checkpoints")
    parser.add_argument("--write", help="page to write the table to")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        checkpoint.EVERY = options.every
        found = search(options.worker, options.path, lambda: print(flush=True))
        print(json.dumps({"digest": found}))
        return
    rng = np.random.default_rng(0)
    rows: list[tuple[str, ...]] = []
    for name in PROBLEMS:
        if not re.search(options.only, name):
            continue
        since = time.perf_counter()
        whole = search(name, None)
        seconds = (time.perf_counter() - since) / options.kills
        ended = [killed(name, rng, seconds, options.every) for _ in range(options.runs)]
        same = sum(one == whole for one, _ in ended)
        rows.append((name, f"{same} of {options.runs}", str(sum(kills for _, kills in ended))))
        print(markdown_row(rows[-1]), flush=True)
    table = markdown_table(("problem", "same bytes", "kills"), rows)
    print(facts())
    if options.write:
        write_page(options.write, "Kill and resume", SAYS, facts(), table)


if __name__ == "__main__":
    main()

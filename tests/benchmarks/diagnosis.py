"""Enters: causes, planted in honest gradients, and honest gradients. Leaves: what each is named, counted.

    python -m tests.benchmarks.diagnosis [--only PATTERN] [--seeds 1] [--limit 10] [--write FILE]

Batches of 12 behind 300 neurons. Healthy gradients have 1 to 30 samples behind 40 to 600 neurons; some are
too hard for the limit.
"""

import argparse
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from spear_xp import SpearError, invert
from spear_xp.diagnosis.causes import CAUSES
from tests.benchmarks.machine import facts, markdown_row, markdown_table, write_page
from tests.helpers.causes import DATA, PLANTED, Case, honest

SHAPES = (  # batch size, width, depth, dtype
    *((1, 40, 2, "f4"), (2, 60, 2, "f4"), (5, 80, 3, "f8"), (8, 150, 2, "f4"), (12, 100, 3, "f4")),
    *((16, 300, 4, "f4"), (20, 200, 2, "f8"), (24, 400, 3, "f4"), (20, 60, 2, "f4"), (28, 110, 3, "f4")),
    *((28, 84, 2, "f4"), (28, 600, 6, "f4")),
)

EXPLANATION = """*named*: runs in which a fitting cause came up, or none if nothing is planted; *also named*:
other causes beside it or in its place; *ends*: how the runs ended; *early*: those that ended in less than a
tenth of their limit, as HOPELESS or with a typed error. Written by
`python -m tests.benchmarks.diagnosis --write FILE`."""
HEADER = ["planted", "named", "also named", "ends", "early", "median s"]


class Run(NamedTuple):
    """What one update was called."""

    names: tuple[str, ...]
    end: str
    seconds: float


def named(case: Case, limit: float) -> Run:
    """Solve one update."""
    start = time.perf_counter()
    try:
        result = invert(*case.arrays, batch_size=case.batch_size, rng=0, time_limit=limit)
    except SpearError as error:
        text = str(error)
        names = [name for name in CAUSES if f"; {name}: " in text]
        names += ["weights for an update"] if "times weight and bias" in text else []
        return Run(tuple(names), type(error).__name__, time.perf_counter() - start)
    names = [one.name for one in result.diagnosis]
    return Run(tuple(names), result.status.name, time.perf_counter() - start)


def healthy(seeds: int) -> Iterator[tuple[str, list[Case]]]:
    """Honest gradients, by data set."""
    for data in DATA:
        yield (
            f"nothing, {data}",
            [
                honest(data, b, m, 100 + k + 20 * seed, depth=depth, classes=(2, 10, 3)[k % 3], dtype=dtype)
                for seed in range(seeds)
                for k, (b, m, depth, dtype) in enumerate(SHAPES)
            ],
        )


def row(name: str, fitting: tuple[str, ...], runs: list[Run], limit: float) -> list[str]:
    """One line of the table."""
    hits = sum(any(one in fitting for one in run.names) or (not fitting and not run.names) for run in runs)
    others = Counter(one for run in runs for one in run.names if one not in fitting)
    ends = ", ".join(f"{end} {count}" for end, count in Counter(run.end for run in runs).most_common())
    early = sum(
        run.seconds < limit / 10 and (run.end == "HOPELESS" or run.end.endswith("Error")) for run in runs
    )
    seconds = sorted(run.seconds for run in runs)[len(runs) // 2]
    also = ", ".join(f"{one} {count}" for one, count in others.items())
    return [name, f"{hits} of {len(runs)}", also, ends, str(early), f"{seconds:.1f}"]


def words() -> str:
    """All causes, what is seen, with its numbers as dots, and what to do."""
    lines = [(name, re.sub(r"{.*?}", "…", seen), advice) for name, (seen, advice) in CAUSES.items()]
    return markdown_table(["cause", "what is seen", "what to do"], lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression on what is planted")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--limit", type=float, default=10.0, help="seconds for each problem")
    parser.add_argument("--write", metavar="FILE", help="write the table as a page of the documentation")
    options = parser.parse_args()
    print(markdown_table(HEADER, []), flush=True)
    groups = [
        (name, fitting, [change(honest(data, seed=70 + s)) for data in DATA for s in range(options.seeds)])
        for name, (change, fitting) in PLANTED.items()
        if re.search(options.only, name)
    ]
    groups += [(name, (), cases) for name, cases in healthy(options.seeds) if re.search(options.only, name)]
    rows = []
    for name, fitting, cases in groups:
        rows.append(row(name, fitting, [named(case, options.limit) for case in cases], options.limit))
        print(markdown_row(rows[-1]), flush=True)
    if options.write:
        table = markdown_table(HEADER, rows)
        write_page(options.write, "Causes", EXPLANATION, facts(), table, "## What each says", words())


if __name__ == "__main__":
    main()

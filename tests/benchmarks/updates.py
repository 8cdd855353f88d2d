"""Enters: updates as clients send them. Leaves: what comes back of each, how accurately, and with which word.

    python -m tests.benchmarks.updates [--only PATTERN] [--seeds 3] [--limit 3] [--write FILE]

Networks n-400-400-10 at initialisation; of several steps, and of a difference, the weights after it, too.
PSNR after optimal assignment: the smallest and the median of the batch; a sample that is not returned
counts as 0.
"""

import argparse
import re
import time
from collections import Counter
from typing import NamedTuple

import numpy as np

from spear_xp import SpearError, invert
from spear_xp.reporting.metrics import compare
from tests.benchmarks.machine import facts, markdown_row, markdown_table, write_page
from tests.benchmarks.rank_of_updates import update_of

HEADER = ["update", "data", "b", "rank", "returned", "PSNR min/median", "certified", "false", "ends", "s"]
DATA = ("faces", "gaussian", "digits")
CHANGES = (
    "clean",
    *(f"noise {size:g}" for size in (1e-4, 1e-3, 1e-2, 3e-2, 1e-1)),
    *("float16", "bfloat16", "int8"),
    *(f"steps {rate:g}" for rate in (1e-3, 1e-2, 1e-1)),
    "difference",
    *(f"decay {size:g}" for size in (1e-4, 1e-3, 5e-2)),
)
FALSE = 0.01  # relative error above which a certified sample is false

EXPLANATION = """One number a seed. *returned*: samples in the result; *PSNR*: smallest and median,
in dB; *false*: certified samples more than 1 % off every true one; *ends*: how searches ended. Written by
`python -m tests.benchmarks.updates --write FILE`."""


class Cell(NamedTuple):
    """One problem."""

    batch: int
    rank: str
    returned: int
    psnr: str
    certified: int
    false: int
    status: str
    seconds: float


def cell(data: str, change: str, seed: int, limit: float) -> Cell:
    """Solve one update and compare with the truth."""
    update, inputs = update_of(data, change, seed)
    start = time.perf_counter()
    try:
        result = invert(update, rng=0, time_limit=limit)
    except SpearError as error:
        return Cell(len(inputs), "–", 0, "–", 0, 0, type(error).__name__, time.perf_counter() - start)
    seconds, psnr = time.perf_counter() - start, np.zeros(len(inputs))
    if len(result.inputs):
        found = compare(inputs, result.inputs)
        psnr[found.truth] = np.minimum(found.psnr, 999)
    certified = np.asarray(result.inputs, dtype=float)[np.asarray(result.certified)]
    off = np.linalg.norm(certified[:, None] - inputs[None].astype(float), axis=2).min(axis=1, initial=np.inf)
    false = int((off > FALSE * np.linalg.norm(inputs, axis=1).min()).sum()) if len(certified) else 0
    return Cell(
        len(inputs),
        str(result.batch_size),
        len(result.inputs),
        f"{psnr.min():.0f}/{np.median(psnr):.0f}",
        len(certified),
        false,
        result.status.name,
        seconds,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression on update and data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=3.0, help="seconds for each problem")
    parser.add_argument("--write", metavar="FILE", help="write the table as a page of the documentation")
    options = parser.parse_args()
    print(markdown_table(HEADER, []), flush=True)
    rows = []
    for change in CHANGES:
        for data in DATA:
            if not re.search(options.only, f"{change} {data}"):
                continue
            cells = [cell(data, change, seed, options.limit) for seed in range(40, 40 + options.seeds)]
            ends = ", ".join(f"{name} {count}" for name, count in Counter(c.status for c in cells).items())
            row = [change, data, str(cells[0].batch), " ".join(c.rank for c in cells)]
            row += [" ".join(str(c.returned) for c in cells), " ".join(c.psnr for c in cells)]
            row += [" ".join(str(c.certified) for c in cells), str(sum(c.false for c in cells)), ends]
            rows.append([*row, " ".join(f"{c.seconds:.1f}" for c in cells)])
            print(markdown_row(rows[-1]), flush=True)
    if options.write:
        write_page(options.write, "Updates", EXPLANATION, facts(), markdown_table(HEADER, rows))


if __name__ == "__main__":
    main()

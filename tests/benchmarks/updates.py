"""Enters: updates as clients send them. Leaves: what comes back of each, how accurately, and with which word.

    python -m tests.benchmarks.updates [--only PATTERN] [--seeds 3] [--limit 3] [--accuracy .3]

Networks n-400-400-10 at initialisation; of several steps, and of a difference, the weights after it, too.
Of entries that were dropped or clipped the server is told nothing. PSNR after optimal assignment, of the
inputs that are determined: the smallest and the median of the batch; a sample that is not returned counts as
0.
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
from tests.benchmarks.verdicts import fitting

HEADER = ["update", "data", "b", "rank", "returned", "PSNR min/median", "certified", "false"]
HEADER += ["actual − predicted, bars", "ends", "s"]
DATA = ("faces", "gaussian", "digits")
CHANGES = (
    "clean",
    *(f"noise {size:g}" for size in (1e-4, 1e-3, 1e-2, 3e-2, 1e-1)),
    *("float16", "bfloat16", "int8"),
    *(f"steps {rate:g}" for rate in (1e-3, 1e-2, 1e-1, 3e-1)),
    "difference",
    *(f"decay {size:g}" for size in (1e-4, 1e-3, 5e-2)),
    *(f"top {share:g}" for share in (0.9, 0.5, 0.2, 0.1)),
    "random .5",
    *(f"clipped {share:g}" for share in (1e-3, 5e-2)),
    "no bias gradient",
)
FAR = 6.0  # error bars from which a certified sample is false

EXPLANATION = """One number a seed. *rank*: with the share of the inputs that are determined, if not all are;
*returned*: samples in the result; *PSNR*: smallest and median, in dB;
*certified*: to the accuracy asked for, {accuracy:g}; *false*: certified samples off every true one by more
than that, or by more than six error bars; *actual − predicted*: of the PSNR of certified samples, median in
dB, then their largest error in error bars; *ends*: how searches ended. Without a bias gradient a sample is
compared in the size that fits best, and *certified* counts directions. Written by
`python -m tests.benchmarks.updates --write FILE`."""


class Cell(NamedTuple):
    """One problem."""

    batch: int
    rank: str
    returned: int
    psnr: str
    certified: int
    false: int
    gains: tuple[float, ...]  # PSNR of certified samples less the predicted one, in dB
    bars: tuple[float, ...]  # their errors in error bars
    status: str
    seconds: float


def cell(data: str, change: str, seed: int, limit: float, work: float | None, accuracy: float) -> Cell:
    """Solve one update and compare with the truth."""
    update, inputs = update_of(data, change, seed)
    start = time.perf_counter()
    try:
        peak = float(inputs.max() - inputs.min())
        limits = {"time_limit": limit, "work_limit": work}
        result = invert(update, rng=0, **limits, accuracy=accuracy, data_range=peak)
    except SpearError as error:
        return Cell(len(inputs), "–", 0, "–", 0, 0, (), (), type(error).__name__, time.perf_counter() - start)
    seconds, psnr = time.perf_counter() - start, np.zeros(len(inputs))
    told = ~np.isnan(result.inputs).any(axis=0) if len(result.inputs) else np.ones(inputs.shape[1], bool)
    scaled = update.grad_b is not None
    recovered = np.asarray(result.inputs, dtype=float)
    factors = np.ones(len(recovered)) if scaled else fitting(recovered, inputs)
    recovered = factors[:, None] * recovered
    if len(recovered):
        found = compare(inputs, recovered.astype(inputs.dtype))
        psnr[found.truth] = np.minimum(found.psnr, 999)
    sure = np.asarray(result.certified if scaled else result.direction_certified)
    distance = np.linalg.norm(recovered[sure][:, None] - inputs[None], axis=2)
    sizes = np.linalg.norm(inputs[distance.argmin(axis=1)], axis=1)
    rms = distance.min(axis=1) / inputs.shape[1] ** 0.5
    bars = np.maximum(rms - np.finfo(inputs.dtype).eps * peak, 0) / (factors * result.error_bars)[sure]
    gains = 20 * np.log10(peak / np.maximum(rms, 1e-30)) - result.psnr[sure] + 20 * np.log10(factors[sure])
    false = (bars > FAR) | (distance.min(axis=1) > accuracy * sizes)
    return Cell(
        len(inputs),
        f"{result.batch_size}" + ("" if told.all() else f", {told.mean():.0%}"),
        len(result.inputs),
        f"{psnr.min():.0f}/{np.median(psnr):.0f}",
        int(sure.sum()),
        int(false.sum()),
        tuple(gains.tolist()),
        tuple(bars.tolist()),
        result.status.name,
        seconds,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression on update and data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=3.0, help="seconds for each problem")
    parser.add_argument(
        "--work", type=float, help="multiply-adds for each; with --limit 600 on a busy machine"
    )
    parser.add_argument("--accuracy", type=float, default=0.3, help="relative error of a certified sample")
    parser.add_argument("--write", metavar="FILE", help="write the table as a page of the documentation")
    options = parser.parse_args()
    print(markdown_table(HEADER, []), flush=True)
    rows = []
    for change in CHANGES:
        for data in DATA:
            if not re.search(options.only, f"{change} {data}"):
                continue
            seeds = range(40, 40 + options.seeds)
            given = options.limit, options.work, options.accuracy
            cells = [cell(data, change, seed, *given) for seed in seeds]
            ends = ", ".join(f"{name} {count}" for name, count in Counter(c.status for c in cells).items())
            row = [change, data, str(cells[0].batch), " ".join(c.rank for c in cells)]
            row += [" ".join(str(c.returned) for c in cells), " ".join(c.psnr for c in cells)]
            gains, bars = (np.concatenate([part[i] for part in cells]) for i in (6, 7))
            told = f"{np.median(gains):+.1f} dB, {bars.max():.1f}" if len(bars) else ""
            row += [" ".join(str(c.certified) for c in cells), str(sum(c.false for c in cells)), told, ends]
            rows.append([*row, " ".join(f"{c.seconds:.1f}" for c in cells)])
            print(markdown_row(rows[-1]), flush=True)
    if options.write:
        text = EXPLANATION.format(accuracy=options.accuracy)
        write_page(options.write, "Updates", text, facts(), markdown_table(HEADER, rows))


if __name__ == "__main__":
    main()

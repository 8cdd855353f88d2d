"""The recovery table: `python tests/benchmarks/recovery.py [--only PATTERN] [--seeds 0,1,2] [--write FILE]`.

Each row is printed as soon as it is done; a row that fails says so and the next one follows.
"""

import argparse
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from spear_xp import Result, invert
from spear_xp.reporting.metrics import compare
from spear_xp.updates.synthetic import LayerGradient
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.machine import facts, markdown_row, markdown_table, write_page
from tests.benchmarks.oracle import Oracle, consult, span
from tests.benchmarks.problems import gaussian, shape_of
from tests.helpers.networks import Floats

FALSE_BELOW = 60.0  # dB: a certified sample further from every true one is a false certificate
HEADER = (
    "problem",
    "exact",
    "certified",
    "wanted",
    "FALSE",
    "min PSNR",
    "seconds",
    "median",
    "in SVDs",
    "need",
    "met",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One problem of a row, solved."""

    exact: int
    certified: int
    false: int
    wanted: int
    worst: float  # PSNR of the worst certified sample
    seconds: float
    multiple: float
    extra_memory: float  # bytes beyond the arguments
    notes: tuple[str, ...] = ()


def run(case: Case, seed: int, search: str, limit: float) -> Run:
    """Solve one problem and compare with the truth."""
    truth = case.build(seed)
    with Memory(watch=case.large) as memory:
        start = time.perf_counter()
        result = invert(*truth.observed, time_limit=limit, rng=seed, search=search)
        seconds = time.perf_counter() - start
    reference = gram_seconds(truth.grad_w) if case.large else svd_seconds(truth.grad_w)
    exact, psnr = 0, nearest_psnr(truth.inputs, result.inputs)
    if len(result.inputs):
        exact = int((compare(truth.inputs, result.inputs).psnr > case.level).sum())
    oracle = consult(truth) if exact < len(truth.inputs) else None
    sure = psnr[np.asarray(result.certified)]
    run = Run(
        exact=exact,
        certified=len(sure),
        false=int((sure < FALSE_BELOW).sum()),
        wanted=case.wanted(truth, oracle),
        worst=float(sure.min()) if len(sure) else np.nan,
        seconds=seconds,
        multiple=seconds / reference,
        extra_memory=memory.peak,
    )
    return replace(run, notes=tuple(remarks(case, truth, result, oracle, run)))


def summed_up(reasons: Sequence[str]) -> list[str]:
    """Sentences with their number, and the range of the SNR that they end in."""
    found: dict[str, list[float]] = {}
    for reason in reasons:
        text, _, decibels = reason.partition(" (SNR ")
        found.setdefault(text, []).extend(float(d) for d in decibels.removesuffix(" dB)").split())
    counts = Counter(reason.partition(" (SNR ")[0] for reason in reasons)
    return [
        f"{count} x {text}" + (f" (SNR {span(np.asarray(found[text]))})" if found[text] else "")
        for text, count in counts.most_common(3)
    ]


def remarks(case: Case, truth: LayerGradient, result: Result, oracle: Oracle | None, run: Run) -> list[str]:
    """What the columns of the table do not say."""
    b, memory = len(truth.inputs), run.extra_memory
    notes: list[str] = []
    if oracle is not None:
        notes.append(
            f"{result.status.name.lower()}, rank {result.batch_size} of {b}, score {result.trace.score:.3f}"
        )
        notes += summed_up([reason for reason in result.reasons if reason]) + summed_up(result.missing)
        possible = oracle.identifiable(case.level)
        if possible < b:
            notes.append(f"with all masks known {possible}: {oracle.obstacles(case.level)}")
    sources = Counter(result.trace.sources)
    if sources and case.target == "zeros":
        notes.append("found by " + ", ".join(f"{name} {count}" for name, count in sources.most_common()))
    if case.large:
        arguments = sum(np.asarray(a).nbytes for a in truth.observed)
        allowed = 2 * truth.grad_w.size * 4 + 2**30
        verdict = "✓" if arguments + memory <= allowed else "✗"
        notes.append(
            f"peak memory {(arguments + memory) / 2**20:.0f} MiB, "
            f"{memory / 2**20:.0f} of it beyond the arguments; allowed {allowed / 2**20:.0f} MiB {verdict}"
        )
    return notes


def nearest_psnr(inputs: Floats, recovered: Floats) -> Floats:
    """PSNR in dB of each recovered sample against the true one next to it."""
    true, found = np.asarray(inputs, dtype=float), np.asarray(recovered, dtype=float)
    peak = true.max() - true.min()
    errors = np.array([((true - sample) ** 2).mean(axis=1).min() for sample in found])
    return 10 * np.log10(peak**2 / np.maximum(errors, 1e-300))


def seconds_of(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def svd_seconds(grad_w: Floats) -> float:
    """One thin float64 singular value decomposition of the gradient."""
    wide = grad_w.astype("float64")
    return seconds_of(lambda: np.linalg.svd(wide, full_matrices=False))


def gram_seconds(grad_w: Floats) -> float:
    """One float64 product of the gradient with its transpose."""
    wide = grad_w.astype("float64")
    return seconds_of(lambda: wide @ wide.T)


class Memory:
    """Growth of the resident set while it is open, sampled every two milliseconds (Linux)."""

    def __init__(self, *, watch: bool) -> None:
        self.watch, self.peak, self.done = watch, 0.0, threading.Event()

    def __enter__(self) -> "Memory":
        if self.watch:
            self.base = resident()
            self.thread = threading.Thread(target=self._sample, daemon=True)
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        if self.watch:
            self.thread.join()

    def _sample(self) -> None:
        while not self.done.wait(0.002):
            self.peak = max(self.peak, resident() - self.base)


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def met(case: Case, runs: list[Run]) -> str:
    """Whether a row does what it needs: enough samples, in time, nothing false."""
    if case.target == "none":
        return "–"
    enough = sum(min(r.exact, r.wanted) for r in runs) >= case.share * sum(r.wanted for r in runs)
    fast = not case.timed or (
        median(r.multiple for r in runs) <= 6
        if case.large
        else median(r.seconds for r in runs) <= case.seconds
    )
    false = sum(r.false for r in runs)
    failed = [
        name for name, good in (("recovered", enough), ("time", fast), ("false", not false)) if not good
    ]
    return "✗ " + ", ".join(failed) if failed else "✓"


def cells(case: Case, runs: list[Run]) -> list[str]:
    """The row of a case."""

    def joined(values: list[object]) -> str:
        return " ".join(str(v) for v in values)

    worst = np.nanmin([r.worst for r in runs]) if any(r.certified for r in runs) else np.nan
    return [
        case.name,
        joined([r.exact for r in runs]),
        joined([r.certified for r in runs]),
        joined([r.wanted for r in runs]),
        str(sum(r.false for r in runs)),
        f"{worst:.0f}",
        joined([f"{r.seconds:.2f}" for r in runs]),
        f"{median(r.seconds for r in runs):.2f}",
        f"{median(r.multiple for r in runs):.1f}" + (" Gram" if case.large else ""),
        case.need,
        met(case, runs),
    ]


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression on the names of the rows")
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated")
    parser.add_argument("--search", default="auto", help="strategy")
    parser.add_argument("--patience", type=float, default=3.0, help="time limit in multiples of the need")
    parser.add_argument("--write", metavar="FILE", help="write the table as a page of the documentation")
    options = parser.parse_args()
    invert(*gaussian(0, 4, 40, 20).observed, rng=0)  # imports and caches
    seeds = [int(s) for s in options.seeds.split(",")]
    chosen = [case for case in CASES if re.search(options.only, case.name)]
    print(markdown_table(HEADER, []), flush=True)
    rows, notes = [], []
    for case in chosen:
        own = list(range(case.batches)) if case.batches and options.seeds == "0,1,2" else seeds
        limit = min(60.0, max(1.0, (options.patience if case.timed else 1.0) * case.seconds))
        runs, errors = [], []
        for seed in own:
            try:
                runs.append(run(case, seed, options.search, limit))
                notes += [f"- {case.name}, seed {seed}: {note}" for note in runs[-1].notes]
            except Exception as error:  # noqa: BLE001 - the table goes on
                errors.append(f"seed {seed}: {type(error).__name__}: {error}")
        row = cells(case, runs) if runs else [case.name, *["–"] * 8, case.need, "✗"]
        row[-1] = "✗ " + "; ".join(errors) if errors else row[-1]
        rows.append(row)
        print(markdown_row(row), flush=True)
    shapes = ", ".join(f"seed {s}: {shape_of(s)[0]} layers, {shape_of(s)[1]} classes" for s in seeds)
    print("\n" + "\n".join(notes))
    if options.write:
        write_page(
            options.write,
            "Recovery",
            EXPLANATION,
            f"Networks: {shapes}.",
            facts(),
            markdown_table(HEADER, rows),
            "\n".join(notes),
        )


EXPLANATION = """Float32 gradients, one number a seed. *exact*: samples above 90 dB PSNR (or the level in the
need) after optimal assignment; *certified*: proven without ground truth; *wanted*: samples that the row asks
for, *identifiable* those that a solver with all masks given brings above that level; *FALSE*: certified
samples below 60 dB; *min PSNR*: of the certified samples; *in SVDs*: seconds over those of one float64
`numpy.linalg.svd(grad_w)` in the same run. Written by `python tests/benchmarks/recovery.py --write FILE`."""


if __name__ == "__main__":
    main()

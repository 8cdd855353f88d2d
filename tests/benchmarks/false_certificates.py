"""Hunt for false certificates: thousands of small problems full of traps, none of which may yield one.

`python -m tests.benchmarks.false_certificates [--count 10000] [--seed 0] [--workers 1]`, and
`--replay SEED` for one problem in detail. A certified sample is false if
its relative error to every true sample exceeds the accuracy asked for, or its error six error bars, and it
does not stand for several that the gradient cannot tell apart. With `--no-bias-gradient` grad_b is not told,
and samples that are certified up to their scale are judged up to that. With `--behind` the layers behind are
given, or others in their place, or a wrong batch size; a certified sample of another label is false, too.
"""

import argparse
import multiprocessing
import os
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the problems are small

import numpy as np

from spear_xp import Result, SpearError, invert
from tests.benchmarks.changes import Varied
from tests.benchmarks.clients import CLIENTS
from tests.benchmarks.machine import facts, markdown_table, write_page
from tests.benchmarks.variety import varied
from tests.benchmarks.verdicts import FAR, judged

BARS = (1, 2, 3, FAR)  # coverage is counted within these multiples of the error bar
SLOW = 3.0  # searches that take longer than this multiple of the limit are listed


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is drawn, and how it is solved.

    Limits, share of local steps, changes to draw from, accuracy, and whether grad_b and the layers behind
    are told.

    On a busy machine a limit in seconds ends most searches before anything is certified; work does not.
    """

    limit: float
    work: float | None
    local: float
    changes: tuple[str, ...]
    accuracy: float
    bias_gradient: bool = True
    behind: bool = False

    def problem(self, seed: int) -> Varied:
        """The problem of a seed."""
        found = varied(seed, self.local, self.changes)
        found = with_behind(seed, found) if self.behind else replace(found, behind=())
        if self.bias_gradient:
            return found
        return replace(found, grad_b=None, parts=("no bias gradient", *found.parts))

    def solve(self, problem: Varied, seed: int) -> Result:
        """The search."""
        size, accuracy = problem.batch_size, self.accuracy
        limits = {"time_limit": self.limit, "work_limit": self.work}
        behind = problem.behind or None
        return invert(problem.update, batch_size=size, accuracy=accuracy, behind=behind, rng=seed, **limits)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One problem of the campaign."""

    seed: int
    parts: tuple[str, ...]
    samples: int
    ending: str
    false: int
    merged: int
    bars: tuple[float, ...]  # root mean square error of each certified sample in error bars
    notes: tuple[str, ...]
    seconds: float

    @property
    def crashed(self) -> bool:
        """Whether the search raised what it must not."""
        return self.ending.startswith("CRASH")


def with_behind(seed: int, problem: Varied) -> Varied:
    """A batch size beside the layers behind: of four problems two have the right ones."""
    rng = np.random.default_rng([seed, 12])
    size, layers = len(problem.inputs), problem.behind
    kind = str(rng.choice(["layers behind", "layers behind", "another batch size", "other layers behind"]))
    if kind == "another batch size":
        size = max(1, int(rng.choice([size - 1, size + 1, size // 2, 2 * size])))
    if kind == "other layers behind":
        off = 10 ** rng.uniform(-6, 0)
        layers = tuple(
            (weight * (1 + off * rng.standard_normal(weight.shape)).astype("float32"), bias)
            for weight, bias in layers
        )
    return replace(problem, behind=layers, batch_size=size, parts=(kind, *problem.parts))


def judge(seed: int, campaign: Campaign) -> Verdict:
    """Build, solve and judge one problem."""
    problem = campaign.problem(seed)
    verdict = Verdict(seed, problem.parts, len(problem.inputs), "refused", 0, 0, (), (), 0.0)
    start = time.perf_counter()
    try:
        result = campaign.solve(problem, seed)
        seconds, found = time.perf_counter() - start, judged(problem, result, campaign.accuracy)
        return replace(
            verdict,
            ending=result.status.name.lower(),
            false=int(found.false.sum()),
            merged=int(found.merged.sum()),
            bars=tuple(found.bars[~(found.false | found.merged)].tolist()),
            notes=found.notes,
            seconds=seconds,
        )
    except SpearError:
        return verdict
    except Exception as error:  # noqa: BLE001 - the campaign goes on
        return replace(verdict, ending=f"CRASH {type(error).__name__}: {error} ({place_of(error)})")


def place_of(error: Exception) -> str:
    """File and line of the library where an error arose."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "spear_xp" in frame.filename] or frames
    return f"{own[-1].filename.rpartition('/')[2]}:{own[-1].lineno} {own[-1].name}"


def kinds(verdict: Verdict) -> tuple[str, ...]:
    """Parts without their numbers."""
    return tuple("FedAvg" if part.startswith("FedAvg") else part for part in verdict.parts if "=" not in part)


def report(verdicts: list[Verdict], limit: float) -> str:
    """Totals, and a table by part."""
    bars = np.array([bar for v in verdicts for bar in v.bars])
    false, merged = sum(v.false for v in verdicts), sum(v.merged for v in verdicts)
    certified, samples = len(bars) + false + merged, sum(v.samples for v in verdicts)
    coverage = ", ".join(f"{(bars <= k).mean():.4f} within {k:g}" for k in BARS if len(bars))
    endings = Counter(v.ending.split()[0] for v in verdicts)
    lines = [
        f"{len(verdicts)} problems, {samples} samples, {certified} certified.",
        f"**{false} false certificates** in {sum(v.false > 0 for v in verdicts)} problems.",
        f"{merged} certified samples stand for several that the gradient does not tell apart.",
        f"Error bars: {coverage or 'none'}; largest error {bars.max(initial=0.0):.1f} bars.",
        "Endings: " + ", ".join(f"{name} {count}" for name, count in endings.most_common()) + ".",
    ]
    slow = sorted((v for v in verdicts if v.seconds > SLOW * limit), key=lambda v: -v.seconds)
    if slow:
        worst = ", ".join(f"{v.seed} ({v.seconds:.1f} s)" for v in slow[:5])
        lines.append(
            f"{len(slow)} searches took more than {SLOW:g} times their limit; slowest seeds: {worst}."
        )
    names = sorted({name for v in verdicts for name in kinds(v)})
    rows = []
    for name in names:
        own = [v for v in verdicts if name in kinds(v)]
        rows.append(
            (
                name,
                len(own),
                sum(v.samples for v in own),
                sum(len(v.bars) + v.false + v.merged for v in own),
                sum(v.false for v in own),
                sum(v.merged for v in own),
                f"{max((bar for v in own for bar in v.bars), default=0.0):.1f}",
            )
        )
    header = ("part", "problems", "samples", "certified", "false", "merged", "largest error in bars")
    return "\n\n".join([*lines, markdown_table(header, rows)])


def tell(verdict: Verdict) -> None:
    """A line for each thing that must not be, and for twins."""
    for note in (verdict.ending,) if verdict.crashed else verdict.notes:
        print(f"seed {verdict.seed}: {note} [{'; '.join(verdict.parts)}]", flush=True)


def replay(seed: int, campaign: Campaign) -> None:
    """One problem in detail."""
    problem = campaign.problem(seed)
    print("; ".join(problem.parts), f"batch_size={problem.batch_size}")
    result = campaign.solve(problem, seed)
    found = judged(problem, result, campaign.accuracy)
    trace = result.trace
    noise = f"noise {trace.noise_level:.1e} {trace.noise_model}"
    print(f"{result.status.name}, rank {result.batch_size}, {noise}")
    for k, (error, bars) in enumerate(zip(found.relative, found.bars, strict=True)):
        mark = "  FALSE" if found.false[k] else "  merged" if found.merged[k] else ""
        print(
            f"certified {k}: relative error {error:.1e}, {bars:.2f} bars of {result.error_bars[k]:.1e}{mark}"
        )
    print("\n".join(found.notes))
    for reason, count in Counter(filter(None, result.reasons)).items():
        print(f"{count} x {reason}")


def verdicts_of(seeds: range, campaign: Campaign, workers: int) -> Iterable[Verdict]:
    """Verdicts as they come."""
    one = partial(judge, campaign=campaign)
    if workers == 1:
        yield from map(one, seeds)
        return
    with multiprocessing.Pool(workers) as pool:
        yield from pool.imap_unordered(one, seeds, chunksize=8)


def main() -> None:
    """Run the campaign or one problem of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first problem; the others follow")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=float, default=0.3, help="seconds for each problem")
    parser.add_argument(
        "--work", type=float, help="multiply-adds for each; with --limit 60 on a busy machine"
    )
    parser.add_argument("--local", type=float, default=0.1, help="share of updates of several local steps")
    parser.add_argument("--replay", type=int, metavar="SEED", help="solve one problem and print its samples")
    parser.add_argument("--write", metavar="FILE", help="write the report as a page of the documentation")
    parser.add_argument(
        "--changes",
        default="",
        help="one of these changes is made, as noise,quantised; `clients`: of theirs",
    )
    parser.add_argument("--accuracy", type=float, default=0.01, help="relative error that is asked for")
    parser.add_argument("--no-bias-gradient", action="store_true", help="grad_b is not given")
    parser.add_argument("--behind", action="store_true", help="layers behind and the batch size are given")
    options = parser.parse_args()
    changes = tuple(filter(None, options.changes.split(",")))
    if changes == ("clients",):
        changes = tuple(CLIENTS)
    campaign = Campaign(
        options.limit,
        options.work,
        options.local,
        changes,
        options.accuracy,
        not options.no_bias_gradient,
        options.behind,
    )
    if options.replay is not None:
        replay(options.replay, campaign)
        return
    verdicts, start = [], time.perf_counter()
    seeds = range(options.seed, options.seed + options.count)
    for verdict in verdicts_of(seeds, campaign, options.workers):
        verdicts.append(verdict)
        tell(verdict)
        if len(verdicts) % 500 == 0:
            false = sum(v.false for v in verdicts)
            print(f"{len(verdicts)} problems, {false} false, {time.perf_counter() - start:.0f} s", flush=True)
    print(text := report(verdicts, options.limit))
    if options.write:
        what = f"Seeds {options.seed} to {seeds[-1]}, {campaign}."
        write_page(options.write, "False certificates", f"{what} {facts()}", text)


if __name__ == "__main__":
    main()

"""SPEAR as published against this library: same gradients, one process, as ratios.

`python tests/benchmarks/against_published.py [--seeds 0,1,2] [--write docs/benchmarks/against-published.md]`
Where the published attack would take too long its time is extrapolated: the median number of samples that
theory gives, over its measured samples per second; such figures carry a tilde.
"""

import argparse
import math
import time
from dataclasses import dataclass
from statistics import median

import theory
from spear_xp import invert
from spear_xp.reporting.metrics import compare
from spear_xp.updates.synthetic import LayerGradient
from tests.benchmarks import published
from tests.benchmarks.machine import facts, markdown_row, markdown_table, write_page
from tests.benchmarks.problems import gaussian
from tests.helpers.networks import Floats

SIZES = ((12, 200), (16, 200), (20, 400))
MEASURED = 16  # largest batch on which the published attack runs to its end
HEADER = ("b, m", "attack", "samples/s", "ratio", "seconds (median)", "times faster", "solved", "each")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attack on one gradient."""

    rate: float  # samples per second; NaN where the attack draws none
    seconds: float
    solved: bool
    extrapolated: bool = False


def of_published(truth: LayerGradient, seed: int, budget: float) -> Outcome:
    """The yardstick, to its end or extrapolated."""
    b, width = truth.inputs.shape[0], truth.grad_w.shape[0]
    if b > MEASURED:
        rate = published.sampling_rate(*truth.observed, b)
        log_samples = float(theory.log_sample_quantile(b, width, 0.5))
        return Outcome(rate, math.exp(log_samples) / rate, solved=False, extrapolated=True)
    inputs, _, drawn, seconds = published.invert(*truth.observed, b, budget_s=budget, seed=seed)
    return Outcome(drawn / seconds, seconds, inputs is not None and all_exact(truth, inputs))


def of_library(truth: LayerGradient, seed: int, budget: float, search: str) -> Outcome:
    """This library; the rate counts the seconds spent drawing and filtering."""
    start = time.perf_counter()
    result = invert(*truth.observed, search=search, time_limit=budget, rng=seed)
    seconds = time.perf_counter() - start
    spent = result.trace.seconds.get("sampling", 0.0) + result.trace.seconds.get("screen", 0.0)
    rate = result.trace.samples_drawn / spent if search == "sampling" and spent else math.nan
    return Outcome(rate, seconds, len(result.inputs) > 0 and all_exact(truth, result.inputs))


def all_exact(truth: LayerGradient, inputs: Floats) -> bool:
    """Whether every sample is recovered above 90 dB."""
    return compare(truth.inputs, inputs).exact_share == 1.0


def summary(label: str, attack: str, ours: list[Outcome], theirs: list[Outcome]) -> list[str]:
    """One row: medians over the seeds, and ratios to the published attack on the same gradients."""
    mark = "~" if any(o.extrapolated for o in (*ours, *theirs)) else ""
    own = "~" if any(o.extrapolated for o in ours) else ""
    rate = median(o.rate for o in ours)
    ratio = median(o.rate / p.rate for o, p in zip(ours, theirs, strict=True))
    faster = median(p.seconds / o.seconds for o, p in zip(ours, theirs, strict=True))
    return [
        label,
        attack,
        "–" if math.isnan(rate) else f"{rate:.3g}",
        "–" if math.isnan(ratio) else f"{ratio:.1f}",
        f"{own}{median(o.seconds for o in ours):.3g}",
        f"{mark}{faster:.3g}",
        "not run" if own else f"{sum(o.solved for o in ours)} of {len(ours)}",
        " ".join(f"{own}{o.seconds:.3g}" for o in ours),
    ]


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated")
    parser.add_argument(
        "--sizes", default=",".join(f"{b}x{m}" for b, m in SIZES), help="such as 12x200,16x200"
    )
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each attack")
    parser.add_argument("--write", metavar="FILE", help="write the table as a page of the documentation")
    options = parser.parse_args()
    invert(*gaussian(0, 4, 40, 20).observed, rng=0)  # imports and caches
    print(markdown_table(HEADER, []), flush=True)
    rows = []
    for size in options.sizes.split(","):
        b, m = map(int, size.split("x"))
        runs: dict[str, list[Outcome]] = {"published": [], "sampling": [], "information_set": [], "auto": []}
        for seed in map(int, options.seeds.split(",")):
            truth = gaussian(seed, b, m, depth=2, classes=10)
            runs["published"].append(of_published(truth, seed, options.budget))
            for search in ("sampling", "information_set", "auto"):
                runs[search].append(of_library(truth, seed, options.budget, search))
        for attack, outcomes in runs.items():
            name = attack if attack == "published" else f'`search="{attack}"`'
            rows.append(summary(f"{b}, {m}", name, outcomes, runs["published"]))
            print(markdown_row(rows[-1]), flush=True)
    if options.write:
        write_page(
            options.write, "Against the published attack", EXPLANATION, facts(), markdown_table(HEADER, rows)
        )


EXPLANATION = """Float32 gradients of two-layer networks on Gaussian inputs of 784 features, the same for
every attack, one process. *published*: one singular value decomposition for each subset, as in the paper
(`tests/benchmarks/published.py`). *samples/s* counts drawing and filtering; *times faster* is the median over
the seeds of the ratio of times to solution. A tilde marks what is extrapolated: the published attack's median
number of samples by `theory.log_sample_quantile` over its measured samples per second. Written by
`python tests/benchmarks/against_published.py --write FILE`."""


if __name__ == "__main__":
    main()

"""Samples that the library's own sampler needs, predicted by `theory` and measured: table, picture, page.

python tests/benchmarks/predicted_against_measured.py            # some ten minutes on two cores
python tests/benchmarks/predicted_against_measured.py --runs 40 --batches 6 7 --no-page
"""

import argparse
import math
import os
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import Pool
from multiprocessing.pool import Pool as WorkerPool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import theory
from spear_xp.candidates.threshold import sparsity_threshold
from tests.helpers.real_sampler import gaussian_problem, search_until_found
from tests.helpers.sampler_law import SamplerLaw, confidence_radius

BATCHES, WIDTHS, RUNS = range(6, 13), (24, 48, 200), 300
LEVELS = (0.1, 0.5, 0.9)
MOST_SAMPLES = 2**19  # of one run
STEPS = 32  # chunks up to the median: fine enough to count by
DOCS = Path(__file__).parents[2] / "docs" / "theory"
COLUMNS = (
    "b",
    "m",
    "samples at 10, 50, 90 %: predicted",
    "measured",
    "ceiling",
    "whole batch within the budget: predicted",
    "measured",
    "largest deviation",
    "band",
    "inside",
    "deviation of the bare formula",
)
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


@dataclass(frozen=True)
class Cell:
    """Runs of one batch size and width, and what was predicted for them."""

    law: SamplerLaw
    chunk_size: int
    budget: float
    samples: NDArray[np.float64]  # one a run, sorted, infinite where the budget ended first

    @property
    def radius(self) -> float:
        return confidence_radius(len(self.samples))

    @cached_property
    def drawn(self) -> NDArray[np.float64]:
        """Numbers of samples at which the runs were looked at."""
        return np.arange(1, math.ceil(self.budget / self.chunk_size) + 1) * float(self.chunk_size)

    @cached_property
    def measured(self) -> NDArray[np.float64]:
        """Share of runs that had everything by then."""
        return np.searchsorted(self.samples, self.drawn, side="right") / len(self.samples)

    @cached_property
    def deviation(self) -> float:
        """Largest difference from the prediction, with its sign."""
        return largest(self.measured - self.law.success(self.drawn))

    @cached_property
    def published_deviation(self) -> float:
        """The same from the formula of the published sampler, with the threshold and nothing else."""
        b, m = self.law.batch_size, self.law.width
        share = min(1.0, sparsity_threshold(m, b) / m)
        later = self.drawn >= b
        predicted = theory.success_probability(b, m, self.drawn[later], threshold=share)
        return largest(self.measured[later] - predicted)


def largest(differences: NDArray[np.float64]) -> float:
    """The one of largest size."""
    return float(differences[np.abs(differences).argmax()])


def plan(batch_size: int, width: int) -> tuple[SamplerLaw, int, float]:
    """Law, chunk size and budget: 95 % of all runs that can ever succeed should do so within the budget."""
    law = SamplerLaw(batch_size, width)
    median = law.quantile(0.5 * law.ceiling)
    chunk = (batch_size + 1) * min(256, max(1, int(median / STEPS / batch_size)))  # whole sets
    return law, chunk, min(law.quantile(0.95 * law.ceiling), MOST_SAMPLES)


def one_run(seed: int, *, batch_size: int, width: int, chunk_size: int, budget: float) -> float:
    """Samples that one search on one fresh problem took."""
    truth = gaussian_problem(batch_size, width, seed)
    return search_until_found(truth, chunk_size=chunk_size, budget=budget, seed=seed)


def measure(batch_size: int, width: int, runs: int, pool: WorkerPool) -> Cell:
    """Fresh problems and seeds, none shared with another cell."""
    law, chunk, budget = plan(batch_size, width)
    run = partial(one_run, batch_size=batch_size, width=width, chunk_size=chunk, budget=budget)
    first = (batch_size * 1000 + width) * 100_000
    return Cell(law, chunk, budget, np.sort(pool.map(run, range(first, first + runs), chunksize=5)))


def table(cells: list[Cell]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
    ]
    for cell in cells:
        law, count = cell.law, len(cell.samples)
        order = [cell.samples[min(count, math.ceil(u * count)) - 1] for u in LEVELS]
        words = (
            f"{law.batch_size}",
            f"{law.width}",
            ", ".join(number(law.quantile(u), math.inf) for u in LEVELS),
            ", ".join(number(value, cell.budget) for value in order),
            f"{law.ceiling:.3g}",
            f"{float(law.success(cell.drawn[-1])):.3f}",
            f"{cell.measured[-1]:.3f}",
            signed(cell.deviation),
            f"±{cell.radius:.3f}",
            "yes" if abs(cell.deviation) <= cell.radius else "**no**",
            signed(cell.published_deviation),
        )
        lines.append("| " + " | ".join(words) + " |")
    return lines


def number(samples: float, budget: float) -> str:
    """A count to three digits; beyond the budget only that much is known."""
    if math.isinf(samples):
        return "never" if math.isinf(budget) else f"> {number(budget, math.inf)}"
    digits = max(0, math.floor(math.log10(samples)) - 2)
    return f"{round(samples, -digits):,.0f}"


def signed(value: float) -> str:
    """Three decimals with a sign, and none for what rounds to zero."""
    return f"{value:+.3f}" if round(value, 3) else "0.000"


def draw(cells: list[Cell], path: Path) -> None:
    """One panel a cell: prediction, its band, and what was measured."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

    widths = sorted({cell.law.width for cell in cells})
    batches = sorted({cell.law.batch_size for cell in cells})
    figure = Figure(figsize=(1.0 + 1.9 * len(batches), 0.9 + 1.9 * len(widths)), layout="constrained")
    axes = figure.subplots(len(widths), len(batches), squeeze=False, sharey=True)
    handles = []
    for cell in cells:
        row, column = widths.index(cell.law.width), batches.index(cell.law.batch_size)
        axis = axes[row, column]
        fine = np.geomspace(cell.drawn[0], cell.drawn[-1], 200)
        predicted = cell.law.success(fine)
        low, high = np.clip(predicted - cell.radius, 0, 1), np.clip(predicted + cell.radius, 0, 1)
        band = axis.fill_between(fine, low, high, color="#9ecae1", alpha=0.7, lw=0)
        (line,) = axis.plot(fine, predicted, color="#08519c", lw=1.2)
        (steps,) = axis.step(cell.drawn, cell.measured, where="post", color="#d94801", lw=1.2)
        ceiling = axis.axhline(cell.law.ceiling, color="0.45", lw=0.8, ls=":")
        handles = [line, band, steps, ceiling]
        axis.set_xscale("log")
        axis.set_xlim(fine[0], fine[-1])
        axis.xaxis.set_major_locator(LogLocator(numticks=4))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_ylim(-0.02, 1.02)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axis.tick_params(labelsize=8)
        axis.grid(color="0.92", lw=0.6)
        axis.set_axisbelow(True)
        place = (0.05, 0.95, "left", "top") if cell.measured[-1] < 0.6 else (0.95, 0.06, "right", "bottom")
        text = signed(cell.deviation)
        axis.text(*place[:2], text, ha=place[2], va=place[3], transform=axis.transAxes, fontsize=8)
        if row == 0:
            axis.set_title(f"b = {cell.law.batch_size}", fontsize=10)
        if column == 0:
            axis.set_ylabel(f"m = {cell.law.width}", fontsize=10)
    figure.supxlabel("samples drawn", fontsize=10)
    figure.supylabel("share of runs with the whole batch", fontsize=10)
    runs = len(cells[0].samples)
    labels = [
        "predicted",
        "band for the number of runs, 95 %",
        f"measured, {runs} runs",
        "ceiling, unlimited budget",
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=9, frameon=False)
    figure.savefig(path, dpi=110)


def fill(page: Path, lines: list[str]) -> None:
    """Put the table between its marks."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(before + "\n".join([BEGIN, *lines, END]) + after, encoding="utf-8")


def main() -> None:
    """Measure every cell, print the table, draw the picture, fill the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs per cell (default {RUNS})")
    parser.add_argument("--batches", type=int, nargs="+", default=[*BATCHES])
    parser.add_argument("--widths", type=int, nargs="+", default=[*WIDTHS])
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--no-page", action="store_true", help="print only")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cells = []
    with Pool(options.workers) as pool:
        for width in options.widths:
            for batch_size in options.batches:
                cells.append(measure(batch_size, width, options.runs, pool))
                header = 0 if len(cells) == 1 else 2
                print("\n".join(table(cells[-1:])[header:]), flush=True)
    inside = sum(abs(cell.deviation) <= cell.radius for cell in cells)
    print(f"{inside} of {len(cells)} cells inside the 95 % band")
    if not options.no_page:
        draw(cells, DOCS / "predicted-against-measured.png")
        fill(DOCS / "predicted-against-measured.md", table(cells))


if __name__ == "__main__":
    main()

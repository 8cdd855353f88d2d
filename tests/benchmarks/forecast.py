"""Forecasts against searches, on problems that were used in no fit: writes docs/benchmarks/forecast.md.

    python -m tests.benchmarks.forecast

The searches are those of the list "held_out" of `tests.benchmarks.forecast_runs`. For each the update is
forecast with the pilot that was run on it then, and for centred data the sizes alone are, too. A success is a
search that recovered the whole batch above 90 dB within its limit.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from spear_xp.candidates.pool import Pool
from spear_xp.forecasting import fitted, laws
from spear_xp.forecasting.default import estimate
from spear_xp.forecasting.forecast import Forecast, Verdict
from spear_xp.forecasting.pilot import Pilot
from spear_xp.reduction.problem import Problem
from tests.benchmarks.forecast_runs import Run, build, read_runs
from tests.benchmarks.machine import markdown_table, write_page

PAGE = Path("docs/benchmarks/forecast.md")
PICTURE = Path("docs/images/forecast.png")
CENTRED = {"gaussian", "faces", "crops", "tabular"}
FACTOR = 2.0
BINS = ((0.0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1.0))
DECIDED = {Verdict.FEASIBLE: True, Verdict.INFEASIBLE_FOR_THIS_SEARCH: False, Verdict.EXACT_IMPOSSIBLE: False}
ABOUT = (
    "Written by `python -m tests.benchmarks.forecast` from the runs in `tests/benchmarks/data`. The problems "
    "were used in no fit: other sizes, seeds, and mostly other data. Seconds are those of the processor, of "
    "one core of a shared machine. The network (depth, classes) changes with the seed. *Recovered* means the "
    "whole batch above 90 dB within the limit of 5 to 20 s, which grows with the width."
)
READ = (
    "Times are those of searches that succeeded, against the median that was forecast in case of success. In "
    "the bins the first number is the mean probability forecast, the second the share recovered, in brackets "
    "the number of problems."
)


@dataclass(frozen=True, slots=True)
class Case:
    """A search and what was forecast of it."""

    run: Run
    forecast: Forecast
    seconds: float  # median, if the search succeeds

    @property
    def success(self) -> bool:
        """Whether everything came back in time."""
        return self.run.exact >= self.run.batch_size

    @property
    def right(self) -> bool | None:
        """Whether the verdict was; None where it is open."""
        says = DECIDED.get(self.forecast.verdict)
        return None if says is None else says is self.success


def from_sizes(run: Run) -> Case:
    """From batch size and width alone."""
    b, m = run.batch_size, run.width
    forecast = estimate(b, m, features=run.features, centred=True, time_limit=run.limit)
    return Case(run, forecast, math.exp(laws.log_seconds(b, m)))


def from_update(run: Run) -> Case:
    """From the update, with the pilot of the table."""
    pilots = []

    def recorded(problem: Problem, **_: object) -> Pilot:
        found = Pilot(problem.rank, problem.width, run.first, run.found, run.pilot_work, Pool(problem))
        pilots.append(found)
        return found

    with patch("spear_xp.forecasting.default.run_pilot", recorded):
        truth = build(run.kind, run.batch_size, run.width, run.seed)
        forecast = estimate(truth.observed, time_limit=run.limit)
    return Case(run, forecast, math.exp(laws.log_seconds_after(pilots[0])))


def scores(cases: list[Case]) -> dict[str, str]:
    """The figures by which forecasts are judged."""
    chance = np.array([case.forecast.success_probability for case in cases])
    success = np.array([case.success for case in cases])
    decided = [case.right for case in cases if case.right is not None]
    timed = [case for case in cases if case.success]
    within = [1 / FACTOR <= case.seconds / case.run.seconds <= FACTOR for case in timed]
    bins = []
    for low, high in BINS:
        inside = (chance >= low) & ((chance < high) | (high == 1))
        mean = f"{chance[inside].mean():.2f} / {success[inside].mean():.2f}" if inside.any() else "–"
        bins.append(f"{mean} ({inside.sum()})")
    return {
        "problems": str(len(cases)),
        "recovered": str(int(success.sum())),
        "decided verdicts right": f"{sum(decided)} of {len(decided)}",
        "open verdicts": str(len(cases) - len(decided)),
        "Brier score": f"{((chance - success) ** 2).mean():.3f}",
        "of always the mean": f"{success.mean() * (1 - success.mean()):.3f}",
        "times within 2": f"{sum(within)} of {len(within)}",
        "forecast / recovered below 1/3": bins[0],
        "between": bins[1],
        "above 2/3": bins[2],
    }


def table(groups: dict[str, list[Case]]) -> str:
    """Scores of several groups, one a column."""
    columns = {name: scores(cases) for name, cases in groups.items() if cases}
    rows = next(iter(columns.values()))
    return markdown_table(
        ["", *columns], [[row, *(column[row] for column in columns.values())] for row in rows]
    )


def listing(updates: list[Case], sizes: dict[tuple[object, ...], Case]) -> str:
    """All problems."""

    def line(case: Case) -> Iterable[object]:
        run, forecast, other = case.run, case.forecast, sizes.get(case.run.key)
        yield from (run.kind, run.batch_size, run.width, run.identifiable, run.exact)
        yield "–" if not case.success else f"{run.seconds:.2g}"
        yield f"{case.seconds:.2g}"
        yield from (f"{run.found}", f"{forecast.success_probability:.2f}")
        yield "–" if other is None else f"{other.forecast.success_probability:.2f}"
        mark = {True: "", False: " **wrong**", None: ""}[case.right]
        yield forecast.verdict.name.lower().replace("_for_this_search", "").replace("_", " ") + mark

    header = (
        "data",
        "b",
        "m",
        "determined",
        "recovered",
        "seconds",
        "forecast",
        "pilot",
        "P from update",
        "P from sizes",
        "verdict",
    )
    return markdown_table(header, map(line, updates))


def draw(updates: list[Case], sizes: list[Case]) -> None:
    """Times of successes, with the failures at the top, and reliability."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    times, reliable = figure.subplots(1, 2)
    top = 2 * max(case.run.limit for case in updates)
    kinds = ((updates, "o", "from the update", "tab:blue"), (sizes, "x", "from sizes", "tab:orange"))
    for cases, marker, name, color in kinds:
        done = [case for case in cases if case.success]
        times.plot(
            [c.seconds for c in done], [c.run.seconds for c in done], marker, ms=5, color=color, label=name
        )
        lost = [case for case in cases if not case.success]
        times.plot([c.seconds for c in lost], [top] * len(lost), marker, ms=5, color="tab:red", alpha=0.6)
        chance = np.array([c.forecast.success_probability for c in cases])
        success = np.array([c.success for c in cases])
        jitter = 0.04 if marker == "o" else -0.04
        reliable.plot(chance, success + jitter, marker, ms=4, color=color, alpha=0.5)
        middle = [(chance >= low) & ((chance < high) | (high == 1)) for low, high in BINS]
        points = [(chance[i].mean(), success[i].mean()) for i in middle if i.any()]
        reliable.plot(
            *zip(*points, strict=True), "-" + marker, ms=9, color=color, label=f"{name}, in three bins"
        )
    line = np.array([0.03, 40])
    times.fill_between(line, line / FACTOR, line * FACTOR, color="0.9", label="within a factor of 2")
    times.axhline(top, color="tab:red", lw=0.5)
    times.text(0.035, top * 1.1, "not recovered", fontsize=8, color="tab:red")
    times.set(
        xscale="log",
        yscale="log",
        xlabel="seconds, forecast",
        ylabel="seconds, measured",
        ylim=(0.03, 2 * top),
    )
    reliable.plot([0, 1], [0, 1], color="0.7", lw=1)
    reliable.set(xlabel="probability, forecast", ylabel="recovered")
    times.legend(fontsize=8, loc="lower right")
    reliable.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, 0.88))
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """Write page and picture."""
    runs = [run for run in read_runs() if run.group == "held_out" and run.rank]
    updates = [from_update(run) for run in runs]
    sizes = [from_sizes(run) for run in runs if run.kind in CENTRED]
    groups = {
        "update, all": updates,
        "update, centred": [case for case in updates if case.run.kind in CENTRED],
        "update, raw": [case for case in updates if case.run.kind not in CENTRED],
        "sizes, centred": sizes,
        "sizes, without tables": [case for case in sizes if case.run.kind != "tabular"],
    }
    draw(updates, sizes)
    write_page(
        str(PAGE),
        "Forecasts against searches",
        ABOUT + f" Constants: {fitted.FITTED}.",
        table(groups),
        "![Forecast and measured times, and reliability](../images/forecast.png)",
        READ,
        "## Every problem",
        listing(updates, {case.run.key: case for case in sizes}),
    )


if __name__ == "__main__":
    main()

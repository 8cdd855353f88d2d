"""Enters: a sweep over defences. Leaves: curves of what comes back. Needs matplotlib."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

from spear_xp.auditing.defences import DEFENCES, Sweep

__all__ = ["draw_leaks"]

ACROSS = 4  # cosmetic: panels side by side


def draw_leaks(found: Sweep, path: Path | None = None) -> Any:
    """Share of records that comes back above 30 dB, and that is certified, over the strength of each defence.

    A vertical line is the strength at which a forecast expects recovery to end (`Sweep.breakdown`).

    Parameters
    ----------
    found : Sweep
        Curves are averages over its seeds.
    path : Path, optional
        PNG to write.

    Returns
    -------
    list of matplotlib.axes.Axes
        One for each defence, in the order of `found.defences`.
    """
    from matplotlib.figure import Figure

    columns = min(ACROSS, len(found.defences))
    down = -(-len(found.defences) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.6 * down), layout="constrained")
    axes = list(figure.subplots(down, columns, squeeze=False, sharey=True).flat)
    for axis in axes[len(found.defences) :]:
        axis.remove()
    axes = axes[: len(found.defences)]
    for axis, name in zip(axes, found.defences, strict=True):
        curve = found.curve(name)
        places, ticks = range(len(curve)), [f"{leak.strength:g}" for leak in curve]
        for label, style, color, value in (
            ("all masks known", "--", "#7f7f7f", "ceiling_recovered"),
            ("recovered", "o-", "#4c72b0", "recovered"),
            ("certified", "s:", "#c44e52", "certified"),
        ):
            axis.plot(places, [getattr(leak, value) for leak in curve], style, color=color, label=label)
        end = found.breakdown(name)
        if 0 < end < math.inf:
            strengths = [leak.strength for leak in curve]
            axis.axvline(_place(end, strengths), color="#55a868", linewidth=1.2, label="forecast end")
        axis.set_xticks(places, ticks, fontsize=8)
        axis.set_title(name, fontsize=10)
        axis.set_xlabel(DEFENCES[name].unit, fontsize=9)
        axis.set_ylim(-0.05, 1.05)
    drawn = {line.get_label(): line for axis in axes for line in axis.lines}
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=len(drawn), fontsize=9)
    axes[0].set_ylabel("share of records", fontsize=9)
    if path is not None:
        figure.savefig(path, dpi=130)
    return axes


def _place(value: float, strengths: list[float]) -> float:
    """Where a strength lies among those drawn, by the logarithm between two of them."""
    logs = [math.log(strength) for strength in strengths]
    for k, (low, high) in enumerate(pairwise(logs)):
        if min(low, high) <= math.log(value) <= max(low, high):
            return k + (math.log(value) - low) / (high - low)
    nearer = abs(math.log(value) - logs[0]) < abs(math.log(value) - logs[-1])
    return -0.3 if nearer else len(logs) - 0.7

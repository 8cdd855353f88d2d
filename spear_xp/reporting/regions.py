"""Enters: forecasts, or numbers over sizes. Leaves: pictures over width and batch size. Needs matplotlib."""

import math
from pathlib import Path

from spear_xp.forecasting.default import estimate
from spear_xp.forecasting.fitted import NARROWEST, WIDEST
from spear_xp.forecasting.forecast import Forecast
from spear_xp.numerics.backend import Host

__all__ = ["draw_heatmap", "draw_regions"]

NARROWEST_DRAWN, WIDEST_DRAWN = 40, 4000  # cosmetic: neurons of the picture of regions
COLUMNS = 60  # cosmetic: widths at which its borders are worked out
COLORS = ("#4c9f70", "#f2d06b", "#e8a04a", "#c9657b")


def draw_heatmap(
    values: Host, batch_sizes: list[int], widths: list[int], path: Path, *, title: str, label: str
) -> None:
    """Base-2 logarithm of a quantity over width (across, log scale) and batch size (up).

    Parameters
    ----------
    values : NumPy array, shape (len(batch_sizes), len(widths))
        Not finite where the quantity is infinite; those cells are grey. Contour lines run from 2^10 to 2^80,
        where the colour scale ends too.
    batch_sizes, widths : list of int
        Axes, increasing.
    path : Path
        PNG to write.
    title, label : str
        Of the picture and of its colour bar.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, NullLocator

    figure = Figure(figsize=(8, 5.4), layout="constrained")
    axis = figure.subplots()
    axis.set_xscale("log")  # before the contours, whose labels follow the slope of the lines
    axis.set_ylim(batch_sizes[0], batch_sizes[-1])
    mesh = axis.pcolormesh(
        widths, batch_sizes, values, shading="nearest", cmap="viridis", vmin=0, vmax=80, rasterized=True
    )
    levels = range(10, 81, 10)
    colors = ["white" if level < 50 else "black" for level in levels]
    lines = axis.contour(widths, batch_sizes, values, levels=levels, colors=colors, linewidths=0.9)
    axis.clabel(lines, fmt=lambda level: f"$2^{{{level:.0f}}}$", fontsize=9)
    axis.set_facecolor("0.85")
    if not abs(values).max() < math.inf:  # NaN compares as false
        never = (widths[0] * 1.08, batch_sizes[-1] - 0.06 * (batch_sizes[-1] - batch_sizes[0]))
        axis.text(*never, "never", fontsize=10, va="top")
    powers = [2**k for k in range(1, 31) if widths[0] <= 2**k <= widths[-1]]
    axis.set_xticks(powers, [f"{power:,}" for power in powers])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_yticks(range(10 * (batch_sizes[0] // 10 + 1), batch_sizes[-1] + 1, 10))
    axis.set_xlabel("width m")
    axis.set_ylabel("batch size b")
    axis.set_title(title, fontsize=10)
    bar = figure.colorbar(mesh, label=label, extend="max", ticks=range(0, 81, 20))
    bar.ax.set_yticklabels([f"$2^{{{level}}}$" for level in range(0, 81, 20)])
    figure.savefig(path, dpi=130)


def draw_regions(forecast: Forecast, path: Path) -> None:
    """What is feasible, open, impossible and beyond sight, over width (across) and batch size (up).

    Parameters
    ----------
    forecast : Forecast
        Its layer is marked, its time limit and machine count.
    path : Path
        PNG to write.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    b, m = forecast.batch_size, forecast.width
    low, high = min(NARROWEST_DRAWN, m / 2), max(WIDEST_DRAWN, 2 * m)
    widths = sorted({round(low * (high / low) ** (k / COLUMNS)) for k in range(COLUMNS + 1)})
    column = [
        estimate(2, width, centred=True, time_limit=forecast.time_limit, machine_rate=forecast.machine_rate)
        for width in widths
    ]
    edges: dict[str, list[int]] = {
        "found by the default search": [one.largest_batch or 1 for one in column],
        "open: the gradient determines it, the search does not find it": [one.exact_limit for one in column],
        "exact recovery uncertain for any method": [one.safe_batch for one in column],
        "exact recovery impossible, samples visible in principle": [one.visual_limit for one in column],
    }
    top = max(2.0 * column[-1].visual_limit, 1.5 * b)
    figure = Figure(figsize=(8, 5.6), layout="constrained")
    axis = figure.subplots()
    floor = [1] * len(widths)
    for (name, edge), color in zip(edges.items(), COLORS, strict=True):
        axis.fill_between(widths, floor, edge, color=color, label=name, linewidth=0)
        floor = edge
    axis.fill_between(
        widths,
        floor,
        top,
        color="0.93",
        label="visually safe: more than half of every sample is open",
        linewidth=0,
    )
    axis.plot([m], [b], "o", color="black", markersize=7)
    axis.annotate(
        f"b = {b}, m = {m}", (m, b), textcoords="offset points", xytext=(8, 6), fontsize=10, fontweight="bold"
    )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(widths[0], widths[-1])
    axis.set_ylim(2, top)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(ScalarFormatter())
        side.set_minor_formatter(NullFormatter())
    axis.set_xlabel("neurons m of the layer")
    axis.set_ylabel("batch size b")
    limits = f"edge of the search measured on {NARROWEST} to {WIDEST} neurons"
    axis.set_title(f"Centred inputs, as many features as the batch needs; {limits}", fontsize=9)
    axis.legend(loc="upper left", fontsize=8, framealpha=0.9, reverse=True)
    figure.savefig(path, dpi=130)

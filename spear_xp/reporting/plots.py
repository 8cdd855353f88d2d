"""Enters: images or numbers. Leaves: PNG files. Needs matplotlib (the `demo` extra)."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

from spear_xp.auditing.defences import DEFENCES, Sweep
from spear_xp.numerics.backend import Host
from spear_xp.reporting.metrics import Comparison

__all__ = ["draw_heatmap", "draw_leaks", "draw_reconstructions"]

ACROSS = 4  # cosmetic: panels side by side


def draw_reconstructions(
    inputs: Host, recovered: Host, comparison: Comparison, path: Path, *, shape: tuple[int, ...]
) -> None:
    """Three rows of images: originals, reconstructions, |difference|.

    Parameters
    ----------
    inputs, recovered : NumPy array, shape (b, n) and (k, n)
        True and recovered samples; all that are paired are drawn.
    comparison : Comparison
        Which recovered sample belongs to which original.
    path : Path
        PNG to write.
    shape : tuple of int
        Height, width and, for colour, channels of an image.
    """
    from matplotlib.figure import Figure

    pairs = list(zip(comparison.truth, comparison.recovered, comparison.psnr, strict=True))
    figure = Figure(figsize=(1.1 * max(len(pairs), 3), 4.1), layout="constrained")
    axes = figure.subplots(3, max(len(pairs), 1), squeeze=False)
    low, high = float(inputs.min()), float(inputs.max())
    worst = 0.0
    for column, (i, j, psnr) in enumerate(pairs):
        original, found = inputs[i].reshape(shape), recovered[j].reshape(shape)
        difference = abs(original - found)
        worst = max(worst, float(difference.max()))
        for axis, image in zip(axes[:2, column], (original, found), strict=True):
            axis.imshow(((image - low) / (high - low)).clip(0, 1), cmap="gray", vmin=0, vmax=1)
        axes[2, column].imshow((difference / (high - low)).clip(0, 1), cmap="gray", vmin=0, vmax=1)
        axes[2, column].set_xlabel(f"{psnr:.0f} dB", fontsize=8)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    for row, text in enumerate(("original", "recovered", "|difference|")):
        axes[row, 0].set_ylabel(text, fontsize=9)
    figure.suptitle(
        f"{len(pairs)} samples from one gradient; same grey scale throughout, largest difference {worst:.1e} "
        f"of a range of {high - low:.1f}",
        fontsize=9,
    )
    figure.savefig(path, dpi=130)


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


def draw_leaks(found: Sweep, path: Path | None = None, *, breakdown: dict[str, float] | None = None) -> Any:
    """Share of records that comes back above 30 dB, and that is certified, over the strength of each defence.

    Parameters
    ----------
    found : Sweep
        Curves are averages over its seeds.
    path : Path, optional
        PNG to write.
    breakdown : dict of str to float, optional
        Strength of a defence at which a theory expects the search to end, drawn as a vertical line.

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
        end = (breakdown or {}).get(name)
        if end is not None:
            strengths = [leak.strength for leak in curve]
            axis.axvline(_place(end, strengths), color="#55a868", linewidth=1.2, label="break-down")
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

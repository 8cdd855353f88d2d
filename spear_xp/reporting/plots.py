"""Enters: results, images or numbers. Leaves: charts and PNG files. Needs matplotlib (the `report` extra).

`spear_xp.plots` is its public name.
"""

import math
from pathlib import Path
from typing import Any

from spear_xp.numerics.backend import Host, to_host
from spear_xp.reporting.leaks import draw_leaks
from spear_xp.reporting.metrics import Comparison
from spear_xp.reporting.regions import draw_heatmap, draw_regions
from spear_xp.solver.result import Result

__all__ = [
    "draw_heatmap",
    "draw_leaks",
    "draw_reconstructions",
    "draw_regions",
    "predicted_psnr",
    "spectrum",
    "zero_counts",
]

Axes = Any  # of matplotlib, which is not imported before a chart is drawn
# cosmetic: inches of a chart, decibels from which a sample counts as exact, as in `metrics`
SIZE, EXACT = (6.4, 3.1), 90.0
LEGEND: dict[str, Any] = {"frameon": False, "ncols": 2, "loc": "lower left", "bbox_to_anchor": (0, 1)}
FOUND, OTHER, LINE = "#1f5fbf", "#b3541e", "#5b6470"  # told apart by shape, too
BESIDE: dict[str, Any] = {
    "xytext": (-4, 4),
    "textcoords": "offset points",
    "ha": "right",
    "color": LINE,
    "fontsize": 9,
}


def spectrum(result: Result, *, axes: Axes = None) -> Axes:
    """Singular values of the gradient, with the cut between samples and noise.

    Parameters
    ----------
    result : Result
        What `spear_xp.invert` has returned.
    axes : matplotlib Axes, optional
        Where to draw; a figure of its own where not given.

    Returns
    -------
    matplotlib Axes
    """
    axes = _axes(axes)
    values, rank = to_host(result.trace.singular_values), result.batch_size or 0
    shown = values[: max(2 * rank, rank + 8)]
    shown = shown[shown > 0]
    for part, first, style, label in (
        (shown[:rank], 1, {"marker": "o", "color": FOUND}, "samples"),
        (shown[rank:], rank + 1, {"marker": "x", "color": LINE}, "noise"),
    ):
        if len(part):
            axes.plot(range(first, first + len(part)), part, linestyle="", markersize=5, label=label, **style)
    if len(shown):
        axes.set_yscale("log")
    if rank:
        axes.axvline(rank + 0.5, color=LINE, linestyle="--", linewidth=1)
        axes.annotate(
            f"batch size {rank}",
            (rank + 0.5, 1),
            xycoords=("data", "axes fraction"),
            **BESIDE | {"ha": "left"},
        )
        axes.legend(**LEGEND)
    axes.set_xlabel("number of the singular value")
    axes.set_ylabel("singular value")
    return axes


def zero_counts(result: Result, *, axes: Axes = None) -> Axes:
    """Zero rows of each direction, and how many it needs.

    Arguments and return value as for `spectrum`.
    """
    axes, zeros = _axes(axes), to_host(result.trace.zeros)
    certified = _flags(result, len(zeros))
    _points(axes, zeros, certified, "certified", "not certified")
    axes.axhline(result.trace.threshold, color=LINE, linestyle="--", linewidth=1)
    needed = (1, result.trace.threshold)
    axes.annotate(f"needed: {needed[1]}", needed, xycoords=("axes fraction", "data"), **BESIDE)
    axes.set_ylim(0, 1.12 * max([*zeros.tolist(), result.trace.threshold, 1]))
    axes.set_xlabel("sample" if len(result.inputs) == len(zeros) else "direction")
    axes.set_ylabel("zero rows")
    return axes


def predicted_psnr(result: Result, *, axes: Axes = None) -> Axes:
    """PSNR of each sample as its error bar predicts it.

    Arguments and return value as for `spectrum`.
    """
    axes, values = _axes(axes), to_host(result.psnr)
    finite = abs(values) < math.inf
    certified = _flags(result, len(values))
    _points(
        axes,
        to_host([v if f else math.nan for v, f in zip(values, finite, strict=True)]),
        certified,
        "certified",
        "not certified",
    )
    if finite.any() and values[finite].max() > 0.8 * EXACT:
        axes.axhline(EXACT, color=LINE, linestyle="--", linewidth=1)
        axes.annotate("exact", (1, EXACT), xycoords=("axes fraction", "data"), **BESIDE)
    if finite.any():
        axes.set_ylim(min(0.0, float(values[finite].min()) - 5), 1.12 * max(float(values[finite].max()), 10))
    axes.set_xlabel("sample")
    axes.set_ylabel("predicted PSNR in dB")
    return axes


def _axes(axes: Axes) -> Axes:
    if axes is not None:
        return axes
    from matplotlib.figure import Figure

    axes = Figure(figsize=SIZE, layout="constrained").subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _flags(result: Result, count: int) -> Host:
    """Which of so many directions belong to certified samples."""
    flags = to_host(result.certified).astype(bool)
    return flags if len(flags) == count else to_host([False] * count).astype(bool)


def _points(axes: Axes, values: Host, chosen: Host, yes: str, no: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for flags, style, label in (
        (chosen, {"marker": "o", "color": FOUND}, yes),
        (~chosen, {"marker": "x", "color": OTHER}, no),
    ):
        if flags.any():
            axes.plot(flags.nonzero()[0], values[flags], linestyle="", markersize=5, label=label, **style)
    if len(values):
        axes.legend(**LEGEND)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


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

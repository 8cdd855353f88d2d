"""Enters: images or numbers. Leaves: PNG files. Needs matplotlib (the `demo` extra)."""

from pathlib import Path

from spear_xp._arrays import Host
from spear_xp.metrics import Comparison

__all__ = ["draw_heatmap", "draw_reconstructions"]


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
    """A quantity over batch size (down) and width (across).

    Parameters
    ----------
    values : NumPy array, shape (len(batch_sizes), len(widths))
        Non-finite cells stay white.
    batch_sizes, widths : list of int
        Axes.
    path : Path
        PNG to write.
    title, label : str
        Of the picture and of its colour bar.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axis = figure.subplots()
    mesh = axis.pcolormesh(widths, batch_sizes, values, shading="nearest", cmap="viridis")
    axis.set_xscale("log")
    axis.set_xlabel("width m")
    axis.set_ylabel("batch size b")
    axis.set_title(title, fontsize=10)
    figure.colorbar(mesh, label=label)
    figure.savefig(path, dpi=130)

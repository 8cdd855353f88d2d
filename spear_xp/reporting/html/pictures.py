"""Enters: samples. Leaves: pictures of them as data URIs, where they are images."""

import base64
import io
import math
from collections.abc import Callable

from spear_xp.errors import ShapeError
from spear_xp.numerics.backend import Host
from spear_xp.reporting.plots import Axes

__all__ = ["chart", "guessed_shape", "layout_of", "picture"]

LEAST = 64  # chosen: pixels from which samples are taken for images without being told
# chosen: squared difference of neighbours over that of any two pixels; of features in no order it is near 1
SMOOTH = 0.8
LARGEST = 256  # cosmetic: pixels of the longer side of a picture; larger ones are thinned out


def layout_of(shape: tuple[int, ...], features: int) -> tuple[int, int, int, bool]:
    """Height, width, channels, and whether channels come first, of images of a shape.

    Raises
    ------
    ShapeError
        If a shape has not two or three parts, not 1 or 3 channels, or not so many entries as there are
        features.
    """
    sides = (*shape, 1) if len(shape) == 2 else shape
    good = len(sides) == 3 and min(sides) > 0 and math.prod(sides) == features
    if good and sides[2] in {1, 3}:
        return sides[0], sides[1], sides[2], False
    if good and sides[0] in {1, 3}:
        return sides[1], sides[2], sides[0], True
    msg = f"shape={shape}: need height x width, with 1 or 3 channels before or after, for {features} features"
    raise ShapeError(msg)


def guessed_shape(samples: Host) -> tuple[int, ...] | None:
    """Shape of square grey or colour images, if neighbours are alike as they are in images; None if not."""
    if not samples.size:
        return None
    features = samples.shape[1]
    found: list[tuple[float, tuple[int, ...]]] = []
    for channels in (1, 3):
        side = math.isqrt(features // channels)
        if features >= LEAST and channels * side**2 == features:
            shapes = [(side, side)] if channels == 1 else [(side, side, 3), (3, side, side)]
            found += [(_roughness(samples, shape), shape) for shape in shapes]
    best = min(found, default=(math.inf, ()))
    return best[1] if best[0] < SMOOTH else None


def _roughness(samples: Host, shape: tuple[int, ...]) -> float:
    """Mean squared difference of neighbours over twice the variance."""
    images = _images(samples, layout_of(shape, samples.shape[1]))
    spread = 2.0 * float(images.var())
    down, across = images[:, 1:] - images[:, :-1], images[:, :, 1:] - images[:, :, :-1]
    return float((down**2).mean() + (across**2).mean()) / 2 / spread if spread > 0 else math.inf


def _images(samples: Host, layout: tuple[int, int, int, bool]) -> Host:
    height, width, channels, first = layout
    if first:
        return samples.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return samples.reshape(-1, height, width, channels)


def picture(sample: Host, shape: tuple[int, ...], span: tuple[float, float]) -> str:
    """One sample as a PNG in a data URI; `span` is what is black and what is white."""
    from matplotlib.image import imsave

    low, high = span
    image = _images(sample[None], layout_of(shape, sample.size))[0]
    step = -(-max(image.shape[:2]) // LARGEST)
    image = ((image[::step, ::step] - low) / ((high - low) or 1.0)).clip(0, 1)
    stream = io.BytesIO()
    if image.shape[2] == 1:
        imsave(stream, image[:, :, 0], format="png", cmap="gray", vmin=0, vmax=1)
    else:
        imsave(stream, image, format="png")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def chart(draw: Callable[[], Axes]) -> str:
    """A chart as an SVG in a data URI."""
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"svg.hashsalt": "spear-xp"}):  # equal charts are equal bytes
        draw().figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(stream.getvalue()).decode()}"

"""Enters: a `Gradient`. Leaves: its rows as their noise wants them scaled, with spectrum and rank.

Rounding is relative: its rows are scaled to norm 1. Noise added on purpose is the same everywhere: all rows
share one scale. Known noise is additive, with a scale of each row where the caller gives one.
"""

import math
from dataclasses import dataclass
from typing import Literal

from spear_xp.errors import RankError
from spear_xp.numerics.backend import Array, to_host
from spear_xp.numerics.rank import BULK, GAP, PART, ROUNDING, TAIL, contrast, noise_edge, numerical_rank
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import KeepGoing
from spear_xp.reduction.gradient import Gradient
from spear_xp.reduction.noise import is_additive
from spear_xp.reduction.row_operator import RowOperator
from spear_xp.reduction.spectrum import Spectrum, first_count, is_long, leading, with_right_factors

__all__ = ["NoiseModel", "Reading", "left_out", "read", "read_relative", "read_with_noise"]

NoiseModel = Literal["relative", "additive"]
SPARE, SPARE_OF_ALL = (
    3,
    20,
)  # chosen: rows beyond the rank whose residuals tell the model: of the larger half, of all
NARROW = (
    100.0  # measured: gaps of clean gradients are wider than 500 (lab.md, "Rank and noise of real updates")
)
# chosen: rows for each such value, without which any vectors are on few of them
FEW_ROWS = 4
# chosen: share of singular vectors on as many rows, from which they are these; less takes more for rows
LONE = 0.9
# measured: edges of the noise, from which a value beyond the rank may be of the batch, and rows and columns
# beyond the rank, below which noise alone is as large (lab.md, "Values that noise does not explain")
CLEARLY, LEAST = 1.5, 6
BALANCING = 3  # measured: rounds that even out rows and columns (lab.md, "Rank and noise of real updates")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A gradient as one noise model sees it.

    Attributes
    ----------
    model : {"relative", "additive"}
    rows : RowOperator
        With the scale of the model.
    spectrum : Spectrum
    rank : int or None
        None where no rule sees a low rank.
    contrast : float
        Ratio of the singular values on both sides of it.
    coarse : bool
        Whether what follows is larger than rounding of the entries alone can cause.
    """

    model: NoiseModel
    rows: RowOperator
    spectrum: Spectrum
    rank: int | None
    contrast: float
    coarse: bool = True

    @property
    def clear(self) -> bool:
        """Whether a gap separates the batch from the noise."""
        return self.rank is not None and self.contrast > GAP

    def additive_at(self, rank: int, share: float = 0.5) -> bool:
        """Whether what is left beyond a rank looks like added noise, in a share of the rows."""
        gradient, scale = self.rows.gradient, self.rows.scale
        xp = gradient.space.xp
        norms = xp.take(gradient.norms, gradient.live, axis=0)
        return is_additive(norms, self.spectrum.beyond(xp, rank) / scale, share=share)


def read(gradient: Gradient, batch_size: int | None, keep_going: KeepGoing) -> Reading:
    """The reading whose gap is the clearest; without any clear gap the one of smaller rank.

    Added noise is tried where the relative reading has no clear gap, or residuals that do not grow with
    their rows. Where the larger half of the rows does not say so, since the noise of small ones tilts the
    subspace towards them or counts as a part of the batch, added noise must need no higher rank.
    """
    relative = _reading(gradient, "relative", batch_size, keep_going)
    told, rank = False, relative.rank
    if rank is not None and relative.clear:
        spare = min(relative.rows.shape) - rank
        told = spare >= SPARE and relative.additive_at(rank)
        tilted = spare >= SPARE_OF_ALL and relative.additive_at(rank, share=1.0)
        if not told and not (relative.coarse and (tilted or relative.contrast < NARROW)):
            return relative
    additive = _reading(gradient, "additive", batch_size, keep_going)
    if relative.clear and additive.clear:
        better = additive.contrast > relative.contrast and (additive.rank or 0) <= (rank or 0)
        return additive if told or better else relative
    for reading in (relative, additive):
        if reading.clear:
            return reading
    ranks = [reading.rank for reading in (relative, additive) if reading.rank is not None]
    if ranks:
        least = min(ranks)
        if relative.rank != additive.rank:
            return relative if relative.rank == least else additive
    elif batch_size is None or batch_size >= min(additive.rows.shape):
        raise RankError(_no_rank(additive.rows, batch_size))
    else:
        least = batch_size
    return additive if additive.additive_at(least) else relative


def read_with_noise(
    gradient: Gradient, deviations: Array, batch_size: int | None, keep_going: KeepGoing
) -> tuple[Reading, float]:
    """The reading of rows with known noise, and its standard deviation in the scaled rows.

    `deviations` holds that of each live row. What sticks out of the edge of such noise counts. That edge is
    one of noise that is the same in all columns; uneven noise, as of rounding, sticks out a little, so what
    follows a wide gap has to stick out clearly.
    """
    xp = gradient.space.xp
    norms = xp.take(gradient.norms, gradient.live, axis=0)
    level = 1.0 / float(upper_median(xp, norms / deviations))  # a row of median size has norm 1
    rows = RowOperator(gradient, level / deviations, keep_going)
    edge = noise_edge(rows.shape, level)
    count = _count(rows, batch_size)
    while True:
        spectrum = leading(rows, count)
        rank = int(xp.sum(xp.astype(spectrum.values > edge, xp.int64)))
        if rank < spectrum.values.shape[0] or rank >= min(rows.shape):
            break
        count *= 2
    floor = gradient.space.eps * float(spectrum.values[0])
    distinct = int(xp.sum(xp.astype(spectrum.values > BULK * edge, xp.int64)))
    rank = distinct if distinct < rank and contrast(spectrum.values, distinct, floor) > NARROW else rank
    clearness = contrast(spectrum.values, rank, floor)
    wanted = rank if batch_size is None or clearness > GAP else batch_size
    if not 0 < wanted < min(rows.shape):
        raise RankError(_no_rank(rows, batch_size, f"with the given noise {rank} singular values stick out"))
    spectrum = with_right_factors(rows, spectrum, wanted)
    return Reading("additive", rows, spectrum, rank, clearness), level


def left_out(reading: Reading, rank: int) -> float:
    """First singular value beyond the rank, where noise of the model is not that large; 0 where it is.

    Relative noise is as large in all rows and columns once these have unit size, and is asked there, too. Of
    long rows with it nothing is told.
    """
    rows, spectrum = reading.rows, reading.spectrum
    xp, freedom = rows.gradient.space.xp, [side - rank for side in rows.shape]
    if not reading.coarse or rank >= spectrum.values.shape[0] or min(freedom) < LEAST:
        return 0.0
    first = float(spectrum.values[rank])
    energy = float(xp.sum(spectrum.beyond(xp, rank) ** 2))
    if first <= CLEARLY * _edge_without(first, energy, freedom):
        return 0.0
    if reading.model == "relative":
        if is_long(rows):
            return 0.0
        values = _balanced_values(rows)[rank:]
        if float(values[0]) <= CLEARLY * _edge_without(float(values[0]), float(xp.sum(values**2)), freedom):
            return 0.0
    return first


def _edge_without(first: float, energy: float, shape: list[int]) -> float:
    """Edge of noise of a shape and an energy, without its first value, which may be none."""
    tall, wide = shape
    level = math.sqrt(max(energy - first**2, 0.0) / ((tall - 1) * (wide - 1)))
    return noise_edge((tall, wide), level)


def read_relative(gradient: Gradient, rank: int, keep_going: KeepGoing) -> Reading:
    """The reading of rounding noise, with factors up to a rank, whether or not it is seen."""
    return _reading(gradient, "relative", rank, keep_going)


def _reading(gradient: Gradient, model: NoiseModel, batch_size: int | None, keep_going: KeepGoing) -> Reading:
    space = gradient.space
    xp = space.xp
    norms = xp.take(gradient.norms, gradient.live, axis=0)
    scale = 1.0 / norms
    if model == "additive":
        scale = xp.ones_like(norms) / float(upper_median(xp, norms))
    rows = RowOperator(gradient, scale, keep_going)
    count = _count(rows, batch_size)
    energy = math.sqrt(float(xp.sum((norms * scale) ** 2)))
    while True:
        spectrum = leading(rows, count)
        complete = spectrum.values.shape[0] == min(rows.shape)
        floor = max(0.05 * gradient.roundoff * energy, 4 * space.eps * float(spectrum.values[0]))
        rank = numerical_rank(spectrum.values, rows.shape, floor, complete=complete)
        if rank is not None or complete:
            break
        count *= 2
    rank = None if rank is None else _without_lone_rows(rows, spectrum, rank, ROUNDING * floor)
    clearness = contrast(spectrum.values, rank or 0, floor)
    after = spectrum.values[rank or 0 :]
    coarse = after.shape[0] > 0 and float(after[0]) > ROUNDING * floor
    if model == "relative" and clearness <= GAP and not is_long(rows):
        rank, clearness = _balanced_rank(rows, floor)
    spectrum = with_right_factors(rows, spectrum, max(rank or 0, batch_size or 0) or 1)
    return Reading(model, rows, spectrum, rank, clearness, coarse)


def _without_lone_rows(rows: RowOperator, spectrum: Spectrum, rank: int, most: float) -> int:
    """A rank less the last values that as many single rows make, far below all others and not above `most`.

    Equal inputs with unlike labels may cancel on a row but for its rounding, which is large there.
    """
    xp, values = rows.gradient.space.xp, to_host(spectrum.values[:rank])
    wide = (values[:-1] > NARROW * values[1:]).nonzero()[0]
    first = int(wide[-1]) + 1 if len(wide) else rank
    if FEW_ROWS * (rank - first) > rows.shape[0] or first == rank or values[first] > most:
        return rank
    shares = xp.sort(xp.sum(spectrum.left[:, first:rank] ** 2, axis=1), descending=True)
    lone = float(xp.sum(shares[: rank - first])) > LONE * (rank - first)
    return first if lone else rank


def _balanced_rank(rows: RowOperator, floor: float) -> tuple[int | None, float]:
    """Rank and contrast once columns, too, have unit size: relative noise is then the same everywhere."""
    values = _balanced_values(rows)
    rank = numerical_rank(values, rows.shape, floor)
    return rank, contrast(values, rank or 0, floor)


def _balanced_values(rows: RowOperator) -> Array:
    xp = rows.gradient.space.xp
    matrix = xp.take(rows.dense(), xp.nonzero(rows.gradient.filled)[0], axis=1)
    for _ in range(BALANCING):
        for axis in (0, 1):
            sizes = xp.sqrt(xp.mean(matrix * matrix, axis=axis, keepdims=True))
            matrix = matrix / xp.where(sizes > 0, sizes, xp.ones_like(sizes))
    return xp.linalg.svdvals(matrix / rows.shape[1] ** 0.5)


def _count(rows: RowOperator, batch_size: int | None) -> int:
    first = first_count(rows)
    if batch_size is None or batch_size >= min(rows.shape):
        return first
    return max(first, int(batch_size / PART) + TAIL)


def _no_rank(rows: RowOperator, batch_size: int | None, why: str = "the gradient has no low rank") -> str:
    m, n = rows.shape
    asked = "" if batch_size is None else f"batch_size={batch_size} and "
    return (
        f"{asked}grad_w has numerical rank min(m, n + 1)={min(m, n)} (live rows m={m}): need less; "
        f"{why}, it is aggregated over too many samples or noised beyond use"
    )

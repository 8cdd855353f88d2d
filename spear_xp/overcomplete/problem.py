"""Enters: a `Gradient` of full rank. Leaves: an `OvercompleteProblem`, its rows in even coordinates.

With more samples than features the gradient has no low rank. Each row of it still lies in the span of the
samples that are active on it, and on quiet rows these are few. Coordinates are shifted and scaled so that
samples differ by about one in each, and cut down to the dimension of the data.
"""

import math
from dataclasses import dataclass

from spear_xp.errors import RankError
from spear_xp.numerics.backend import Array, Space
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.reduction.gradient import Gradient

__all__ = ["OvercompleteProblem", "reduce_overcomplete"]

CONSTANT = 300.0  # chosen: spread of a column in units of its rounding, below which it is constant
EMPTY = 30.0  # chosen: singular values in units of the noise, below which a dimension is empty
ROUNDED = 1.8  # measured: rounding of a row in rounding units of its entries
COMPUTED = 64.0  # measured: rounding of this computation itself
TINY = 1e-30  # cosmetic: keeps quotients finite
LEAST = 3  # derived: dimensions in which two rows can agree on a sample by more than chance


@dataclass(frozen=True, eq=False)
class OvercompleteProblem:
    """A gradient with more samples than dimensions, b > d.

    A sample x is a *point* p of d coordinates with [(x - shift) / spread | 1] = basis p, so that
    `last @ p` is 1. Rows of the gradient are combinations of the points that are active on them.

    Attributes
    ----------
    space : Space
        Namespace, device and working dtype.
    rows : array, shape (m_live, d)
        Unit rows of the gradient in these coordinates.
    noise : array, shape (m_live,)
        Standard deviation of the rounding of an entry of each.
    layer, dead_layer : array, shape (m_live, d) and (m_dead, d)
        `layer @ p` is the pre-activation of point p, in units of its standard deviation over the data.
    layer_norms : array, shape (m_live,)
        Norms of the rows of `layer`; those of `dead_layer` are one.
    first, first_dead : array of bool, shape (m_live,) and (m_dead,)
        Neurons that are no copies of another one: a copy has the same mask and proves nothing more.
    last : array, shape (d,)
        Normalises points.
    activity : array, shape (m_live,)
        Mean pre-activation of each row in the same units: the larger, the more samples are active.
    shift, spread : array, shape (n,)
    basis : array, shape (n + 1, d)
        Orthonormal columns.
    live : array of int, shape (m_live,)
    unit_roundoff : float
        Of the dtype in which the gradient was computed.
    """

    space: Space
    rows: Array
    noise: Array
    layer: Array
    dead_layer: Array
    layer_norms: Array
    first: Array
    first_dead: Array
    last: Array
    activity: Array
    shift: Array
    spread: Array
    basis: Array
    live: Array
    unit_roundoff: float

    @property
    def dimension(self) -> int:
        """Dimension d of the extended data."""
        return int(self.rows.shape[1])

    @property
    def width(self) -> int:
        """Number of live rows."""
        return int(self.rows.shape[0])

    def inputs(self, points: Array) -> Array:
        """Samples of points, shape (k, d) to (k, n)."""
        return points @ self.basis[:-1, :].T * self.spread + self.shift

    def points(self, inputs: Array) -> Array:
        """Points of samples, shape (k, n) to (k, d)."""
        xp = self.space.xp
        even = (inputs - self.shift) / self.spread
        return xp.concat([even, xp.ones_like(even[:, :1])], axis=1) @ self.basis

    def bar_of_inputs(self, covariance: Array) -> float:
        """Root mean square error bar of the entries of a sample, from the covariance of its point."""
        xp = self.space.xp
        variances = xp.sum((self.basis @ covariance) * self.basis, axis=1)[:-1] * self.spread**2
        return float(xp.sqrt(xp.mean(xp.maximum(variances, 0.0))))


def reduce_overcomplete(gradient: Gradient, *, keep_going: KeepGoing = forever) -> OvercompleteProblem:
    """Express rows and layer of a gradient in even coordinates.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient; rows of few features.
    keep_going : callable
        Asked before each pass over the arrays; `OutOfTime` is raised when it says no.

    Returns
    -------
    OvercompleteProblem

    Raises
    ------
    RankError
        If there are fewer live rows than dimensions, or fewer than three dimensions.

    Notes
    -----
    The shift is the mean input weighted by squared bias gradients, Gᵀg / g·g. Columns that are constant over
    the batch, and one-hot blocks, whose columns add up to a constant, leave fewer dimensions than n + 1.
    """
    space = gradient.space
    xp, dtype = space.xp, space.dtype
    ask(keep_going)
    matrix = xp.take(xp.astype(gradient.grad_w, dtype), gradient.live, axis=0)
    bias = xp.take(xp.astype(gradient.grad_b, dtype), gradient.live)
    size = xp.sqrt(xp.mean(bias * bias))
    shift = (matrix.T @ bias) / (bias @ bias)
    centred = matrix - bias[:, None] * shift
    spread = xp.sqrt(xp.mean(centred * centred, axis=0)) / size
    roundoff = _roundoff(gradient)
    unit = ROUNDED * roundoff
    rounding = xp.sqrt(xp.mean(matrix * matrix, axis=0)) / size + xp.abs(shift)
    varies = spread > CONSTANT * unit * rounding
    spread = xp.where(varies, spread, xp.ones_like(spread))
    shares = xp.where(varies, 1.0 / spread, xp.zeros_like(spread))
    rows = xp.concat([centred * shares, bias[:, None]], axis=1)
    squares = (matrix * shares) ** 2 + (bias[:, None] * shift * shares) ** 2
    noise = unit * xp.sqrt((xp.sum(squares, axis=1) + bias**2) / rows.shape[1])
    norms = xp.sqrt(xp.vecdot(rows, rows))
    rows, noise = normalize(xp, rows, axis=1), noise / norms + COMPUTED * space.eps
    ask(keep_going)
    _, values, right = xp.linalg.svd(rows, full_matrices=False)
    empty = EMPTY * float(xp.sqrt(xp.mean(noise**2))) * math.sqrt(rows.shape[0])
    dimension = int(xp.sum(xp.astype(values > empty, xp.int64)))
    if dimension < LEAST or rows.shape[0] <= dimension:
        msg = (
            f"grad_w has {rows.shape[0]} live rows in {dimension} dimensions: need at least {LEAST} "
            "dimensions and more rows than these"
        )
        raise RankError(msg)
    basis = right[:dimension, :].T
    layer, dead_layer = (
        _layer_of(gradient, which, shift, spread) @ basis for which in (gradient.live, gradient.dead)
    )
    last, rows = basis[-1, :], rows @ basis
    weighted = rows * norms[:, None]
    moments = weighted.T @ weighted
    mean = (moments @ last) / (last @ moments @ last)
    moments = moments / (last @ moments @ last) - mean[:, None] * mean
    deviations = xp.sqrt(xp.maximum(xp.vecdot(layer @ moments, layer), TINY))
    even = layer / deviations[:, None]
    return OvercompleteProblem(
        space=space,
        rows=rows,
        noise=noise,
        layer=even,
        layer_norms=xp.sqrt(xp.vecdot(even, even)),
        first=_no_copies(gradient, gradient.live),
        first_dead=_no_copies(gradient, gradient.dead),
        dead_layer=normalize(xp, dead_layer, axis=1),
        last=last,
        activity=(layer @ mean) / deviations,
        shift=shift,
        spread=spread,
        basis=basis,
        live=gradient.live,
        unit_roundoff=roundoff,
    )


def _layer_of(gradient: Gradient, rows: Array, shift: Array, spread: Array) -> Array:
    """Rows of [weight | bias] for shifted and scaled inputs, shape (r, n + 1)."""
    xp, dtype = gradient.space.xp, gradient.space.dtype
    weight = xp.astype(xp.take(gradient.weight, rows, axis=0), dtype)
    bias = xp.astype(xp.take(gradient.bias, rows), dtype)
    return xp.concat([weight * spread, (weight @ shift + bias)[:, None]], axis=1)


def _no_copies(gradient: Gradient, rows: Array) -> Array:
    """Rows whose neuron has other weights than those before it, by one sum of its weights that tells them."""
    xp, device = gradient.space.xp, gradient.space.device
    if not rows.shape[0]:
        return rows > 0
    weight = xp.astype(xp.take(gradient.weight, rows, axis=0), gradient.space.dtype)
    shares = xp.sqrt(xp.arange(2, weight.shape[1] + 2, dtype=weight.dtype, device=device))
    sums = xp.sum(weight * shares, axis=1) + xp.astype(xp.take(gradient.bias, rows), weight.dtype)
    order = xp.argsort(sums, stable=True)
    ranked = xp.take(sums, order)
    new = xp.concat([xp.ones_like(rows[:1]) > 0, ranked[1:] != ranked[:-1]])
    return xp.take(new, xp.argsort(order, stable=True))


def _roundoff(gradient: Gradient) -> float:
    """Rounding unit of the gradient; that of single precision for doubles which it holds without loss."""
    xp, matrix = gradient.space.xp, gradient.grad_w
    single = xp.astype(matrix, xp.float32)
    narrow = bool(xp.all(xp.astype(single, matrix.dtype) == matrix))
    return max(gradient.roundoff, float(xp.finfo(xp.float32).eps) / 2 if narrow else 0.0)

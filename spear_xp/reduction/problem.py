"""Enters: a `Gradient` and its `Factorization`. Leaves: a `Problem`, everything the search needs.

All of a problem lives in the b coordinates of the row space. With E = U S Vᵀ and E = D [X | 1] (D
with scaled rows), a sample k has a *dual* p_k with [x_k | 1] = V S p_k, and a *direction* q_k with
U q_k = column k of D; the matrices P of duals and Q of directions satisfy Pᵀ Q = I.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from spear_xp.numerics.backend import Array, Namespace, Space, on_its_device
from spear_xp.numerics.linalg import balance
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.reduction.factorization import Factorization, factorize
from spear_xp.reduction.gradient import Blocks, Gradient

__all__ = ["ACCURACY", "Problem", "reduce"]

Scale = Literal["given", "made up", "masks"]
# measured: width of the zero test in units of the noise (lab.md, "Descent"). Rounding errors of a row have
# heavier tails than added Gaussian noise, because they grow with the entries that cancel.
TOLERANCE = {"relative": 15.0, "additive": 6.0}
# chosen: noise over the usual entry of a row, from which added noise hides entries of active rows; below,
# size alone tells zeros
HIDING = 1e-3
ACCURACY = 1e-2  # chosen: relative error of a certified sample, if nobody asks for another one


@dataclass(frozen=True, eq=False)
class Problem:
    """A gradient in the coordinates of its row space.

    Attributes
    ----------
    space : Space
        Namespace, device and working dtype.
    rows : array, shape (m_live, b)
        U, orthonormal columns.
    singular_values : array, shape (b,)
        S of the scaled gradient.
    noise_level : float
        σ, standard deviation of one entry of the scaled gradient.
    row_noise : array, shape (m_live,)
        The same of each row in units of σ, at least 1.
    bias_noise : float
        The same of one entry in the bias column.
    noise_model : str
        "relative" or "additive".
    numerical_rank : int
        Rank of the gradient; above b where a given batch size is too small.
    layer, dead_layer : array, shape (m_live, b) and (m_dead, b)
        [W | β] V S: `layer @ p` is the pre-activation of the sample with dual p.
    layer_bias, dead_bias : array, shape (m_live,) and (m_dead,)
        β of these rows.
    layer_norms : array, shape (m_live,)
        Norms of the rows of [W | β].
    dead_norms : array, shape (m_dead,)
        The same for the dead rows.
    last : array, shape (b,)
        Last row of V S: a dual is normalised so that `last @ p` is 1. Where `scale` is not given, what stands
        for it.
    right : array, shape (b, n + 1)
        Vᵀ, used for the final product only.
    activity : array, shape (m_live,)
        Mean pre-activation of each live row: the larger, the more samples activate it.
    balanced, unbalance : array, shape (m_live, b) and (b, b)
        `rows @ unbalance` with rows scaled to unit norm, nearly orthonormal columns, coordinates
        turned at random: a direction y of the balanced rows is `unbalance @ y` of the problem.
    unit_roundoff : float
        Rounding unit of the gradient's own dtype.
    drift : array, shape (m_live,), or None
        Norms of the rows [ΔW | Δβ] by which the layer has moved, where an update sums several local steps and
        this is known: pre-activations below drift · ‖[x | 1]‖ may have changed their signs on the way.
    moved : array, shape (m_live, b), or None
        [ΔW | Δβ] V S, where this is known: `moved @ p` is what pre-activations have changed by in the end.
    bias_moved : array, shape (m_live,), or None
        Δβ of these rows; without a bias gradient it is in `moved` once masks tell the scale.
    accuracy : float
        Largest relative error that a certified sample may have.
    left_out : float
        Singular value beyond the rank that noise does not explain, or 0: something of the batch that may have
        merged with any sample.
    scale : {"given", "made up", "masks"}
        What gives samples their scale: the bias gradient; nothing, and then `layer` is W V S alone; or masks
        of a layer with a bias.
    """

    space: Space
    rows: Array
    singular_values: Array
    noise_level: float
    row_noise: Array
    bias_noise: float
    noise_model: str
    numerical_rank: int
    layer: Array
    dead_layer: Array
    layer_bias: Array
    dead_bias: Array
    layer_norms: Array
    dead_norms: Array
    last: Array
    right: Array
    activity: Array
    balanced: Array
    unbalance: Array
    unit_roundoff: float
    drift: Array | None = None
    moved: Array | None = None
    bias_moved: Array | None = None
    accuracy: float = ACCURACY
    left_out: float = 0.0
    scale: Scale = "given"

    @property
    def rank(self) -> int:
        """Rank b, the number of directions to find."""
        return int(self.rows.shape[1])

    @property
    def width(self) -> int:
        """Number of live rows."""
        return int(self.rows.shape[0])

    @property
    def relative_noise(self) -> float:
        """Standard deviation of an entry of the gradient over the root mean square entry of its row."""
        return float(self.noise_level * self.right.shape[1] ** 0.5)

    @property
    def is_loud(self) -> bool:
        """Whether added noise is so strong that size alone does not tell zeros."""
        return self.noise_model == "additive" and self.relative_noise > HIDING

    @property
    def noise_hides(self) -> bool:
        """Whether added noise is so strong that entries of active rows pass for zeros.

        Not where a layer moved over several steps: no one hyperplane has the mask of a sample then.
        """
        return self.is_loud and self.rank > 1 and self.drift is None

    def noise_of(self, directions: Array) -> Array:
        """Standard deviation of `rows @ directions` on a zero row; (b,) gives (), (b, k) gives (k,)."""
        xp = self.space.xp
        weights = self.singular_values if directions.ndim == 1 else self.singular_values[:, None]
        return self.noise_level * xp.linalg.vector_norm(directions / weights, axis=0)

    def zeros_of(self, directions: Array, *, widen: float = 1.0) -> Array:
        """Noise-aware zero test: True where |row · direction| is within the noise, shape (m_live[, k])."""
        return self.vanish(self.rows @ directions, self.noise_of(directions), widen=widen)

    def vanish(self, columns: Array, noise: Array, *, widen: float = 1.0) -> Array:
        """The same for `rows @ directions` with its noise, where these are at hand."""
        limit = widen * TOLERANCE[self.noise_model] * noise
        spread = self.row_noise if columns.ndim == 1 else self.row_noise[:, None]
        return self.space.xp.abs(columns) < limit * spread

    @cached_property
    def bias_is_open(self) -> bool:
        """Whether the layer has a bias, and `layer` is without it."""
        return self.scale == "made up" and bool(self.space.xp.any(self.layer_bias != 0))

    @cached_property
    def layer_basis(self) -> Array:
        """Orthonormal basis of the pre-activations that an input can have, shape (m_live, b).

        One column more, β, where no bias gradient tells how large an input is beside it.
        """
        xp = self.space.xp
        if self.scale != "given" and bool(xp.any(self.layer_bias != 0)):
            return xp.linalg.qr(xp.concat([self.layer, self.layer_bias[:, None]], axis=1)).Q
        return xp.linalg.qr(self.layer).Q

    def scaled_by_masks(self, last: Array) -> "Problem":
        """The same with samples of the size that masks tell: `last @ p` is 1 for their duals."""
        layer, dead_layer = (
            rows + bias[:, None] * last
            for rows, bias in ((self.layer, self.layer_bias), (self.dead_layer, self.dead_bias))
        )
        parts = {"layer": layer, "dead_layer": dead_layer, "activity": layer @ (last / (last @ last))}
        if self.moved is not None and self.bias_moved is not None:
            parts["moved"] = self.moved + self.bias_moved[:, None] * last
        return replace(self, **parts, last=last, scale="masks")


@on_its_device
def reduce(
    gradient: Gradient,
    factorization: Factorization | None = None,
    *,
    accuracy: float = ACCURACY,
    keep_going: KeepGoing = forever,
) -> Problem:
    """Express the layer in the coordinates of the gradient's row space.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient.
    factorization : Factorization, optional
        Its factorisation; computed where not given.
    accuracy : float
        Largest relative error that a certified sample may have.
    keep_going : callable
        Asked before each block of columns; `OutOfTime` is raised when it says no.

    Returns
    -------
    Problem

    Notes
    -----
    One pass over `weight`. The inputs lie in the row space, so W enters as W V alone.
    """
    fact = factorize(gradient) if factorization is None else factorization
    space = gradient.space
    xp = space.xp
    span = fact.right.T * fact.singular_values  # V S, (n + 1, b)
    layer, norms = _layer_in(gradient.layer_blocks(gradient.live), gradient, gradient.live, span, keep_going)
    dead_layer, dead_norms = _layer_in(
        gradient.layer_blocks(gradient.dead), gradient, gradient.dead, span, keep_going
    )
    last = span[-1, :] if gradient.scaled else _made_up(xp, fact.left, layer)
    # Weighted mean input Gᵀg / (g·g) as a dual: rows of G are rows of U S Vᵀ divided by `scale`.
    unscaled = fact.left / fact.scale[:, None]
    mean = unscaled.T @ (unscaled @ last)
    balanced, unbalance = balance(xp, fact.left)
    rotation = xp.linalg.qr(space.normal(generator(0, Stream.ROTATION, 0), (fact.rank, fact.rank))).Q
    return Problem(
        space=space,
        rows=fact.left,
        singular_values=fact.singular_values,
        noise_level=fact.noise_level,
        row_noise=fact.row_noise,
        bias_noise=fact.bias_noise,
        noise_model=fact.noise_model,
        numerical_rank=fact.numerical_rank,
        layer=layer,
        dead_layer=dead_layer,
        layer_bias=xp.astype(xp.take(gradient.bias, gradient.live), space.dtype),
        dead_bias=xp.astype(xp.take(gradient.bias, gradient.dead), space.dtype),
        layer_norms=norms,
        dead_norms=dead_norms,
        last=last,
        right=fact.right,
        activity=layer @ (mean / (last @ mean)),
        balanced=balanced @ rotation,
        unbalance=unbalance @ rotation,
        unit_roundoff=max(gradient.roundoff, space.eps),
        drift=gradient.drift(gradient.live),
        moved=_moved(gradient, span, layer, keep_going),
        bias_moved=_bias_moved(gradient),
        accuracy=accuracy,
        left_out=fact.left_out,
        scale="given" if gradient.scaled else "made up",
    )


def _made_up(xp: Namespace, rows: Array, layer: Array) -> Array:
    """What stands for `last` without a bias gradient, shape (b,): positive on nearly all duals.

    A row Σ_k d_ik x_k has the pre-activation Σ_k d_ik z_ik, and z_ik > 0 where d_ik is not zero. A projection
    of these on the columns of D has for coordinates means of z_ik, weighted with d_ik², as far as other terms
    average out.
    """
    return rows.T @ xp.vecdot(rows, layer)


def _moved(gradient: Gradient, span: Array, layer: Array, keep_going: KeepGoing) -> Array | None:
    # What is not known of an input may have moved a pre-activation as well: the drift allows for that.
    after = None if gradient.lost is not None else gradient.blocks_after(gradient.live)
    return None if after is None else _layer_in(after, gradient, gradient.live, span, keep_going)[0] - layer


def _bias_moved(gradient: Gradient) -> Array | None:
    if gradient.bias_after is None:
        return None
    xp, dtype = gradient.space.xp, gradient.space.dtype
    return xp.take(xp.astype(gradient.bias_after, dtype) - xp.astype(gradient.bias, dtype), gradient.live)


def _layer_in(
    blocks: Blocks, gradient: Gradient, rows: Array, span: Array, keep_going: KeepGoing
) -> tuple[Array, Array]:
    xp, dtype = gradient.space.xp, gradient.space.dtype
    count = int(rows.shape[0])
    projected = xp.zeros((count, span.shape[1]), dtype=dtype, device=gradient.space.device)
    squares = xp.zeros((count,), dtype=dtype, device=gradient.space.device)
    if count:
        for start, stop, block in blocks:
            ask(keep_going)
            projected = projected + block @ span[start:stop, :]
            squares = squares + xp.vecdot(block, block)
    return projected, xp.sqrt(squares)

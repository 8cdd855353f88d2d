"""Enters: grad_w, grad_b, weight, bias as the caller has them. Leaves: a checked `Gradient`.

A gradient keeps the caller's arrays as they are (they may be memory-mapped) and hands out the rows
of the extended gradient [grad_w | grad_b] in blocks of columns, in the working dtype.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from spear_xp.errors import NonFiniteError, ShapeError, ZeroGradientError
from spear_xp.numerics.backend import Array, Namespace, Space, enter, on_device, on_its_device, quiet
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import KeepGoing, ask, forever

__all__ = ["Blocks", "Gradient", "validate"]

Blocks = Iterator[tuple[int, int, Array]]

# cosmetic: one block in the working dtype: it stays in the cache of a processor while it is used; on a
# device, each block costs launches
BLOCK_BYTES, DEVICE_BYTES = 2 * 2**20, 256 * 2**20
NARROW = 64  # cosmetic: columns that a block has at least: fewer would fetch memory for a part of its bytes
LOST = 3.0  # chosen: root mean squares of a sample, to which what is not known of it may add up in each row
# measured: share of the median norm, below which a row is left aside (lab.md, "Trained networks")
NEGLIGIBLE = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """Gradient of one fully connected ReLU layer, checked.

    Attributes
    ----------
    space : Space
        Namespace, device and working dtype.
    grad_w, weight : array, shape (m, n)
        dL/dW and W.
    grad_b, bias : array, shape (m,)
        dL/dβ and β.
    norms : array, shape (m,)
        Euclidean norms of the rows of [grad_w | grad_b].
    live : array of int, shape (m_live,)
        Rows that enter the search.
    dead : array of int, shape (m_dead,)
        Rows that are exactly zero: no sample activates these neurons.
    filled : array of bool, shape (n + 1,)
        Columns of [grad_w | grad_b] that are not all zero: only these carry noise.
    roundoff : float
        Rounding unit of the dtype in which the gradient came.
    weight_after, bias_after : array or None
        W and β after all steps of an update, where they are known.
    lost : array of int, shape (k,), or None
        Columns of grad_w of which too little came: those inputs are not determined.
    scaled : bool
        Whether grad_b was given, which fixes the scale of each sample; it is zero where it was not.
    """

    space: Space
    grad_w: Array
    grad_b: Array
    weight: Array
    bias: Array
    norms: Array
    live: Array
    dead: Array
    filled: Array
    roundoff: float
    weight_after: Array = None
    bias_after: Array = None
    lost: Array = None
    scaled: bool = True

    @property
    def columns(self) -> int:
        """Columns of the extended gradient, n + 1."""
        return int(self.grad_w.shape[1]) + 1

    def blocks(self) -> Blocks:
        """Blocks `(start, stop, rows)` of columns of the live rows of [grad_w | grad_b]."""
        yield from self._blocks(self.grad_w, self.grad_b, self.live)

    def layer_blocks(self, rows: Array) -> Blocks:
        """Blocks of columns of the given rows of [weight | bias]."""
        yield from self._blocks(self.weight, self.bias, rows)

    def blocks_after(self, rows: Array) -> Blocks | None:
        """The same of the layer after all steps; None if that is not known."""
        if self.weight_after is None or self.bias_after is None:
            return None
        return self._blocks(self.weight_after, self.bias_after, rows)

    def drift(self, rows: Array) -> Array | None:
        """Norms of the given rows of [ΔW | Δβ], what the layer moved by, shape (rows,); None if not known.

        Inputs that are not determined count as if the layer had moved by what they may add to a
        pre-activation: they are taken to be as large as the others.
        """
        after = self.blocks_after(rows)
        if after is None and self.lost is None:
            return None
        xp, dtype = self.space.xp, self.space.dtype
        squares = xp.zeros(rows.shape, dtype=dtype, device=self.space.device)
        pairs = () if after is None else zip(self.layer_blocks(rows), after, strict=True)
        for (_, _, block), (_, _, moved) in pairs:
            squares = squares + xp.sum((moved - block) ** 2, axis=1)
        if self.lost is not None:
            part = xp.astype(xp.take(xp.take(self.weight, self.lost, axis=1), rows, axis=0), dtype)
            squares = squares + LOST**2 / self.columns * xp.sum(part * part, axis=1)
        return xp.sqrt(squares)

    def _blocks(self, matrix: Array, column: Array, rows: Array) -> Blocks:
        xp, dtype = self.space.xp, self.space.dtype
        m, n = matrix.shape
        step = max(NARROW, _block_bytes(xp) // (8 * m))
        for part, offset in ((matrix, 0), (column[:, None], n)):  # the column apart: nothing to join
            for start in range(0, part.shape[1], step):
                stop = min(start + step, part.shape[1])
                block = part[:, start:stop]
                block = block if rows.shape[0] == m else xp.take(block, rows, axis=0)
                yield offset + start, offset + stop, xp.astype(block, dtype)


def _block_bytes(xp: Namespace) -> int:
    return DEVICE_BYTES if on_device(xp) else BLOCK_BYTES


def _check_shapes(grad_w: Array, grad_b: Array, weight: Array, bias: Array, **after: Array) -> None:
    for name, array, dims in (
        ("grad_w", grad_w, 2),
        ("weight", weight, 2),
        ("grad_b", grad_b, 1),
        ("bias", bias, 1),
    ):
        if array.ndim != dims:
            need = "(m, n)" if dims == 2 else "(m,)"
            msg = f"{name} has shape {tuple(array.shape)}: need {need}"
            raise ShapeError(msg)
    (m, n), width = grad_w.shape, bias.shape[0]
    if m != width and n == width:
        msg = f"grad_w has shape {(m, n)} and bias has length {width}: grad_w is transposed, need ({n}, {m})"
        raise ShapeError(msg)
    if grad_b.shape[0] != m or width != m:
        msg = f"grad_b has length {grad_b.shape[0]} and bias {width}: need {m}, the rows of grad_w"
        raise ShapeError(msg)
    if tuple(weight.shape) != (m, n):
        msg = f"weight has shape {tuple(weight.shape)}: need {(m, n)}, the shape of grad_w"
        raise ShapeError(msg)
    for name, array in after.items():
        shape = (m, n) if name == "weight_after" else (m,)
        if tuple(array.shape) != shape:
            msg = (
                f"{name} has shape {tuple(array.shape)}: need {shape}, that of {name.removesuffix('_after')}"
            )
            raise ShapeError(msg)
    if m < 2:
        msg = f"grad_w has width m={m}: need at least 2 neurons"
        raise ShapeError(msg)
    if n < 1:
        msg = f"grad_w has n={n} inputs: need at least 1"
        raise ShapeError(msg)


def _nothing_for_missing(space: Space, arrays: dict[str, Array]) -> dict[str, Array]:
    """With zeros for vectors that are not there."""
    xp, grad_w = space.xp, arrays["grad_w"]
    nothing = xp.zeros(grad_w.shape[:1], dtype=grad_w.dtype, device=space.device)
    after = {"bias_after": nothing} if "weight_after" in arrays else {}
    return {"grad_b": nothing, "bias": nothing} | after | arrays


def _check_finite(space: Space, arrays: dict[str, Array]) -> None:
    xp = space.xp
    for name, array in arrays.items():
        m, bad = array.shape[0], 0
        step = max(1, _block_bytes(xp) // (8 * max(1, math.prod(array.shape[1:]))))
        for start in range(0, m, step):
            finite = xp.isfinite(array[start : min(start + step, m), ...])
            if not bool(xp.all(finite)):
                bad += int(xp.sum(xp.astype(~finite, xp.int64)))
        if bad:
            msg = f"{name} holds {bad} NaN or infinite entries: need finite values"
            raise NonFiniteError(msg)


@on_its_device
def validate(grad_w: Array, grad_b: Array, weight: Array, bias: Array) -> Gradient:
    """Check the four arrays of a layer and find its live and dead rows.

    Parameters
    ----------
    grad_w : array, shape (m, n), real floating-point
        dL/dW, one neuron a row; m >= 2.
    grad_b : array, shape (m,)
        dL/dβ.
    weight : array, shape (m, n)
        W of the layer z = W x + β.
    bias : array, shape (m,)
        β.

    Returns
    -------
    Gradient
        The caller's arrays (not copied) with their live and dead rows.

    Raises
    ------
    ShapeError, DtypeError, ArrayLibraryError, NonFiniteError, ZeroGradientError
        Each names the argument, the offending value and the legal range.

    Examples
    --------
    >>> import numpy as np
    >>> g = validate(np.eye(3), np.ones(3), np.zeros((3, 3)), np.zeros(3))
    >>> g.live.shape, g.columns
    ((3,), 4)
    """
    space, arrays, _ = enter(grad_w=grad_w, grad_b=grad_b, weight=weight, bias=bias)
    return checked(space, arrays)


def checked(space: Space, arrays: dict[str, Array], keep_going: KeepGoing = forever) -> Gradient:
    """`validate` for arrays that have entered a space; `OutOfTime` if `keep_going` says no on the way.

    `weight_after` and `bias_after` may be among them; `grad_b`, or `bias` as well, may be missing.
    """
    xp, scaled = space.xp, "grad_b" in arrays
    arrays = _nothing_for_missing(space, arrays)
    _check_shapes(**arrays)
    everything = xp.arange(arrays["grad_w"].shape[0], dtype=xp.int64, device=space.device)
    roundoff = float(xp.finfo(arrays["grad_w"].dtype).eps) / 2
    raw = Gradient(
        space=space,
        **arrays,
        norms=everything,
        live=everything,
        dead=everything,
        filled=everything,
        roundoff=roundoff,
        scaled=scaled,
    )
    largest, norms, filled = _sizes(raw, keep_going)
    passed = ("grad_w", "grad_b") if bool(xp.all(xp.isfinite(largest))) else ()
    _check_finite(space, {name: array for name, array in arrays.items() if name not in passed})
    normal = largest >= float(xp.finfo(space.dtype).smallest_normal)  # sizes of others have no inverse
    if not bool(xp.any(normal)):
        msg = "grad_w and grad_b are zero: need a layer with at least one active neuron"
        raise ZeroGradientError(msg)
    if scaled and not bool(xp.any(arrays["grad_b"] != 0)):
        msg = "grad_b is zero: need the gradient of the bias, which fixes the scale of each sample, or None"
        raise ZeroGradientError(msg)
    usable = normal & (norms > NEGLIGIBLE * float(upper_median(xp, norms[normal])))
    return Gradient(
        space=space,
        **arrays,
        norms=norms,
        live=xp.nonzero(usable)[0],
        dead=xp.nonzero(largest == 0)[0],
        filled=filled,
        roundoff=roundoff,
        scaled=scaled,
    )


def _sizes(raw: Gradient, keep_going: KeepGoing) -> tuple[Array, Array, Array]:
    """Largest magnitude and Euclidean norm of each row, and whether a column is filled, in one pass.

    Neither size is finite where an entry is not. Squares count in units of the largest magnitude so far:
    those of tiny gradients must not underflow.
    """
    xp, filled = raw.space.xp, []
    largest = squares = xp.zeros(raw.bias.shape, dtype=raw.space.dtype, device=raw.space.device)
    with quiet():
        for _, _, block in raw.blocks():
            ask(keep_going)
            sizes = xp.abs(block)
            filled.append(xp.any(block != 0, axis=0))
            grown = xp.maximum(largest, xp.max(sizes, axis=1))
            unit = xp.where(grown > 0, grown, xp.ones_like(grown))
            sizes = sizes / unit[:, None]
            squares = squares * (largest / unit) ** 2 + xp.vecdot(sizes, sizes)
            largest = grown
        return largest, largest * xp.sqrt(squares), xp.concat(filled)

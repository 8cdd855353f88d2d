"""Enters: rough directions, or predicted masks. Leaves: the directions next to them, exact.

A rough direction that is nearly sparse is solved again on its small rows; a predicted mask gives the kernel
of the rows that it excludes. Both use reweighted least squares, for all directions at once.
"""

from spear_xp.numerics.backend import Array, Namespace, on_device, quiet
from spear_xp.numerics.linalg import kernel_work, normalize, weighted_gram, weighted_kernels
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.parts.threads import each
from spear_xp.numerics.work import (
    DOUBLE,
    KeepGoing,
    elementwise,
    forever,
    small_solves,
    weighted_grams,
)

__all__ = ["FIRM", "masked_kernels", "masking_work", "sharpen", "sharpening_work"]

# chosen: width at first, in units of a typical entry of rows @ q; a larger value draws in wrong rows
WIDEST = 0.1
NARROW = 0.3  # measured: factor on that width, at least, from one round to the next (lab.md, "Descent")
# measured: rounds of reweighted least squares in single and in working precision, with the narrowest width
# and the shift of the matrix (lab.md, "Descent")
SINGLE, WORKING = (3, 1e-4, 1e-6), (2, 1e-9, 1e-14)
# measured: rows that stay after the first round, half of them and for each dimension so many and these: the
# smallest say least of what is wrong with a direction (lab.md, "Twice as fast")
ENOUGH, MORE = 2, 64
SPARE = 2  # measured: rows beyond d that must be able to stay in the count (lab.md, "Descent")
SOFTNESS = 1.0  # chosen: of a mask that an iterate predicts, in units of the mean pre-activation
FIRM = 0.3  # chosen: the same of a mask that a dual predicts, which is closer


def sharpen(xp: Namespace, rows: Array, directions: Array, keep_going: KeepGoing = forever) -> Array:
    """Nearly sparse directions made exact by reweighted least squares, all at once.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, d)
        Balanced rows, ‖rows @ q‖ near 1 for unit q.
    directions : array, shape (d, s)
        Unit vectors close to directions with many zero rows.
    keep_going : callable
        Asked before each part of the directions; the others stay as they are when it says no.

    Returns
    -------
    array, shape (d, s)
        Unit vectors, near the kernel of the rows that were small.

    Notes
    -----
    Weights w²/(r² + w²) with a width w that falls to the size of the (d+2)-th smallest residual
    (Daubechies, DeVore, Fornasier, Güntürk 2010), one step of inverse iteration for each width.
    """
    m, d = rows.shape
    if d == 1:
        return directions

    def sharpened(part: slice) -> Array:
        some = directions[:, part]
        return _sharpened(xp, rows, some) if keep_going() else some

    parts = each(sharpened, blocks(directions.shape[1], m * d, device=on_device(xp)))
    return xp.concat(parts, axis=1) if parts else directions


def sharpening_work(m: int, d: int, count: int) -> float:
    """Multiply-adds of `sharpen` for so many directions."""
    rounds = SINGLE[0] + DOUBLE * WORKING[0]
    return rounds * (weighted_grams(m, d, count) + small_solves(d, count) + elementwise(m * count, 6))


def _sharpened(xp: Namespace, rows: Array, directions: Array) -> Array:
    m, d = rows.shape
    quorum = min(m, d + SPARE) - 1
    current, width = directions, xp.full((directions.shape[1],), WIDEST, dtype=rows.dtype, device=rows.device)
    few = m  # a rough direction may have small rows anywhere
    with quiet():
        for (rounds, narrowest, shift), dtype in ((SINGLE, xp.float32), (WORKING, rows.dtype)):
            working = xp.astype(rows, dtype)
            eye = xp.eye(d, dtype=working.dtype, device=working.device)
            current, width = (xp.astype(part, working.dtype) for part in (current, width))
            for _ in range(rounds):
                residual = m**0.5 * xp.abs(working @ current).T
                picked, sizes = _smallest(xp, working, residual, few)
                reach = xp.sort(residual, axis=1)[:, quorum] if few == m else sizes[:, quorum]
                width = xp.maximum(xp.minimum(reach, width), narrowest)
                gram = weighted_gram(xp, picked, width[:, None] / xp.sqrt(sizes**2 + width[:, None] ** 2))
                scale = xp.max(xp.abs(gram), axis=(1, 2), keepdims=True)
                solved = xp.linalg.solve(gram + shift * scale * eye, current.T[:, :, None])
                current, width = normalize(xp, solved[:, :, 0].T), NARROW * width
                few = min(m, max(ENOUGH * d + MORE, m // 2))
    return xp.astype(current, rows.dtype)


def _smallest(xp: Namespace, rows: Array, residual: Array, few: int) -> tuple[Array, Array]:
    """So many rows of least residual, (s, m), for each direction, shape (s, few, d), and their residuals.

    All rows, (m, d), in their own order, where no fewer are asked for.
    """
    if few == rows.shape[0]:
        return rows, residual
    order = xp.argsort(residual, axis=1)[:, :few]
    picked = xp.reshape(xp.take(rows, xp.reshape(order, (-1,)), axis=0), (*order.shape, rows.shape[1]))
    return picked, xp.take_along_axis(residual, order, axis=1)


def masked_kernels(
    xp: Namespace, rows: Array, z: Array, *, softness: float = SOFTNESS, keep_going: KeepGoing = forever
) -> Array:
    """Directions that nearly vanish on the rows with negative pre-activation.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, b)
        Balanced rows.
    z : array, shape (m, s)
        Predicted pre-activations of s samples, roughly right.
    softness : float
        Width of the transition from rows that count to rows that do not.
    keep_going : callable
        As in `sharpen`.

    Returns
    -------
    array, shape (b, s)
        Unit vectors: least singular vectors of the weighted rows, sharpened.
    """
    b = rows.shape[1]
    if b == 1 or z.shape[1] == 0:
        return xp.ones((b, z.shape[1]), dtype=rows.dtype, device=rows.device)
    sure = xp.minimum(xp.maximum(-z / (softness * xp.mean(xp.abs(z), axis=0)), 0.0), 1.0)
    scale = (b / rows.shape[0]) ** 0.5
    single = [xp.astype(array, xp.float32) for array in (rows, sure**2)]  # a start is all that it has to be
    start = xp.astype(weighted_kernels(xp, single[0], single[1], keep_going), rows.dtype)
    return sharpen(xp, scale * rows, start, keep_going)


def masking_work(m: int, b: int, count: int) -> float:
    """Multiply-adds of `masked_kernels` for so many samples."""
    return kernel_work(m, b, count) + sharpening_work(m, b, count)

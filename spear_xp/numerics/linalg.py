"""Enters: matrices of a namespace. Leaves: inverses, kernels and balanced rows, safe on every backend.

Singular matrices raise on one library and return garbage on another; the functions here return a
validity flag instead and rely on neither.
"""

from typing import NamedTuple

from spear_xp.numerics.backend import Array, LinAlgError, Namespace, on_device
from spear_xp.numerics.parts.blocks import blocks
from spear_xp.numerics.parts.threads import each
from spear_xp.numerics.work import (
    DOUBLE,
    KeepGoing,
    ask,
    calls,
    decompositions,
    forever,
    product,
    small_solves,
    weighted_grams,
)

__all__ = [
    "RESIDUAL",
    "Kernel",
    "balance",
    "cholesky",
    "inverse",
    "inverse_and_rest",
    "inverses",
    "kernel_pair_work",
    "kernel_work",
    "normalize",
    "outside",
    "smallest_singular",
    "tall_qr",
    "weighted_gram",
    "weighted_kernels",
]

ROUNDS = 3  # chosen: rounds of balancing; more change nothing that a search would notice
RESIDUAL = 1e-4  # chosen: of an inverse or a root that can be trusted; less fails on ill-posed problems
GARBAGE = 0.1  # chosen: residual from which an inverse of a stack is none; rounding alone stays below
SHIFT = 45.0  # chosen: rounding units of a Gram matrix that keep it from being singular
STEPS = 3  # chosen: steps of inverse iteration; more cost time
TALL, TALLEST = 16, 4096  # cosmetic: rows of a part of a tall matrix, for each column and at least
PAIR = 30  # measured: calls on arrays for one pair of singular vectors (lab.md, "Counted work")
DENSE = 24  # chosen: columns up to which a full decomposition is taken; beyond, inverse iteration is faster


class Kernel(NamedTuple):
    """The two smallest right singular vectors of a matrix, smallest first.

    Attributes
    ----------
    vectors : array, shape (b, 2)
        Right singular vectors (shape (b, 1) where b = 1).
    values : tuple of float
        Their singular values; infinity for a second one that does not exist.
    """

    vectors: Array
    values: tuple[float, float]


def inverse(xp: Namespace, matrix: Array) -> tuple[Array, bool]:
    """Inverse of a square matrix and whether it can be trusted (residual below 1e-4)."""
    result, rest = inverse_and_rest(xp, matrix)
    return result, bool(rest < RESIDUAL)  # NaN compares false


def inverse_and_rest(xp: Namespace, matrix: Array) -> tuple[Array, Array]:
    """Inverse of a square matrix and its residual, shape (), on the device; infinite if there is none."""
    try:
        result = xp.linalg.inv(matrix)
    except LinAlgError:
        return xp.zeros_like(matrix), xp.asarray(xp.inf, dtype=matrix.dtype, device=matrix.device)
    rest = xp.abs(matrix @ result - xp.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device))
    return result, xp.max(rest)


def inverses(xp: Namespace, matrices: Array) -> tuple[Array, Array]:
    """Inverses of a stack of square matrices, shape (s, d, d), and which of them are no garbage, shape (s,).

    Each is tried on one vector, which costs little.
    """
    count = matrices.shape[0]
    trial = xp.arange(1, matrices.shape[2] + 1, dtype=matrices.dtype, device=matrices.device)[:, None]
    try:
        found = xp.linalg.inv(matrices)
    except LinAlgError:  # NumPy refuses the whole stack for one singular matrix
        if count == 1:
            return xp.zeros_like(matrices), xp.zeros((1,), dtype=xp.bool, device=matrices.device)
        halves = [inverses(xp, part) for part in (matrices[: count // 2, ...], matrices[count // 2 :, ...])]
        both = [xp.concat(parts, axis=0) for parts in zip(*halves, strict=True)]
        return both[0], both[1]
    rest = xp.abs(matrices @ (found @ trial) - trial)
    return found, xp.max(rest, axis=(1, 2)) < GARBAGE * matrices.shape[2]


def cholesky(xp: Namespace, matrix: Array) -> tuple[Array, bool]:
    """Lower Cholesky factor of a square matrix, of which the lower triangle counts, and whether it is one."""
    try:
        root = xp.linalg.cholesky(matrix)
    except LinAlgError:
        return xp.zeros_like(matrix), False
    pivots, size = xp.linalg.diagonal(root), xp.sqrt(xp.abs(xp.linalg.diagonal(matrix)))
    rest = xp.tril(xp.abs(root @ root.T - matrix))  # what has failed stops at a pivot that is not positive
    return root, bool(xp.all(pivots > 0) & xp.all(rest <= RESIDUAL * size[:, None] * size))


def normalize(xp: Namespace, vectors: Array, axis: int = 0) -> Array:
    """Vectors along `axis` at unit norm; zero vectors stay zero."""
    norms = xp.linalg.vector_norm(vectors, axis=axis, keepdims=True)
    return vectors / xp.where(norms > 0, norms, xp.ones_like(norms))


def outside(basis: Array | None, vectors: Array) -> Array:
    """Part of the vectors, shape (d, k), off the span of orthonormal columns, where there are any."""
    return vectors if basis is None else vectors - basis @ (basis.T @ vectors)


def tall_qr(xp: Namespace, matrix: Array, keep_going: KeepGoing = forever) -> tuple[Array, Array]:
    """QR decomposition of a tall matrix, shape (n, d), in parts of its rows that fit into the cache.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    matrix : array, shape (n, d)
        In one piece where n is not much larger than d, and on a device, which has no such cache.
    keep_going : callable
        Asked before each part.

    Returns
    -------
    q : array, shape (n, d)
    r : array, shape (d, d)

    Raises
    ------
    OutOfTime
        If `keep_going` says no.

    Notes
    -----
    Each part is decomposed, then their triangles below each other (Demmel, Grigori, Hoemmen, Langou 2012).
    """
    n, d = matrix.shape
    step = max(TALL * d, TALLEST)
    if n <= 2 * step or on_device(xp):
        q, r = xp.linalg.qr(matrix)
        return q, r
    parts = []
    for start in range(0, n, step):
        ask(keep_going)
        parts.append(xp.linalg.qr(matrix[start : min(start + step, n), :]))
    mix, r = xp.linalg.qr(xp.concat([part.R for part in parts], axis=0))
    places = [sum(int(part.R.shape[0]) for part in parts[:i]) for i in range(len(parts) + 1)]
    q = [part.Q @ mix[a:b, :] for part, a, b in zip(parts, places[:-1], places[1:], strict=True)]
    return xp.concat(q, axis=0), r


def smallest_singular(xp: Namespace, matrix: Array) -> Kernel:
    """Two smallest right singular vectors of a tall matrix, shape (z, b) with z >= b - 1.

    Notes
    -----
    Up to 24 columns a full decomposition. Beyond, inverse iteration on the Gram matrix, then a
    Rayleigh-Ritz step on the matrix itself: the values are accurate to rounding of the matrix, not
    of its square.
    """
    z, b = matrix.shape
    if b == 1:
        value = float(xp.sqrt(xp.sum(matrix * matrix)))
        return Kernel(xp.ones((1, 1), dtype=matrix.dtype, device=matrix.device), (value, float("inf")))
    if b <= DENSE or z < b:
        return _by_decomposition(xp, matrix)
    gram = matrix.T @ matrix
    eye = xp.eye(b, dtype=matrix.dtype, device=matrix.device)
    shift = float(xp.finfo(matrix.dtype).eps) * float(xp.linalg.trace(gram))
    inverted, _ = inverse(xp, gram + shift * eye)  # nearly singular by design
    if not bool(xp.all(xp.isfinite(inverted))) or not float(xp.max(xp.abs(inverted))) > 0:
        return _by_decomposition(xp, matrix)
    # The columns of the inverse that carry most of the kernel start the iteration.
    start = xp.argsort(-xp.linalg.diagonal(inverted))[:3]
    block = xp.linalg.qr(inverted @ xp.take(inverted, start, axis=1)).Q
    block = xp.linalg.qr(inverted @ block).Q
    block = xp.linalg.qr(inverted @ block).Q
    image = matrix @ block
    _, values, mix = xp.linalg.svd(image, full_matrices=False)
    vectors = block @ xp.flip(mix.T, axis=1)
    return Kernel(vectors[:, :2], (float(values[2]), float(values[1])))


def kernel_pair_work(z: int, b: int) -> float:
    """Multiply-adds of `smallest_singular` for rows of shape (z, b), with the look at its result."""
    if b <= DENSE:
        return decompositions(z, b) + calls(PAIR)
    return product(z, b, b) + DOUBLE * small_solves(b, 1) + decompositions(z, 3) + calls(2 * PAIR)


def weighted_kernels(xp: Namespace, rows: Array, weights: Array, keep_going: KeepGoing = forever) -> Array:
    """Least singular vectors of one matrix under many weights of its rows, by inverse iteration.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, b)
        Unit rows without preferred coordinates, so that no start is special.
    weights : array, shape (m, s)
        Squared weights, not negative; 0 and 1 choose subsets of the rows.
    keep_going : callable
        Asked before each part of the weights; what comes after a no is worth nothing.

    Returns
    -------
    array, shape (b, s)
        Unit vectors.
    """
    m, b = rows.shape
    shift = SHIFT * float(xp.finfo(rows.dtype).eps) * m
    shift = shift * xp.eye(b, dtype=rows.dtype, device=rows.device)

    def kernels(part: slice) -> Array:
        gram = weighted_gram(xp, rows, xp.sqrt(weights[:, part]).T)
        current = xp.ones((gram.shape[0], b, 1), dtype=rows.dtype, device=rows.device)
        for _ in range(STEPS if keep_going() else 0):
            current = normalize(xp, xp.linalg.solve(gram + shift, current), axis=1)
        return current[:, :, 0].T

    parts = each(kernels, blocks(weights.shape[1], m * b, device=on_device(xp)))
    return xp.concat(parts, axis=1) if parts else rows.T[:, :0]


def weighted_gram(xp: Namespace, rows: Array, roots: Array) -> Array:
    """Matrices rowsᵀ diag(roots²) rows, shape (s, d, d), of rows (m, d) or (s, m, d), and roots (s, m).

    A product of a matrix with its own transpose takes half of the multiply-adds of another one.
    """
    weighted = roots[:, :, None] * rows
    return xp.matrix_transpose(weighted) @ weighted


def kernel_work(m: int, b: int, count: int) -> float:
    """Multiply-adds of `weighted_kernels` for so many weights."""
    return DOUBLE * (weighted_grams(m, b, count) + STEPS * small_solves(b, count))


def _by_decomposition(xp: Namespace, matrix: Array) -> Kernel:
    z, b = matrix.shape
    if z < b:  # a wide matrix has a kernel that its thin decomposition does not show
        padding = xp.zeros((b - z, b), dtype=matrix.dtype, device=matrix.device)
        matrix = xp.concat([matrix, padding], axis=0)
    _, values, right = xp.linalg.svd(matrix, full_matrices=False)
    vectors = xp.flip(right[-2:, :].T, axis=1)
    return Kernel(vectors, (float(values[-1]), float(values[-2])))


def balance(xp: Namespace, rows: Array) -> tuple[Array, Array]:
    """Rows at unit norm whose columns are nearly orthonormal (up to a common factor).

    Parameters
    ----------
    rows : array, shape (m, b)
        Rows of full column rank.

    Returns
    -------
    balanced : array, shape (m, b)
        diag(1/norm) · rows · change.
    change : array, shape (b, b)
        The change of basis.

    Notes
    -----
    Alternates between unit rows and orthonormal columns. Row scaling keeps every zero pattern and
    the change of basis only renames coordinates, but sampling, descent and leverages work best
    where no row and no column dominates.
    """
    b = rows.shape[1]
    change = xp.eye(b, dtype=rows.dtype, device=rows.device)
    current = rows
    for _ in range(ROUNDS):
        q, r = xp.linalg.qr(normalize(xp, current, axis=1))
        back, valid = inverse(xp, r)
        if not valid:
            break
        current, change = q, change @ back
    return normalize(xp, current, axis=1), change

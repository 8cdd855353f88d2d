"""Enters: rows and random subsets of them. Leaves: the kernel of each subset, thousands at once."""

from spear_xp.numerics.backend import Array, Host, Namespace, Space, quiet
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.random import Stream, generator

__all__ = ["draw_subsets", "kernel_directions", "random_kernels"]


def draw_subsets(
    pool: int, size: int, count: int, *, stream: Stream, seed: int, chunk: int, reserved: int = 0
) -> tuple[Host, Host]:
    """Random row subsets of one chunk, and rows that none of them contains.

    Parameters
    ----------
    pool : int
        Number of rows to choose from, at least `size + reserved`.
    size, count : int
        Rows in a subset, subsets in the chunk.
    stream : Stream
        What the subsets are for.
    seed, chunk : int
        Key of the counter-based generator, with the stream.
    reserved : int
        Rows set aside for the whole chunk.

    Returns
    -------
    subsets : NumPy int array, shape (count, size)
        Each subset is uniform; subsets cut from the same permutation of the pool are disjoint.
    aside : NumPy int array, shape (reserved,)
    """
    rng = generator(seed, stream, chunk)
    order = rng.permutation(pool)
    aside, rest = order[:reserved], order[reserved:]
    cuts = len(rest) // size
    rounds = -(-count // cuts)
    shuffled = rng.permuted(rest[None, :].repeat(rounds, axis=0), axis=1)
    return shuffled[:, : cuts * size].reshape(-1, size)[:count], aside


def kernel_directions(xp: Namespace, rows: Array, subsets: Array) -> Array:
    """Kernel vectors of many (b-1)-row subsets at once, by Gaussian elimination.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, b)
        Rows in coordinates without preference: the last coordinate of a kernel is pinned to 1
        before it is brought to unit norm.
    subsets : array of int, shape (count, b - 1)
        Row numbers of each subset.

    Returns
    -------
    array, shape (b, count)
        Kernel vectors of unit norm; not finite where elimination broke down.

    Notes
    -----
    2/3 b³ operations a subset. No pivoting: a bad pivot loses one draw among thousands, a search
    for pivots would cost every one.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1.0, 1.0], [1.0, -2.0]])
    >>> kernel_directions(np, rows, np.array([[0], [1]])).round(3)
    array([[-0.707,  0.894],
           [ 0.707,  0.447]])
    """
    count, k = subsets.shape
    gathered = xp.take(rows.T, xp.reshape(subsets.T, (-1,)), axis=1)
    work = xp.asarray(xp.permute_dims(xp.reshape(gathered, (k + 1, k, count)), (1, 0, 2)), copy=True)
    with quiet():
        for j in range(k):
            pivot = work[j, j + 1 :, :] / work[j, j, :]
            work[j, j + 1 :, :] = pivot
            work[j + 1 :, j + 1 :, :] -= work[j + 1 :, j : j + 1, :] * pivot[None, :, :]
        solution = xp.ones((k + 1, count), dtype=work.dtype, device=work.device)
        for j in range(k - 1, -1, -1):
            solution[j, :] = -xp.sum(work[j, j + 1 :, :] * solution[j + 1 :, :], axis=0)
        return normalize(xp, solution)


def random_kernels(space: Space, rows: Array, count: int, *, stream: Stream, seed: int, chunk: int) -> Array:
    """Kernels of random subsets of d - 1 rows, shape (m, d), of any norm but finite; (d, s), s <= count."""
    xp, (m, d) = space.xp, rows.shape
    subsets, _ = draw_subsets(int(m), d - 1, count, stream=stream, seed=seed, chunk=chunk)
    kernels = kernel_directions(xp, rows, space.indices(subsets))
    return xp.where(xp.isfinite(kernels), kernels, xp.ones_like(kernels))

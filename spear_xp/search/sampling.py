"""Enters: a `Problem`. Leaves: kernel directions of random (b-1)-row subsets, as published in SPEAR.

A subset that lies in the zero rows of one column of D has that column's direction as its kernel.
Thousands of subsets are eliminated at once in single precision, as arrays (row, coordinate, subset);
a kernel is looked at on a few rows that no subset of the chunk used, and the few survivors are
solved again in full precision.
"""

from dataclasses import dataclass

from spear_xp._arrays import Array, Host, Namespace, Space, generator, quiet, to_host
from spear_xp._linalg import normalize
from spear_xp.problem import Problem
from spear_xp.search.base import Known, Proposals

__all__ = ["Sampling", "draw_subsets", "kernel_directions", "random_kernels"]

STREAM = 1
TEST_ROWS = 8  # set aside in every chunk
TINY = 4  # batch size up to which one zero is enough: hits are plenty and a chunk sets aside few
NEEDED = 2  # zeros among them; a random direction shows two in fewer than one of 1e5 draws
NEAR = 1e-4  # |row · direction| in balanced rows that single precision cannot tell from zero
SURVIVORS = 64  # kept of one chunk, the rest would be the same few directions again


def draw_subsets(
    pool: int, size: int, count: int, *, seed: int, chunk: int, reserved: int = 0
) -> tuple[Host, Host]:
    """Random row subsets of one chunk, and rows that none of them contains.

    Parameters
    ----------
    pool : int
        Number of rows to choose from, at least `size + reserved`.
    size, count : int
        Rows in a subset, subsets in the chunk.
    seed, chunk : int
        Key of the counter-based generator.
    reserved : int
        Rows set aside for the whole chunk.

    Returns
    -------
    subsets : NumPy int array, shape (count, size)
        Each subset is uniform; subsets cut from the same permutation of the pool are disjoint.
    aside : NumPy int array, shape (reserved,)
    """
    rng = generator(seed, STREAM, chunk)
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


def random_kernels(space: Space, rows: Array, count: int, *, seed: int, chunk: int) -> Array:
    """Kernels of random subsets of d - 1 rows, shape (m, d), of any norm but finite; (d, s), s <= count."""
    xp, (m, d) = space.xp, rows.shape
    subsets, _ = draw_subsets(int(m), d - 1, count, seed=seed, chunk=chunk)
    kernels = kernel_directions(xp, rows, space.indices(subsets))
    return xp.where(xp.isfinite(kernels), kernels, xp.ones_like(kernels))


@dataclass(frozen=True, slots=True)
class Sampling:
    """Uniform (b-1)-row subsets and their kernels (Dimitrov et al. 2024, section 3.2).

    Attributes
    ----------
    chunk_size : int
        Subsets in a chunk.
    """

    chunk_size: int = 2048
    name: str = "sampling"

    def propose(self, problem: Problem, known: Known | None, seed: int, chunk: int) -> Proposals:  # noqa: ARG002
        """Directions of one chunk that look sparse on the rows set aside; what is known plays no part."""
        space = problem.space
        xp, b = space.xp, problem.rank
        if b == 1:
            return Proposals(xp.ones((1, 1), dtype=space.dtype, device=space.device), 1)
        reserved = min(TEST_ROWS, problem.width - (b - 1))
        subsets, aside = draw_subsets(
            problem.width, b - 1, self.chunk_size, seed=seed, chunk=chunk, reserved=reserved
        )
        rows = xp.astype(problem.balanced, xp.float32)
        kernels = kernel_directions(xp, rows, space.indices(subsets))
        near = xp.abs(xp.take(rows, space.indices(aside), axis=0) @ kernels) < NEAR
        hits = xp.sum(xp.astype(near, xp.int32), axis=0) >= min(NEEDED if b > TINY else 1, reserved)
        chosen = to_host(hits).nonzero()[0][:SURVIVORS]
        return Proposals(self._solve(problem, subsets[chosen]), len(subsets))

    @staticmethod
    def _solve(problem: Problem, subsets: Host) -> Array:
        """Kernels of a few subsets in the problem's own rows and precision."""
        space = problem.space
        xp = space.xp
        if not len(subsets):
            return xp.zeros((problem.rank, 0), dtype=space.dtype, device=space.device)
        count, k = subsets.shape
        picked = xp.take(problem.balanced, space.indices(subsets.reshape(-1)), axis=0)
        stacked = xp.reshape(picked, (count, k, k + 1))
        _, _, right = xp.linalg.svd(stacked, full_matrices=True)
        return normalize(xp, problem.unbalance @ right[:, -1, :].T)

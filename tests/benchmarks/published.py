"""Enters: the gradient of a layer and the batch size. Leaves: the batch, by SPEAR as published.

The yardstick of the benchmarks, as plain as the paper: uniform row subsets of size b-1, one singular value
decomposition each, the sparsity threshold for a false rejection rate of 1e-9, a greedy swap on the sparsity
matching score. NumPy and SciPy alone.

References
----------
.. [1] D. I. Dimitrov, M. Baader, M. N. Müller, M. Vechev, "SPEAR: Exact Gradient Inversion of Batches in
   Federated Learning", NeurIPS 2024.
"""

import time

import numpy as np
from scipy.stats import binom

from tests.helpers.networks import Floats

__all__ = ["invert", "sampling_rate"]

FALSE_REJECTION = 1e-9
COMPLETE = 0.999  # sparsity matching score that ends the search


class Layer:
    """A gradient in its rank-b factors, and what scores a set of directions against the layer."""

    def __init__(
        self, grad_w: Floats, grad_b: Floats, weight: Floats, bias: Floats, rank: int, tol: float
    ) -> None:
        basis, spectrum, right = np.linalg.svd(grad_w.astype(float), full_matrices=False)
        root = np.sqrt(spectrum[:rank])
        self.left, self.right = basis[:, :rank] * root, root[:, None] * right[:rank]
        self.grad_b, self.weight, self.bias = grad_b.astype(float), weight, bias
        self.small = tol * np.linalg.norm(self.left, axis=1)
        self.needed = binom.ppf(FALSE_REJECTION, len(self.left), 0.5)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Kernels of uniform row subsets that are sparse enough, and their numbers of zeros."""
        width, rank = self.left.shape
        subsets = np.argpartition(rng.random((count, width)), rank - 2, axis=1)[:, : rank - 1]
        kernels = np.linalg.svd(self.left[subsets])[2][:, -1]
        zeros = np.count_nonzero(np.abs(kernels @ self.left.T) < self.small, axis=1)
        sparse = zeros >= self.needed
        return kernels[sparse], zeros[sparse]

    def score(self, directions: Floats) -> tuple[float, Floats | None]:
        """Share of entries of D that vanish exactly where the recovered inputs are inactive; the inputs."""
        q = directions.T
        if np.linalg.cond(q) > 1e10:
            return -1.0, None
        q = q * np.linalg.lstsq(self.left @ q, self.grad_b, rcond=None)[0]
        inputs = np.linalg.solve(q, self.right)
        active = self.weight @ inputs.T + self.bias[:, None] > 0
        nonzero = np.abs(self.left @ q) > self.small[:, None] * np.linalg.norm(q, axis=0)
        return float((active == nonzero).mean()), inputs

    def select(self, pool: Floats, zeros: Floats) -> tuple[float, Floats | None]:
        """The sparsest independent directions, then every swap that raises the score."""
        order, chosen = np.argsort(zeros)[::-1], []
        for i in order:
            if np.linalg.matrix_rank(pool[[*chosen, i]], tol=1e-6) > len(chosen):
                chosen.append(i)
            if len(chosen) == self.left.shape[1]:
                break
        best, inputs = self.score(pool[chosen])
        for slot in range(len(chosen)):
            for i in order:
                if i not in chosen:
                    trial = [*chosen[:slot], i, *chosen[slot + 1 :]]
                    score, found = self.score(pool[trial])
                    if score > best:
                        best, inputs, chosen = score, found, trial
        return best, inputs


def invert(
    grad_w: Floats,
    grad_b: Floats,
    weight: Floats,
    bias: Floats,
    batch: int,
    *,
    chunk: int = 10_000,
    budget_s: float = 60.0,
    seed: int = 0,
    tol: float = 1e-4,
) -> tuple[Floats | None, float, int, float]:
    """The published attack: inputs of shape (batch, n) or None, score, samples drawn, seconds."""
    start, rng = time.perf_counter(), np.random.default_rng(seed)
    layer = Layer(grad_w, grad_b, weight, bias, batch, tol)
    pool, zeros = np.empty((0, batch)), np.empty(0, dtype=int)
    drawn, best, inputs = 0, -1.0, None
    while best <= COMPLETE and time.perf_counter() - start < budget_s:
        kernels, counts = layer.sample(chunk, rng)
        drawn += chunk
        known = len(pool)
        for kernel, count in zip(kernels, counts, strict=True):
            if not len(pool) or np.abs(pool @ kernel).max() < 1 - 1e-6:
                pool, zeros = np.vstack([pool, kernel]), np.append(zeros, count)
        if known < len(pool) >= batch and np.linalg.matrix_rank(pool, tol=1e-6) == batch:
            best, inputs = layer.select(pool, zeros)
    return inputs, best, drawn, time.perf_counter() - start


def sampling_rate(grad_w: Floats, grad_b: Floats, weight: Floats, bias: Floats, batch: int) -> float:
    """Samples per second, from one chunk after a warm-up."""
    layer, rng = Layer(grad_w, grad_b, weight, bias, batch, 1e-4), np.random.default_rng(0)
    layer.sample(100, rng)
    start = time.perf_counter()
    layer.sample(10_000, rng)
    return 10_000 / (time.perf_counter() - start)

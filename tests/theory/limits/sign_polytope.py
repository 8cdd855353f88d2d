"""A random layer enters; how far its samples can move without a change of gradient or signs leaves.

The direction of a column with too few zeros may take up any vector of its kernel. With q_j + Σ_l κ_l q_l in
the place of q_j every x_l becomes x_l - κ_l x_j, and the gradient does not show it; the signs of W x + β do.
To first order in κ they cut a polytope, and linear programs find how far it reaches.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

Floats = NDArray[np.float64]


def kernels(d: Floats) -> list[tuple[int, Floats]]:
    """Columns of D that zeros do not determine, with an orthonormal basis of what they may take up."""
    b, found = d.shape[1], []
    for j in range(b):
        others = np.arange(b) != j
        rows = d[d[:, j] == 0][:, others]
        _, size, right = np.linalg.svd(rows, full_matrices=True)
        rank = int((size > 1e-9 * size[0]).sum())
        if rank < b - 1:
            basis = np.zeros((b, b - 1 - rank))
            basis[others] = right[rank:].T
            found.append((j, basis))
    return found


def reach(batch_size: int, width: int, rng: np.random.Generator, programs: int = 2) -> tuple[int, float]:
    """Free parameters R, and the relative error (rms over samples) that random programs reach, mean."""
    z = rng.standard_normal((width, batch_size))
    free = kernels(np.where(z > 0, rng.standard_normal(z.shape), 0))
    count = sum(basis.shape[1] for _, basis in free)
    if not count:
        return 0, 0.0
    # Sign of row i of sample l: s (z_il - Σ_j κ_l z_ij) >= 0.
    change = np.concatenate([z[:, [j], None] * basis[None] for j, basis in free], axis=2)
    sides = (change / z[:, :, None]).reshape(-1, count)
    errors = []
    for _ in range(programs):
        goal = rng.standard_normal(count)
        done = linprog(goal, A_ub=sides, b_ub=np.ones(len(sides)), bounds=(None, None), method="highs")
        moved, start = np.zeros(batch_size), 0
        for _, basis in free:
            stop = start + basis.shape[1]
            moved, start = moved + (basis @ done.x[start:stop]) ** 2, stop
        errors.append(np.sqrt(moved.mean()))
    return count, float(np.mean(errors))

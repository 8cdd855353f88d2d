"""Enters: some directions of a batch. Leaves: their duals, where enough rows are without the other samples.

Rows are Σ_k d_k p_k, and a known direction gives its whole column of D. Where none of the other samples is
active, or so faintly that nothing shows, the duals of the known ones solve a linear system; rows on which
one is active are outliers of it. A convex fit, the sum of the sizes of residuals, finds the duals without
being told which rows are which, as long as outliers are not the majority.
"""

from spear_xp.numerics.backend import Array, quiet
from spear_xp.numerics.linalg import RESIDUAL, inverse, inverse_and_rest
from spear_xp.reduction.problem import Problem

__all__ = ["regressed_duals"]

# chosen: rounds of the convex fit, and of least squares on the rows that it explains; more cost time
ROUNDS, LAST = 40, 3
# chosen: factor on the width from one round to the next, at least; a smaller value ends at wrong rows
NARROW = 0.7
FLOOR = 3.0  # chosen: width in the end over the noise of a row; a smaller value trusts few rows
# chosen: residual of a row that the known samples explain, in the same units; a smaller value drops good
# rows
CLEAN = 6.0
SPARE = 6  # chosen: rows beyond the unknowns that must be able to stay within the width; fewer prove nothing


def regressed_duals(problem: Problem, directions: Array, coefficients: Array) -> Array | None:
    """Duals of known directions by robust regression of the rows on their columns of D.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, k)
        Independent unit directions, 0 < k < b.
    coefficients : array, shape (m_live, k)
        `rows @ directions`, exactly zero on their zero rows.

    Returns
    -------
    array, shape (b, k), or None
        Columns p with p_k · q_k = 1 and p_k · q_j = 0. None if the columns are dependent or hardly a row is
        explained by them alone.

    Notes
    -----
    Directions fix all but b - k coordinates of their duals; these are fitted, by reweighted least squares
    with a width that falls to the noise (Daubechies, DeVore, Fornasier, Güntürk 2010), then by plain least
    squares on the rows that are explained. Residuals are whitened: the noise of a row of U is that of the
    gradient over the singular values.
    """
    xp = problem.space.xp
    k = directions.shape[1]
    gram, valid = inverse(xp, directions.T @ directions)
    if not valid:
        return None
    known = directions @ gram
    complement = xp.linalg.qr(directions, mode="complete").Q[:, k:]
    scaled = complement / problem.singular_values[:, None]
    root = problem.noise_level * xp.linalg.qr(scaled).R.T  # the Cholesky factor, without squaring
    target = xp.linalg.solve(root, (problem.rows @ complement).T).T / problem.row_noise[:, None]
    columns = coefficients / problem.row_noise[:, None]
    level = complement.shape[1] ** 0.5  # norm of the whitened noise of a row
    quorum = min(problem.width, problem.rank + SPARE) - 1
    weights, width = xp.ones_like(target[:, 0]), xp.inf
    worst = beyond = xp.zeros_like(target[0, 0])  # of all rounds: a device is asked once, at the end
    with quiet():  # what is not finite fails there
        for round_ in range(ROUNDS + LAST):
            weighted = columns * weights[:, None]
            gram, rest = inverse_and_rest(xp, weighted.T @ columns)
            worst = xp.maximum(worst, rest)
            fitted = gram @ (weighted.T @ target)
            size = xp.linalg.vector_norm(target - columns @ fitted, axis=1)
            order = xp.sort(size)
            if round_ < ROUNDS:
                width = xp.minimum(order[problem.width // 2 if round_ == 0 else quorum], width)
                width = xp.maximum(NARROW * width, FLOOR * level)
                weights = width / xp.maximum(size, width)
            else:
                beyond = xp.maximum(beyond, order[quorum])
                weights = xp.astype(size < CLEAN * level, target.dtype)
    if not bool((worst < RESIDUAL) & (beyond < CLEAN * level)):
        return None
    return known + complement @ (root @ fitted.T)

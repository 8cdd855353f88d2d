"""Enters: directions with their zero rows. Leaves: duals of those that rows alone determine.

Inverting Q needs all b directions; a row on which only one known sample is active is a multiple of that
sample whatever the others are. Such rows are peeled: the sample is taken out of all rows, and a row
active on two becomes a row active on one. A dual is accepted only if the mask that it predicts through
the layer is the zero pattern of its direction, which unknown samples in the row would spoil.
"""

from typing import NamedTuple

from spear_xp.geometry.directions import FEW_MISSING, columns_of
from spear_xp.geometry.masks import EXACT_FLIPS, UNSURE
from spear_xp.geometry.robust_regression import regressed_duals
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.linalg import inverse, normalize
from spear_xp.numerics.sorting import upper_median
from spear_xp.reduction.problem import Problem

__all__ = ["PartialDuals", "solve_duals"]

ROWS_EACH = 6  # chosen: candidate rows looked at for each sample; fewer miss duals, more cost time
# measured: largest |cos| between a dual and the direction of another sample, to which it is orthogonal
# (lab.md, "The loop")
LEAK = 1e-3
ROUNDS = 30  # chosen: rounds of peeling; they end earlier, as soon as one finds no dual
# chosen: residual of a row over its noise, below which nothing is left in it; a larger value mixes samples
# in
EXPLAINED = 12.0


class PartialDuals(NamedTuple):
    """Duals of some samples.

    Attributes
    ----------
    duals : array, shape (b, k)
        p_k with p_k · q_k = 1; zero columns where unknown.
    solved : NumPy array of bool, shape (k,)
        Which are known.
    """

    duals: Array
    solved: Host


def solve_duals(
    problem: Problem, directions: Array, zero: Array, start: PartialDuals | None = None
) -> PartialDuals:
    """Peel rows until no further dual can be read off.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, k)
        Unit directions, some of which may be wrong.
    zero : array of bool, shape (m_live, k)
        Their zero rows.
    start : PartialDuals, optional
        Duals known already.

    Returns
    -------
    PartialDuals
    """
    xp, space = problem.space.xp, problem.space
    k = directions.shape[1]
    d = columns_of(problem, directions, zero)
    active = to_host(~zero)
    if start is None:
        solved = to_host(xp.zeros((k,), dtype=xp.bool)).copy()
        duals = xp.zeros((problem.rank, k), dtype=space.dtype, device=space.device)
    else:
        solved, duals = start.solved.copy(), start.duals
    order = to_host(xp.argsort(problem.activity))
    for _ in range(ROUNDS):
        rows, columns = _likeliest(active, solved, order)
        if not len(rows):
            break
        rest = problem.rows - d @ duals.T
        row_index, column_index = space.indices(rows), space.indices(columns)
        picked = xp.take(rest, row_index, axis=0)
        coefficient = xp.take(xp.reshape(d, (-1,)), row_index * k + column_index)
        trials = (picked / coefficient[:, None]).T
        flips = _contradictions(problem, trials, xp.take(zero, column_index, axis=1))
        clean = to_host(_leaks(problem, trials, directions, columns) < LEAK)
        best: dict[int, int] = {}
        for i in to_host(xp.argsort(xp.astype(flips, space.dtype), stable=True)):
            if int(flips[int(i)]) <= EXACT_FLIPS and clean[int(i)]:
                best.setdefault(int(columns[i]), int(i))
        if not best:
            break
        chosen = xp.take(trials, space.indices(list(best.values())), axis=1)
        for j, column in enumerate(best):
            duals[:, column] = chosen[:, j]
            solved[column] = True
        duals = _joint(problem, d, duals, solved)
    duals, solved = _regressed(problem, directions, d, zero, duals, solved)
    # Directions found since may show that a sample of another one is mixed into a dual.
    columns = solved.nonzero()[0]
    if len(columns):
        own = xp.take(duals, space.indices(columns), axis=1)
        solved[columns] = to_host(_leaks(problem, own, directions, columns) < LEAK)
        duals = duals * space.asarray(solved)[None, :]
    return PartialDuals(duals, solved)


def _regressed(
    problem: Problem, directions: Array, d: Array, zero: Array, duals: Array, solved: Host
) -> tuple[Array, Host]:
    """Duals that rows without the unknown samples settle, for directions that have none yet."""
    xp, k = problem.space.xp, directions.shape[1]
    if solved.all() or not 0 < problem.rank - k <= FEW_MISSING:
        return duals, solved
    found = regressed_duals(problem, directions, d)
    if found is None:
        return duals, solved
    new = ~solved & (to_host(_contradictions(problem, found, zero)) <= EXACT_FLIPS)
    return xp.where(problem.space.asarray(new, dtype=xp.bool), found, duals), solved | new


def _leaks(problem: Problem, duals: Array, directions: Array, columns: Host) -> Array:
    """Largest |cos| between each dual and the directions of other samples, shape (number of duals,)."""
    xp, space = problem.space.xp, problem.space
    cosines = xp.abs(normalize(xp, duals).T @ directions)
    own = xp.arange(directions.shape[1], device=space.device)[None, :] == space.indices(columns)[:, None]
    return xp.max(xp.where(own, xp.zeros_like(cosines), cosines), axis=1)


def _likeliest(active: Host, solved: Host, order: Host) -> tuple[Host, Host]:
    """For each unsolved column, the rows that are likeliest to be active on nothing else that is unsolved.

    False directions among the unsolved make every count too large, so the smallest counts are taken,
    whatever they are, and the mask decides.
    """
    open_columns = (~solved).nonzero()[0]
    pattern = active[order][:, open_columns]
    ranking = pattern.sum(axis=1).argsort(kind="stable")
    pairs = [
        (row, column)
        for j, column in enumerate(open_columns)
        for row in order[ranking[pattern[ranking, j]][:ROWS_EACH]]
    ]
    return to_host([row for row, _ in pairs]), to_host([column for _, column in pairs])


def _contradictions(problem: Problem, duals: Array, zero: Array) -> Array:
    """Rows whose predicted activity contradicts the zero pattern, for each dual, shape (k,)."""
    xp = problem.space.xp
    scale = problem.last @ duals
    z = problem.layer @ (duals / xp.where(scale == 0, xp.ones_like(scale), scale))
    unsure = UNSURE * upper_median(xp, xp.abs(z))
    wrong = ((z < -unsure) & ~zero) | ((z > unsure) & zero)
    return xp.sum(xp.astype(wrong, xp.int64), axis=0) + xp.astype(scale == 0, xp.int64) * problem.width


def _joint(problem: Problem, d: Array, duals: Array, solved: Host) -> Array:
    """All known duals again, by least squares over every row that they explain."""
    xp, space = problem.space.xp, problem.space
    index = space.indices(solved.nonzero()[0])
    part = xp.take(d, index, axis=1)
    rest = (problem.rows - part @ xp.take(duals, index, axis=1).T) * problem.singular_values
    size = xp.sqrt(xp.sum(rest * rest, axis=1))
    noise = EXPLAINED * problem.noise_level * problem.rank**0.5
    involved = xp.any(part != 0, axis=1)
    rows = xp.nonzero(involved & (size < max(noise, 1e-5)))[0]
    if rows.shape[0] < 2 * index.shape[0]:
        return duals
    lhs = xp.take(part, rows, axis=0)
    scale = xp.sqrt(xp.sum(lhs * lhs, axis=0))
    if not bool(xp.all(scale > 0)):
        return duals
    lhs = lhs / scale
    gram, valid = inverse(xp, lhs.T @ lhs)
    if not valid or float(xp.max(xp.linalg.diagonal(gram))) > 1e6:
        return duals
    better = (gram @ (lhs.T @ xp.take(problem.rows, rows, axis=0))).T / scale
    for j, column in enumerate(solved.nonzero()[0]):
        duals[:, int(column)] = better[:, j]
    return duals

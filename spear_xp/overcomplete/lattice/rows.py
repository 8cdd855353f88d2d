"""Enters: a gradient, and which features are one-hot. Leaves: its rows by categories and other columns."""

from collections.abc import Sequence

import numpy as np

from spear_xp.numerics.backend import Host, to_host
from spear_xp.overcomplete.lattice.rounding import ONE_HOT, groups_of
from spear_xp.overcomplete.problem import ROUNDED, OvercompleteProblem
from spear_xp.reduction.gradient import Gradient

__all__ = ["BLOCKS", "OneHotRows", "solved"]

BLOCKS = 2  # derived: groups that have to show a coefficient alone: a single one shows any
INDEPENDENT = 1e-6  # chosen: singular value of categories of known samples, below which they are dependent


class OneHotRows:
    """Live rows of a gradient with one-hot groups among its columns, on the host.

    Parameters
    ----------
    problem : OvercompleteProblem
    gradient : Gradient
        From which it comes.
    kinds : sequence of str, length n
        As for `on_lattice`, in the units of the inputs.

    Attributes
    ----------
    blocks : list of array of int
        Positions of each group among the one-hot columns.
    hot, other : array of int
        One-hot columns and the others.
    block : array of int
        Group of each one-hot column.
    categories, numbers : array, shape (m_live, h) and (m_live, n - h)
        Rows of grad_w there.
    sums, noise : array, shape (m_live,)
        Entries of grad_b, and the rounding of an entry of each row.
    dimension : int
        Of the categories that the batch has.
    """

    def __init__(self, problem: OvercompleteProblem, gradient: Gradient, kinds: Sequence[str]) -> None:
        xp, dtype = problem.space.xp, problem.space.dtype
        groups = groups_of(kinds, gradient.columns - 1)
        columns = [np.asarray(own) for kind, own in groups.items() if kind.startswith(ONE_HOT)]
        sizes = [len(own) for own in columns]
        self.hot = np.concatenate([*columns, np.zeros(0, int)]).astype(int)
        self.other = np.setdiff1d(np.arange(len(kinds)), self.hot)
        self.block = np.repeat(np.arange(len(sizes)), sizes)
        self.blocks = [np.flatnonzero(self.block == k) for k in range(len(sizes))]
        rows = to_host(xp.astype(xp.take(gradient.grad_w, problem.live, axis=0), dtype))
        self.categories, self.numbers = rows[:, self.hot], rows[:, self.other]
        self.sums = to_host(xp.astype(xp.take(gradient.grad_b, problem.live), dtype))
        self.noise = ROUNDED * problem.unit_roundoff * np.hypot(np.abs(rows).max(axis=1), self.sums)
        filled = np.bincount(self.block, to_host(gradient.filled)[self.hot], len(sizes))
        self.dimension = int(np.maximum(filled - 1, 0).sum()) + 1


def solved(matrix: Host, values: Host, total: float) -> tuple[Host, Host, Host] | None:
    """Coefficients with a given sum, what is left, their covariance; None where they are not determined."""
    full = np.vstack([matrix, np.ones(matrix.shape[1])])
    right = np.append(values, total)
    left, sizes, back = np.linalg.svd(full, full_matrices=False)
    if (sizes < INDEPENDENT * sizes.max(initial=0)).any() or full.shape[0] < full.shape[1]:
        return None
    shares = back.T @ ((left.T @ right) / sizes)
    return shares, right - full @ shares, (back.T / sizes**2) @ back

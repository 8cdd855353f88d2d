"""Enters: a gradient and its truth. Leaves: how many samples the library could tell, given all zero rows.

A direction whose kernel hangs on the three rows of largest leverage is not taken: it could be any mixture
with near-twins, chosen to vanish on them. Of these only the kernel is known that each group of near-twins
shares, and samples whose directions lie in it cannot be told from them.
"""

import numpy as np

from spear_xp import Problem, reduce, refit, validate
from spear_xp.kernels import kernel_of
from spear_xp.synthetic import LayerGradient
from tests.networks import Floats
from tests.truth import true_recovery

__all__ = ["tellable"]

ALIKE = 0.1  # share of rows on which the masks of near-twins may differ
SAME = 1e-4  # squared sine of the angle between a direction and one that is its own
WITHIN = 1e-6  # the same for a direction in a kernel


def tellable(truth: LayerGradient) -> int:
    """Samples that are told by more than three rows, and apart from those that are not."""
    gradient = validate(*truth.observed)
    problem = reduce(gradient)
    if problem.rank < len(truth.inputs):  # true directions would not be defined
        return 0
    zeros = np.asarray(truth.zero_pattern)[np.asarray(gradient.live)]
    unit = true_recovery(problem, truth.inputs).directions
    unit = unit / np.linalg.norm(unit, axis=0)
    told = np.array([_told(problem, unit[:, k], zeros[:, k]) for k in range(problem.rank)])
    open_ = ~told
    for group in _groups(zeros, open_):
        kernel = kernel_of(problem, problem.rows[zeros[:, group].all(axis=1)])
        open_ |= np.sum((kernel.T @ unit) ** 2, axis=0) > 1 - WITHIN
    return int((~open_).sum())


def _told(problem: Problem, direction: Floats, zero: Floats) -> bool:
    found = refit(problem, direction, zero)
    return found is not None and float(found.direction @ direction) ** 2 > 1 - SAME


def _groups(zeros: Floats, which: Floats) -> list[list[int]]:
    """Some samples in groups whose masks are alike from one to the next."""
    left, groups = [int(k) for k in which.nonzero()[0]], []
    while left:
        group = [left.pop()]
        for member in group:  # grows as it goes
            near = [k for k in left if (zeros[:, k] != zeros[:, member]).mean() < ALIKE]
            group += near
            left = [k for k in left if k not in near]
        groups.append(group)
    return groups

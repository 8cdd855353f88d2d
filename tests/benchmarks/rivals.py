"""Enters: a gradient and its truth. Leaves: which samples another batch with the same gradient does without.

Masks are not given to an attack; they follow from the samples. A rival is a full set of directions that
explains every row, as any basis does, and whose zero patterns and predicted masks contradict each other
nowhere: another batch that leaves this very gradient at these very weights. Samples that it does not hold are
not identifiable. Rivals are looked for near the truth, among the samples that three rows or fewer tell from
others: some of their directions are mixed so as to vanish on other rows, or rows with few active samples are
taken for samples, then masks and directions alternate. That none is found is no proof that there is none.
"""

import numpy as np

from spear_xp import Problem, reduce, refit, validate
from spear_xp.alternation import Alternation, alternate
from spear_xp.kernels import kernel_of
from spear_xp.lone_rows import basis_of
from spear_xp.recovery import recover, to_inputs
from spear_xp.synthetic import LayerGradient
from tests.networks import Floats
from tests.truth import true_recovery

__all__ = ["refuted"]

ALIKE = 0.1  # share of rows on which the masks of near-twins may differ
SAME = 1e-4  # squared sine of the angle between a direction and one that is its own
WITHIN = 1e-6  # the same for a direction in a kernel
TRIES = 1000
STARTS = 16  # of these from rows
MOST = 3  # directions changed at once, and others mixed into each


def refuted(truth: LayerGradient, level: float = 90.0) -> Floats:
    """Samples, shape (b,), that a rival holds only below a PSNR in dB; none where noise blurs the masks."""
    gradient = validate(*truth.observed)
    problem, b = reduce(gradient), len(truth.inputs)
    lost = np.zeros(b, dtype=bool)
    if problem.rank < b:  # true directions would not be defined
        return lost
    zeros = np.asarray(truth.zero_pattern)[np.asarray(gradient.live)]
    unit = true_recovery(problem, truth.inputs).directions
    unit = unit / np.linalg.norm(unit, axis=0)
    open_ = _open(problem, unit, zeros)
    stay, between = unit[:, ~open_], unit[:, open_]
    if between.shape[1] < 2:
        return lost
    beside = stay if stay.shape[1] else None
    true = Alternation.of(problem, between, beside)
    if true is None or true.contradictions:
        return lost
    rng = np.random.default_rng(0)
    space = np.linalg.qr(between).Q
    for seed in range(TRIES):
        rows = seed < STARTS and beside is not None
        start = basis_of(problem, stay, space, seed) if rows else _mixed(problem, between, rng)
        rival = alternate(problem, start, beside=beside)
        if rival is None or rival.contradictions:
            continue
        recovery = recover(problem, np.concatenate([stay, rival.directions], axis=1))
        if recovery is not None:
            lost |= _psnr(truth.inputs, to_inputs(problem, recovery.duals)) < level
    return lost


def _open(problem: Problem, unit: Floats, zeros: Floats) -> Floats:
    """Samples whose direction hangs on three rows, and those that the kernels of these hold."""
    told = np.array([_told(problem, unit[:, k], zeros[:, k]) for k in range(problem.rank)])
    open_ = ~told
    for group in _groups(zeros, open_):
        kernel = kernel_of(problem, problem.rows[zeros[:, group].all(axis=1)])
        open_ |= np.sum((kernel.T @ unit) ** 2, axis=0) > 1 - WITHIN
    return open_


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


def _mixed(problem: Problem, directions: Floats, rng: np.random.Generator) -> Floats:
    """Directions, a few of them mixed with others so as to vanish on rows on which they do not."""
    entries, mixed = problem.rows @ directions, directions.copy()
    zero, count = problem.zeros_of(directions), directions.shape[1]
    for j in rng.permutation(count)[: rng.integers(1, MOST + 1)]:
        others = rng.permutation(np.delete(np.arange(count), j))[: rng.integers(1, MOST + 1)]
        active = (~zero[:, j] & ~zero[:, others].all(axis=1)).nonzero()[0]
        rows = rng.permutation(active)[: len(others)]
        system = entries[rows][:, others]
        if len(rows) == len(others) and np.linalg.matrix_rank(system) == len(rows):
            vector = directions[:, j] - directions[:, others] @ np.linalg.solve(system, entries[rows, j])
            mixed[:, j] = vector / np.linalg.norm(vector)
    return mixed


def _psnr(inputs: Floats, found: Floats) -> Floats:
    """PSNR in dB of the recovered sample next to each true one."""
    true = np.asarray(inputs, dtype=float)
    error = ((true[:, None, :] - np.asarray(found, dtype=float)[None, :, :]) ** 2).mean(axis=2).min(axis=1)
    return 10 * np.log10((true.max() - true.min()) ** 2 / np.maximum(error, 1e-300))

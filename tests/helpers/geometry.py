"""Problems in other coordinates, what a search could know of them, and which true columns proposals hold."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from spear_xp.candidates.refit import filter_directions
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery

SAME = 1e-6  # 1 - |cos| of a candidate and the column that it is


def change_of_basis(problem: Problem, rng: np.random.Generator) -> Floats:
    """M = S O S⁻¹ with a random rotation O, for which U M has the same S and an orthonormal right factor."""
    rotation = np.linalg.qr(rng.standard_normal((problem.rank, problem.rank))).Q
    s = problem.singular_values
    return np.asarray(s[:, None] * rotation / s)


def in_basis(problem: Problem, change: Floats) -> Problem:
    """The problem with left factor U M: q becomes M⁻¹ q and p becomes Mᵀ p, and nothing else moves."""
    back = np.linalg.inv(change)
    s = problem.singular_values[:, None]
    return replace(
        problem,
        rows=problem.rows @ change,
        layer=problem.layer @ back.T,
        dead_layer=problem.dead_layer @ back.T,
        last=back @ problem.last,
        right=(back @ (s * problem.right)) / s,
        unbalance=back @ problem.unbalance,
    )


def directions_in_basis(directions: Floats, change: Floats) -> Floats:
    """Unit directions of the problem as unit directions of `in_basis`."""
    moved = np.linalg.solve(change, directions)
    return np.asarray(moved / np.linalg.norm(moved, axis=0))


def known_samples(
    problem: Problem,
    inputs: Floats,
    found: Sequence[int] = (),
    *,
    solved: Collection[int] = (),
    kernels: Sequence[Sequence[int]] = (),
) -> Known:
    """What a search knows that has found these samples, solved some, and met kernels shared by others."""
    truth = true_recovery(problem, inputs)
    norms = np.linalg.norm(truth.directions, axis=0)
    unit, chosen = truth.directions / norms, list(found)
    coefficients = np.where(problem.zeros_of(unit), 0.0, problem.rows @ unit)
    duals = truth.duals * norms * [k in solved for k in range(len(norms))]
    return Known(
        directions=unit[:, chosen],
        coefficients=coefficients[:, chosen],
        duals=duals[:, chosen],
        solved=tuple(k in solved for k in chosen),
        shared={i: np.linalg.qr(unit[:, list(kernel)]).Q for i, kernel in enumerate(kernels)},
    )


def columns_found(problem: Problem, inputs: Floats, directions: Floats) -> set[int]:
    """Samples whose column of D is among the proposals that pass the filter."""
    truth = true_recovery(problem, inputs).directions
    truth = truth / np.linalg.norm(truth, axis=0)
    samples = set()
    for candidate in filter_directions(problem, directions, threshold=problem.rank + 2):
        cosines = np.abs(truth.T @ candidate.direction)
        if cosines.max() > 1 - SAME:
            samples.add(int(cosines.argmax()))
    return samples

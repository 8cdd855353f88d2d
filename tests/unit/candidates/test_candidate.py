"""A candidate is a direction with its zero rows."""

import numpy as np

from spear_xp.candidates.candidate import Candidate, stacked_directions, stacked_zeros
from spear_xp.reduction.problem import Problem
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.truth import true_recovery


def test_candidates_know_their_zero_rows_and_stack_in_order(problem: Problem, layer: LayerGradient) -> None:
    directions = true_recovery(problem, layer.inputs).directions
    unit = directions / np.linalg.norm(directions, axis=0)
    found = [Candidate.of(problem, column, "truth") for column in unit.T]
    for candidate, column in zip(found, unit.T, strict=True):
        assert candidate.zeros == problem.zeros_of(column).sum() == candidate.zero.sum()
    np.testing.assert_array_equal(stacked_directions(problem, found), unit)
    np.testing.assert_array_equal(stacked_zeros(problem, found), problem.zeros_of(unit))
    assert stacked_directions(problem, []).shape == (problem.rank, 0)
    assert stacked_zeros(problem, []).shape == (problem.width, 0)

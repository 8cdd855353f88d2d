"""Kernels that several samples share: which are kept, offered, and given up."""

import numpy as np
import pytest

from spear_xp.candidates.shared_kernels import OFFERED, SPLITS, SharedKernels
from spear_xp.reduction import Problem
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery


@pytest.fixture
def true(problem: Problem, layer: LayerGradient) -> Floats:
    directions = true_recovery(problem, layer.inputs).directions
    return directions / np.linalg.norm(directions, axis=0)


def span(*columns: Floats) -> Floats:
    return np.linalg.qr(np.stack(columns, axis=1)).Q


def test_a_space_is_kept_once_whatever_its_basis(problem: Problem, true: Floats) -> None:
    shared = SharedKernels(problem)
    shared.add([span(true[:, 0], true[:, 1]), span(true[:, 1], true[:, 0]), true[:, :1]])
    assert len(shared.kernels) == 1  # one dimension is a direction, no kernel to split


def test_kernels_of_known_directions_are_not_offered(problem: Problem, true: Floats) -> None:
    shared = SharedKernels(problem)
    shared.add([span(true[:, 0], true[:, 1]), span(true[:, 2], true[:, 3], true[:, 4])])
    assert list(shared.pending(true[:, :2])) == [1]
    assert list(shared.pending(true[:, :0])) == [0, 1]
    assert shared.pending(true) == {}


def test_the_least_tried_come_first_and_none_for_ever(problem: Problem, true: Floats) -> None:
    shared, none = SharedKernels(problem), true[:, :0]
    shared.add([span(true[:, i], true[:, j]) for i in range(5) for j in range(i + 1, 5)])
    assert len(shared.pending(none)) == OFFERED
    shared.mark_tried((0, 1))
    assert not {0, 1} & set(shared.pending(none))
    for _ in range(SPLITS):
        shared.mark_tried(tuple(range(10)))
    assert shared.pending(none) == {}


def test_vectors_of_a_kernel_that_vanish_nowhere_else_are_mixtures(problem: Problem, true: Floats) -> None:
    shared = SharedKernels(problem)
    shared.add([span(true[:, 0], true[:, 1])])
    mixture = true[:, 0] + 0.7 * true[:, 1]
    asked = np.stack([true[:, 0], mixture / np.linalg.norm(mixture), true[:, 2]], axis=1)
    np.testing.assert_array_equal(shared.unmixed(asked), asked[:, [0, 2]])

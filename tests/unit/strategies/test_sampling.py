import numpy as np
import pytest

from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.truth import sampled, true_recovery


def test_chunks_depend_on_their_number_and_seed_alone(problem: Problem) -> None:
    forward = [sampled(problem, chunk, seed=3, chunk_size=512) for chunk in range(4)]
    backward = [sampled(problem, chunk, seed=3, chunk_size=512) for chunk in reversed(range(4))]
    for one, other in zip(forward, reversed(backward), strict=True):
        np.testing.assert_array_equal(one.directions, other.directions)
        assert one.drawn == other.drawn == 514  # 147 sets of three and a half
    assert forward[0].directions.shape != forward[1].directions.shape or not np.array_equal(
        forward[0].directions, forward[1].directions
    )


def test_proposals_are_unit_directions_of_true_columns(problem: Problem, layer: LayerGradient) -> None:
    truth = true_recovery(problem, layer.inputs).directions
    truth = truth / np.linalg.norm(truth, axis=0)
    found = np.concatenate([sampled(problem, chunk).directions for chunk in range(5)], axis=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1)
    closest = np.abs(truth.T @ found)
    assert ((closest > 1 - 1e-6).any(axis=1)).all()  # every column is found
    assert (closest.max(axis=0) > 1 - 1e-6).mean() > 0.5  # and random directions do not crowd them out


def test_every_backend_sees_the_same_subsets(space: Backend) -> None:
    truth = space.mlp(5, 80, 40)
    problem = reduce(validate(*truth.observed))
    proposals = sampled(problem, 0, chunk_size=252)
    assert proposals.drawn == 252
    assert type(proposals.directions) is type(problem.rows)


def test_kernels_that_a_library_does_not_hand_out_are_passed_over(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = np.linalg.svd

    def turned(matrix: Floats, **options: bool) -> tuple[Floats, Floats, Floats]:
        left, values, right = exact(matrix, **options)
        return left, values, right[:, ::-1, :]

    monkeypatch.setattr("array_api_compat.numpy.linalg.svd", turned)
    found = sampled(problem, 0).directions
    assert found.shape[1]
    assert np.isnan(found).all()

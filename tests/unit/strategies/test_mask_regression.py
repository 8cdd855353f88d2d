import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spear_xp.reduction.problem import Problem
from spear_xp.strategies.mask_regression import MaskRegression, estimated_duals
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers import strategies
from tests.helpers.geometry import columns_found, known_samples
from tests.helpers.networks import Floats
from tests.helpers.settings import reduced

BATCH = 8


def case(seed: int = 0, width: int = 300) -> tuple[LayerGradient, Problem]:
    layer = mlp_gradient(gaussian_inputs(BATCH, 40, rng=seed), width=width, classes=20, rng=seed)
    return layer, reduced(layer)


def complement(directions: Floats) -> Floats:
    return np.linalg.qr(directions, mode="complete").Q[:, directions.shape[1] :]


@settings(max_examples=8)
@given(strategies.seeds, st.integers(1, 3))
def test_masks_settle_the_duals_to_about_a_per_cent(seed: int, missing: int) -> None:
    layer, problem = case(seed)
    known = known_samples(problem, layer.inputs, range(missing, BATCH))
    truth = known_samples(problem, layer.inputs, range(BATCH), solved=range(BATCH)).duals[:, missing:]
    found = estimated_duals(problem, known, complement(known.directions))
    assert found is not None
    np.testing.assert_allclose(known.directions.T @ found, np.eye(BATCH - missing), atol=1e-9)
    scale = np.linalg.norm(truth, axis=0)
    assert np.median(np.linalg.norm(found - truth, axis=0) / scale) < 0.05


def test_duals_that_are_solved_stay_as_they_are() -> None:
    layer, problem = case()
    known = known_samples(problem, layer.inputs, range(2, BATCH), solved=range(5))
    found = estimated_duals(problem, known, complement(known.directions))
    assert found is not None
    np.testing.assert_array_equal(found[:, :3], known.duals[:, :3])
    assert (found[:, 3:] != known.duals[:, 3:]).any(axis=0).all()


def test_a_direction_that_is_no_sample_has_no_dual() -> None:
    """Its zero pattern is no mask."""
    layer, problem = case()
    known = known_samples(problem, layer.inputs, range(2, BATCH))
    pattern = np.random.default_rng(0).random(problem.width) < 0.5
    known.coefficients[:, 0] = np.where(pattern, 0.0, 1.0)
    found = estimated_duals(problem, known, complement(known.directions))
    assert found is not None
    assert not found[:, 0].any()
    assert found[:, 1:].any(axis=0).all()


def test_dependent_directions_have_no_duals() -> None:
    layer, problem = case()
    known = known_samples(problem, layer.inputs, [2, 3, 4, 4])
    assert estimated_duals(problem, known, complement(known.directions)) is None


@pytest.mark.parametrize("missing", [2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_the_samples_that_are_left_are_found(missing: int, seed: int) -> None:
    layer, problem = case(seed)
    known = known_samples(problem, layer.inputs, range(missing, BATCH))
    chunks = [MaskRegression().propose(problem, known, 0, chunk).directions for chunk in range(3)]
    found = columns_found(problem, layer.inputs, np.concatenate(chunks, axis=1))
    assert found >= set(range(missing))


@pytest.mark.parametrize("missing", [0, 1, 5, 8])
def test_only_a_nearly_full_set_is_completed(missing: int) -> None:
    """The last one follows from the others without a guess, and few directions say too little."""
    layer, problem = case()
    known = known_samples(problem, layer.inputs, range(missing, BATCH))
    proposals = MaskRegression().propose(problem, known, 0, 0)
    assert proposals.directions.shape == (BATCH, 0)
    assert proposals.drawn == 0

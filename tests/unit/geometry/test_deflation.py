"""The problem without what is known: what is left of it is the problem of the others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spear_xp.geometry.deflation import complement_of, deflated, remaining_activity
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, planted_problem
from tests.helpers import strategies
from tests.helpers.geometry import known_samples
from tests.helpers.networks import Floats
from tests.helpers.sets import solved

BATCH = 8


def case(seed: int = 0) -> tuple[LayerGradient, Problem, Floats]:
    """A planted layer, its problem and its true unit directions."""
    pattern = np.random.default_rng(seed).random((160, BATCH)) < 0.6
    pattern[pattern.all(axis=1), 0] = False  # no row is dead
    layer = planted_problem(pattern, gaussian_inputs(BATCH, 40, rng=seed), rng=seed)
    return layer, *solved(layer)


def told(layer: LayerGradient, problem: Problem, found: int, solved_ones: int) -> Known:
    return known_samples(problem, layer.inputs, range(found), solved=range(solved_ones))


def span_of(vectors: Floats) -> Floats:
    """Projection onto the span of columns."""
    basis = np.linalg.qr(vectors).Q
    return np.asarray(basis @ basis.T)


@settings(max_examples=8)
@given(strategies.seeds, st.integers(1, 7))
def test_the_complement_of_solved_samples_holds_the_directions_of_the_others(seed: int, count: int) -> None:
    layer, problem, directions = case(seed)
    frame, full = complement_of(problem, told(layer, problem, count, count))
    np.testing.assert_allclose(frame @ frame.T, span_of(directions[:, count:]), atol=1e-4)
    np.testing.assert_allclose(frame.T @ frame, np.eye(BATCH - count), atol=1e-12)
    active = ~problem.zeros_of(directions[:, count:]).all(axis=1)
    assert full[~active].sum() == 0
    assert (full == active).mean() > 0.98  # a row on which next to nothing is left counts as empty


def test_nothing_solved_leaves_everything() -> None:
    layer, problem, _ = case()
    frame, full = complement_of(problem, told(layer, problem, 3, 0))
    np.testing.assert_array_equal(frame, np.eye(BATCH))
    assert full.all()


@pytest.mark.parametrize("count", [0, 3, 7])
def test_remaining_activity_is_the_pre_activation_of_the_mean_of_the_others(count: int) -> None:
    """Weighted mean input Gᵀg / (g·g), G without the known samples."""
    layer, problem, _ = case()
    everyone = known_samples(problem, layer.inputs, range(BATCH), solved=range(BATCH))
    duals, d = everyone.duals[:, :count], everyone.coefficients[:, :count]
    found = remaining_activity(problem, problem.rows - d @ duals.T)
    scale = problem.last @ everyone.duals  # of a column whose sample has last coordinate 1
    left = everyone.coefficients[:, count:] * scale[count:]
    g = left.sum(axis=1)
    weights = left.T @ g / (g @ g)
    mean = weights @ np.c_[layer.inputs, np.ones(BATCH)][count:]
    np.testing.assert_allclose(mean[-1], 1)
    np.testing.assert_allclose(found, layer.weight @ mean[:-1] + layer.bias, atol=1e-4)


@pytest.mark.parametrize("count", [0, 2, 6])
def test_columns_of_the_others_stay_as_sparse_as_they_are(count: int) -> None:
    layer, problem, directions = case()
    known = told(layer, problem, count, count)
    face = deflated(problem, known)
    kept = complement_of(problem, known).full
    y = np.linalg.lstsq(face.lift, directions[:, count:])[0]
    np.testing.assert_allclose(face.lift @ y, directions[:, count:], atol=1e-4)
    zeros = (np.abs(face.rows @ y) < 1e-3 * np.abs(face.rows @ y).max(axis=0)).sum(axis=0)
    np.testing.assert_allclose(zeros, problem.zeros_of(directions)[kept][:, count:].sum(axis=0), atol=2)
    np.testing.assert_allclose(np.sum(face.rows**2, axis=1), (BATCH - count) / kept.sum())


def test_a_share_keeps_the_rows_with_fewest_active_samples() -> None:
    layer, problem, _ = case()
    known = told(layer, problem, 2, 2)
    face = deflated(problem, known, share=0.3)
    full = complement_of(problem, known).full
    activity = remaining_activity(problem, problem.rows - known.coefficients @ known.duals.T)
    order = np.argsort(np.where(full, activity, np.inf))[: int(0.3 * full.sum())]
    rows = problem.rows[order] @ face.lift
    rows *= np.linalg.norm(face.rows, axis=1, keepdims=True) / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(face.rows, rows, atol=1e-9)


def test_starts_keep_away_from_what_is_found_but_not_solved() -> None:
    layer, problem, directions = case()
    face = deflated(problem, told(layer, problem, 5, 2))
    assert face.avoid is not None
    np.testing.assert_allclose(face.avoid.T @ face.avoid, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(span_of(face.lift @ face.avoid), span_of(directions[:, 2:5]), atol=1e-4)
    assert deflated(problem, told(layer, problem, 2, 2)).avoid is None


def test_the_layer_tells_the_masks_of_unknown_samples() -> None:
    layer, problem, directions = case()
    known = told(layer, problem, 4, 2)
    face = deflated(problem, known)
    z = layer.inputs[4:] @ layer.weight.T + layer.bias
    order = np.argsort(remaining_activity(problem, problem.rows - known.coefficients @ known.duals.T))
    chosen = order[complement_of(problem, known).full[order]]
    possible = face.layer.basis @ (face.layer.basis.T @ z.T[chosen])
    np.testing.assert_allclose(possible, z.T[chosen], atol=1e-4)  # the truth is one of the possible ones
    within = face.layer.basis @ (face.layer.basis.T @ face.layer.implied)
    np.testing.assert_allclose(within, face.layer.implied, atol=1e-9)  # and so is what any iterate implies
    y = np.linalg.lstsq(face.lift, directions[:, 4:])[0]
    predicted = face.predict(np, y / np.linalg.norm(y, axis=0))
    assert ((predicted > 0) == (z.T[chosen] > 0)).mean() > 0.85


def test_nothing_is_left_where_every_sample_is_solved() -> None:
    layer, problem, _ = case()
    known = told(layer, problem, BATCH, BATCH)
    assert deflated(problem, known).rows.shape == (160, 0)
    assert not complement_of(problem, known).full.any()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.geometry.directions import columns_of, in_span
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.truth import true_recovery


@given(strategies.seeds, st.integers(1, 5))
def test_directions_in_a_span_are_kept_in_their_order(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((7, 7))).Q
    inside = basis[:, :size] @ rng.standard_normal((size, 12))
    inside /= np.linalg.norm(inside, axis=0)
    angle = np.tile([0.0, 1e-4, 1e-2], 4)  # from the span; up to 1e-3 counts as none
    directions = np.cos(angle) * inside + np.sin(angle) * basis[:, [size]]
    np.testing.assert_array_equal(in_span(np, basis[:, :size], directions), directions[:, angle < 1e-3])


def test_no_directions_lie_in_no_span() -> None:
    basis = np.eye(4)[:, :2]
    assert in_span(np, basis, np.eye(4)[:, 2:]).shape == (4, 0)
    assert in_span(np, basis, np.zeros((4, 0))).shape == (4, 0)


def test_columns_are_those_of_d_with_exact_zeros(precise_layer: LayerGradient) -> None:
    """D follows from gradient and inputs by least squares."""
    problem = reduce(validate(*precise_layer.observed))
    directions = true_recovery(problem, precise_layer.inputs).directions
    live = validate(*precise_layer.observed).live
    gradient = np.c_[precise_layer.grad_w, precise_layer.grad_b][live]
    d = np.linalg.lstsq(np.c_[precise_layer.inputs, np.ones(6)].T, gradient.T)[0].T
    d /= np.linalg.norm(gradient, axis=1, keepdims=True)
    columns = columns_of(problem, directions, problem.zeros_of(directions))
    np.testing.assert_allclose(columns, d, atol=1e-12)
    np.testing.assert_array_equal(columns == 0, precise_layer.zero_pattern[live])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_columns_vanish_where_they_are_told_to(space: Backend, share: float) -> None:
    problem = reduce(validate(*space.mlp(5, 80, 40).observed))
    rng = np.random.default_rng(0)
    directions, zero = rng.standard_normal((5, 4)), rng.random((problem.width, 4)) < share
    found = columns_of(problem, problem.space.asarray(directions), space.asarray(zero))
    expected = np.where(zero, 0, space.to_numpy(problem.rows) @ directions)
    np.testing.assert_allclose(space.to_numpy(found), expected, atol=1e-5)
    assert (space.to_numpy(found)[zero] == 0).all()

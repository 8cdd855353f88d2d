"""Mask alternation: it never makes a set worse, and does not depend on order, scale or basis."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spear_xp.recovery.alternation import alternate
from spear_xp.recovery.mask_fit import MaskFit
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers import strategies
from tests.helpers.geometry import change_of_basis, directions_in_basis, in_basis
from tests.helpers.networks import Floats
from tests.helpers.truth import true_recovery

layers = strategies.synthetic_layers(largest_batch=8, dtype="float64")


def polluted(layer: LayerGradient, rng: np.random.Generator) -> tuple[Problem, Floats]:
    """A problem, and its true directions with a bit of others in some of them."""
    problem = reduce(validate(*layer.observed))
    true = true_recovery(problem, layer.inputs).directions
    true = true / np.linalg.norm(true, axis=0)
    b = problem.rank
    share = 0.3 * rng.standard_normal((b, b)) * (rng.random((b, b)) < 0.3)
    found = true @ (np.eye(b) + share)
    return problem, found / np.linalg.norm(found, axis=0)


@settings(max_examples=15)
@given(layers, strategies.seeds, st.sampled_from([1.0, 0.125]))
def test_contradictions_never_rise(layer: LayerGradient, seed: int, faint: float) -> None:
    problem, start = polluted(layer, np.random.default_rng(seed))
    before = MaskFit.of(problem, start, faint=faint)
    after = alternate(problem, start, faint=faint, tries=3, seed=seed)
    if before is None:
        assert after is None
        return
    assert after is not None
    assert after.total_contradictions <= before.total_contradictions
    assert after.order <= before.order
    assert after.faint == faint


@settings(max_examples=15)
@given(layers, strategies.seeds)
def test_directions_beside_stay_and_others_keep_their_space(layer: LayerGradient, seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem, start = polluted(layer, rng)
    if problem.rank < 3:
        return
    k = int(rng.integers(1, problem.rank - 1))
    found = alternate(problem, start[:, k:], beside=start[:, :k], tries=3, seed=seed)
    if found is None:
        return
    space = np.linalg.qr(start[:, k:]).Q
    np.testing.assert_allclose(np.sum((space.T @ found.directions) ** 2, axis=0), 1.0, atol=1e-9)
    np.testing.assert_allclose(start[:, :k].T @ (found.frame @ found.duals), 0.0, atol=1e-8)


@settings(max_examples=15)
@given(layers, strategies.seeds)
def test_what_contradicts_depends_on_neither_order_nor_scale_nor_basis(
    layer: LayerGradient, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    problem, start = polluted(layer, rng)
    order = rng.permutation(problem.rank)
    change = change_of_basis(problem, rng)
    one = MaskFit.of(problem, start)
    shuffled = MaskFit.of(problem, start[:, order] * rng.choice([-1.0, 1.0], problem.rank))
    turned = MaskFit.of(in_basis(problem, change), directions_in_basis(start, change))
    scale = 2.0 ** rng.integers(-3, 4, len(problem.rows))
    scaled = replace(problem, rows=problem.rows * scale[:, None], row_noise=problem.row_noise * scale)
    again = MaskFit.of(scaled, start)
    assert (one is None) == (shuffled is None) == (again is None)
    if one is None or shuffled is None or turned is None or again is None:
        return
    np.testing.assert_array_equal(one.contradictions[order], shuffled.contradictions)
    np.testing.assert_array_equal(one.contradictions, again.contradictions)
    assert np.abs(one.contradictions - turned.contradictions).max() <= 2  # entries next to a limit

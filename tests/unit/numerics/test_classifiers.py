import numpy as np
import pytest
from hypothesis import given
from scipy.optimize import minimize

from spear_xp.numerics.classifiers import hyperplanes, logistic
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.networks import Floats


def orthonormal(m: int, d: int, seed: int = 0) -> Floats:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((m, d))).Q


def masks(m: int, d: int, count: int, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Features of mean square one, unit hyperplanes, and the signs of rows on their two sides."""
    rng = np.random.default_rng(seed)
    features = m**0.5 * orthonormal(m, d, seed)
    planes = rng.standard_normal((d, count))
    planes /= np.linalg.norm(planes, axis=0)
    return features, planes, np.where(features @ planes > 0, 1.0, -1.0)


def hinge_loss(plane: Floats, basis: Floats, label: Floats, counts: Floats) -> float:
    short = counts * np.maximum(1 - label * (basis @ plane), 0)
    return float(short @ short)


@given(strategies.seeds)
def test_sign_patterns_with_a_hyperplane_are_separated(seed: int) -> None:
    features, _, label = masks(120, 5, 6, seed)
    margins = hyperplanes(np, features / 120**0.5, label, np.ones_like(label), 600)
    assert (margins * label > 0).mean(axis=0).min() > 0.98  # rows next to the boundary come last


def test_the_loss_is_as_small_as_a_general_minimiser_makes_it() -> None:
    rng = np.random.default_rng(0)
    basis, label = orthonormal(80, 5), rng.choice([-1.0, 1.0], (80, 4))  # no hyperplane separates these
    counts = (rng.random((80, 4)) < 0.8).astype(float)
    margins = hyperplanes(np, basis, label, counts, 300)
    for k in range(4):
        case = basis, label[:, k], counts[:, k]
        best = minimize(hinge_loss, np.zeros(5), args=case, method="L-BFGS-B", options={"ftol": 1e-15})
        plane = basis.T @ margins[:, k]  # margins lie in the span of the basis
        np.testing.assert_allclose(basis @ plane, margins[:, k], atol=1e-12)
        assert hinge_loss(plane, *case) < best.fun * (1 + 1e-6)


def test_rows_that_do_not_count_and_other_patterns_change_nothing() -> None:
    rng = np.random.default_rng(1)
    basis, label = orthonormal(60, 4), rng.choice([-1.0, 1.0], (60, 3))
    counts = (rng.random((60, 3)) < 0.7).astype(float)
    margins = hyperplanes(np, basis, label, counts, 50)
    other = np.where(counts > 0, label, -label)
    np.testing.assert_array_equal(hyperplanes(np, basis, other, counts, 50), margins)
    alone = hyperplanes(np, basis, label[:, 1:2], counts[:, 1:2], 50)
    np.testing.assert_allclose(alone, margins[:, 1:2], atol=1e-12)


def test_newton_steps_find_the_hyperplane_behind_signs(space: Backend) -> None:
    features, planes, _ = masks(2000, 4, 5)
    offset = 0.8 * np.random.default_rng(3).standard_normal((2000, 5))
    label = np.where(offset + features @ planes > 0, 1.0, -1.0)
    found, wrong = logistic(space.xp, *space.arrays(offset, features, label))
    assert np.abs(space.to_numpy(found) - planes).max() < 0.02
    assert space.to_numpy(wrong).max() < 0.005


@pytest.mark.parametrize("flipped", [0, 30, 200])
def test_the_share_of_wrong_signs_is_counted(flipped: int) -> None:
    """Flipped signs, for the most part: no hyperplane gets those right."""
    features, _, label = masks(1000, 4, 3)
    for k in range(3):
        label[np.random.default_rng(k).choice(1000, flipped, replace=False), k] *= -1
    found, wrong = logistic(np, np.zeros_like(label), features, label)
    np.testing.assert_allclose(wrong, (label * (features @ found) <= 0).mean(axis=0))
    np.testing.assert_allclose(wrong, flipped / 1000, atol=0.04)

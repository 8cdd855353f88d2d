import numpy as np
import pytest

from spear_xp.numerics.backend import space_of
from spear_xp.numerics.cuda.descent import WIDEST, advance, fused_advance, pull, size, weighted_signs
from spear_xp.numerics.linalg import outside
from tests.conftest import Backend


def test_signs_take_the_weight_of_their_row(space: Backend) -> None:
    residual, weights = space.arrays(np.array([[0.5, -2.0], [0.0, 3.0]]), np.array([[2.0], [0.25]]))
    found = space.to_numpy(weighted_signs(space.xp, residual, weights))
    np.testing.assert_array_equal(found, [[2.0, -2.0], [0.25, 0.25]])


@pytest.mark.parametrize("known", [0, 3])
def test_a_step_goes_downhill_and_keeps_the_norm_outside_of_what_is_avoided(known: int) -> None:
    rng = np.random.default_rng(0)
    avoid = np.linalg.qr(rng.standard_normal((8, known)))[0] if known else None
    current = rng.standard_normal((8, 5))
    current /= size(np, outside(avoid, current))
    free, slope = outside(avoid, current), rng.standard_normal((8, 5))
    moved, rest = advance(np, current, free, slope, 0 * slope, avoid, 1e-4)
    np.testing.assert_allclose(rest, outside(avoid, moved))
    np.testing.assert_allclose((rest**2).sum(axis=0), 1)

    def objective(q: np.ndarray) -> np.ndarray:
        return (slope * q).sum(axis=0) / np.linalg.norm(outside(avoid, q), axis=0)

    assert (objective(moved) < objective(current)).all()


def test_a_step_on_every_backend(space: Backend) -> None:
    rng = np.random.default_rng(1)
    vectors, slope, way = rng.standard_normal((3, 6, 4))
    vectors /= size(np, vectors)
    here = space.arrays(vectors, vectors, slope, way)
    found, _ = advance(space_of(here[0]).xp, *here, None, 0.3)
    expected, _ = advance(np, vectors, vectors, slope, way, None, 0.3)
    np.testing.assert_allclose(space.to_numpy(found), expected, atol=1e-5)


def test_more_coordinates_than_fit_are_left_to_arrays() -> None:
    rng = np.random.default_rng(0)
    current, slope = rng.standard_normal((2, WIDEST + 1, 3)).astype("float32")
    launched = fused_advance(lambda unit: pytest.fail(f"{unit} is compiled"))
    for one, other in zip(
        launched(np, current, current, slope, slope, None, 0.1),
        advance(np, current, current, slope, slope, None, 0.1),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_pull_is_across_its_iterate_and_as_long_as_it_is_told() -> None:
    way, current, slope = np.random.default_rng(0).standard_normal((3, 9, 4))
    current /= size(np, current)
    strength = np.array([0.3, -0.3, 1.0, 2.0])
    pulled = pull(np, way, current, slope, strength)
    np.testing.assert_allclose((pulled * current).sum(axis=0), 0, atol=1e-12)
    across = slope - current * (current * slope).sum(axis=0)
    np.testing.assert_allclose(size(np, pulled), np.abs(strength) * size(np, across))
    assert (np.sign((pulled * way).sum(axis=0)) == np.sign(strength)).all()

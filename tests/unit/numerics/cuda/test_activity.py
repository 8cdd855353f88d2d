import numpy as np

from spear_xp.numerics.cuda.activity import SATURATED, conflicts, look, mask_weights, mixed
from tests.conftest import Backend


def test_pre_activations_get_the_sign_that_small_residuals_ask_for() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 4))
    residual = np.where(z > 0, rng.standard_normal((200, 4)), 1e-3)
    for turn in (1, -1):
        seen = look(np, residual, turn * z)
        assert (turn * seen.share > 0).all()
        np.testing.assert_allclose(np.abs(seen.share) * np.abs(z).mean(axis=0), 0.5)


def test_loud_rows_count_like_any_active_one() -> None:
    residual = np.array([[0.0], [0.1], [100.0]])
    seen = look(np, residual, np.ones((3, 1)))
    limit = SATURATED * np.abs(residual).mean()
    np.testing.assert_allclose(seen.flat, [[0.0], [0.1], [limit]])
    np.testing.assert_allclose(seen.level, seen.flat.mean(axis=0))


def test_rows_called_inactive_by_both_sources_weigh_most() -> None:
    z, fitted = np.array([[-1.0], [1.0], [-1.0], [1.0]]), np.array([[-9.0], [9.0], [9.0], [-9.0]])
    share = np.array([0.5])
    np.testing.assert_allclose(mixed(np, z, fitted, share)[:, 0], [-1, 1, 0, 0])
    weights = mask_weights(np, z, fitted, share, 0.2)[:, 0]
    np.testing.assert_allclose(weights, 1 / (1 + np.exp([-5, 5, 0, 0])))
    assert (mask_weights(np, 1e9 * z, fitted, share, 0.2) > 0).all()


def test_a_look_on_every_backend(space: Backend) -> None:
    residual, z, fitted = np.random.default_rng(1).standard_normal((3, 9, 4))
    here = space.arrays(residual, z, fitted)
    seen, expected = look(space.xp, *here[:2]), look(np, residual, z)
    for one, other in zip(seen, expected, strict=True):
        np.testing.assert_allclose(space.to_numpy(one), other, atol=1e-5)
    found = mask_weights(space.xp, here[1], here[2], seen.share, 0.4)
    np.testing.assert_allclose(
        space.to_numpy(found), mask_weights(np, z, fitted, expected.share, 0.4), atol=1e-5
    )


def test_conflicts_are_residuals_of_rows_that_count_without_their_mean() -> None:
    residual, weights = np.array([[-1.0], [3.0], [5.0]]), np.array([[1.0], [1.0], [0.0]])
    np.testing.assert_allclose(conflicts(np, residual, weights), [[-1.0], [1.0], [0.0]])

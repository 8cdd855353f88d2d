import numpy as np

from spear_xp.numerics.cuda.hinge import accelerate, shortfall
from tests.conftest import Backend


def test_margins_are_short_on_the_side_of_their_label_alone() -> None:
    label = np.array([1.0, 1.0, -1.0, -1.0, 1.0])
    margin = np.array([0.2, 3.0, -0.5, -2.0, 0.0])
    least, most = np.array([0, 0, -np.inf, -np.inf, 0]), np.array([np.inf, np.inf, 0, 0, 0])
    np.testing.assert_allclose(shortfall(np, label, margin, least, most), [0.8, 0, -0.5, 0, 0])


def test_a_step_goes_on_in_its_direction(space: Backend) -> None:
    ahead, pull, before = np.random.default_rng(0).standard_normal((3, 4, 2))
    here = space.arrays(ahead, pull, before)
    current, further = (space.to_numpy(a) for a in accelerate(space.xp, *here, 0.5))
    np.testing.assert_allclose(current, ahead + pull, atol=1e-6)
    np.testing.assert_allclose(further - current, 0.5 * (current - before), atol=1e-6)

"""True samples among random points confirm each other."""

import numpy as np

from spear_xp.numerics.work import forever
from spear_xp.overcomplete.flats.confirmation import confirmed, first_group
from tests.helpers.tables import centred_table
from tests.unit.overcomplete.flats.test_hyperplanes import problem_of


def test_samples_confirm_each_other_and_random_points_do_not() -> None:
    table = centred_table(width=1500)
    problem = problem_of(table)
    points = problem.points(table.inputs)
    wrong = problem.points(np.random.default_rng(7).standard_normal((3, 8)))
    group = first_group(problem, np.concatenate([points[:8], wrong]), 0, forever)
    assert group is not None
    assert group.excess == len(points) - problem.dimension + 1
    near = np.linalg.norm(group.points[:, None] - points[None], axis=2).min(axis=1)
    assert len(near) >= 6
    assert near.max() == 0
    for plane in group.kernels:
        assert (abs(points @ plane) < 1e-8).sum() == problem.dimension - 1
    more = confirmed(problem, group, np.concatenate([points[8:], wrong]), 0, forever)
    assert len(more.points) >= len(group.points) + 2
    assert np.linalg.norm(more.points[:, None] - points[None], axis=2).min(axis=1).max() == 0
    assert more.kernels


def test_random_points_make_no_group() -> None:
    problem = problem_of(centred_table())
    wrong = problem.points(np.random.default_rng(7).standard_normal((8, 8)))
    assert first_group(problem, wrong, 0, forever) is None

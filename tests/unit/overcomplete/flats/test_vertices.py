"""Points from true hyperplanes of a small centred batch."""

import itertools

import numpy as np

from spear_xp.overcomplete.flats.hyperplanes import White, kernel
from spear_xp.overcomplete.flats.vertices import refined, vertices
from tests.helpers.tables import centred_table
from tests.unit.overcomplete.flats.test_hyperplanes import problem_of

Planes = tuple[White, np.ndarray, np.ndarray, np.ndarray]


def planes_of() -> Planes:
    table = centred_table()
    problem = problem_of(table)
    white, points = White(problem), problem.points(table.inputs)
    active = problem.layer @ points.T > 0
    excess = len(points) - problem.dimension + 1
    found = [
        kernel(problem, ~active[:, list(chosen)].any(axis=1))
        for chosen in itertools.combinations(range(len(points)), excess)
    ]
    planes = np.asarray([plane for plane in found if plane is not None])
    return white, planes, np.asarray([white.inside(plane) for plane in planes]), points


def distances_of(found: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(found[:, None] - points[None], axis=2)


def test_points_of_most_hyperplanes_are_samples() -> None:
    white, planes, holds, points = planes_of()
    found = vertices(white, planes, holds, points[:0], 0)
    near = distances_of(found, points)
    assert (near.min(axis=0) < 1e-6).sum() >= 6
    again = vertices(white, planes, holds, points[:6], 0)
    assert distances_of(again, points[:6]).min() > 1e-2


def test_rough_points_become_exact_and_wrong_ones_are_left_out() -> None:
    white, planes, holds, points = planes_of()
    rng = np.random.default_rng(0)
    rough = points[:3] + 1e-3 * rng.standard_normal(points[:3].shape)
    wrong = rng.standard_normal((1, points.shape[1]))
    wrong /= wrong @ white.problem.last
    found, bars = refined(white, planes, holds, np.concatenate([rough, wrong]))
    errors = distances_of(found, points).min(axis=1) / points.shape[1] ** 0.5
    assert len(found) >= 3
    assert (errors < bars).all()
    np.testing.assert_allclose(found[:3], points[:3], atol=1e-8)
    assert (bars < 1e-8).all()

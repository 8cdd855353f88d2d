"""Rough points become as accurate as their rows allow."""

import numpy as np

from spear_xp.overcomplete.flats.polish import polish
from spear_xp.overcomplete.known import KnownPoints
from tests.helpers.tables import centred_table
from tests.unit.overcomplete.flats.test_hyperplanes import problem_of


def test_rough_points_become_accurate() -> None:
    table = centred_table()
    problem = problem_of(table)
    known, truth = KnownPoints(problem), problem.points(table.inputs)
    rng = np.random.default_rng(0)
    for point in truth:
        known.add_rough(point + 1e-8 * rng.standard_normal(point.shape), np.asarray(3e-8))
    polish(known)
    errors = np.sqrt(((known.points - truth) ** 2).mean(axis=1))
    assert np.median(errors) < 1e-11
    assert (errors < 6 * known.bars).all()

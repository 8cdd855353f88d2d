"""First points of centred batches, and of those that have none."""

import numpy as np
import pytest

from spear_xp.numerics.work import OutOfTime
from spear_xp.overcomplete.flats.opening import first_points
from tests.helpers.tables import centred_table, small_table
from tests.unit.overcomplete.flats.test_hyperplanes import problem_of


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_most_samples_of_a_centred_batch_come_back(dtype: str) -> None:
    table = centred_table(dtype=dtype)
    problem, counted = problem_of(table), []
    found = first_points(problem, count=counted.append)
    assert found is not None
    points, bars = found
    truth = problem.points(table.inputs.astype(float))
    near = np.sqrt(((points[:, None] - truth[None]) ** 2).mean(axis=2))
    assert len(set(near.argmin(axis=1))) >= 7
    assert (near.min(axis=1) < 6 * bars).all()
    assert sum(counted) > 0


def test_too_many_samples_give_none() -> None:
    assert first_points(problem_of(centred_table(batch=40, width=300))) is None


def test_without_time_it_stops() -> None:
    with pytest.raises(OutOfTime):
        first_points(problem_of(small_table()), lambda: False)

"""Even coordinates: samples become points, rows lie in spans of active points."""

import numpy as np
import pytest

from spear_xp import errors
from spear_xp.overcomplete.problem import OvercompleteProblem, reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import Table, small_table, table_gradient, with_inputs


def reduced(table: Table) -> OvercompleteProblem:
    return reduce_overcomplete(validate(*table.observed))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_lie_in_the_span_of_active_points_within_their_noise(dtype: str) -> None:
    table = small_table(dtype=dtype)
    problem = reduced(table)
    points = problem.points(table.inputs.astype(float))
    np.testing.assert_allclose(points @ problem.last, 1.0)
    np.testing.assert_allclose(problem.inputs(points), table.inputs, atol=1e-12)
    active = problem.layer @ points.T > 0
    signs = (table.inputs @ table.weight.T + table.bias).T[problem.live] > 0
    assert (active == signs).all()
    shares = []
    for row in np.flatnonzero(active.sum(axis=1) <= problem.dimension - 2):
        basis = np.linalg.qr(points[active[row]].T).Q
        left = problem.rows[row] - basis @ (basis.T @ problem.rows[row])
        freedom = problem.dimension - active[row].sum()
        shares.append(np.linalg.norm(left) / problem.noise[row] / freedom**0.5)
    assert len(shares) > 20
    assert np.median(shares) < 1
    assert max(shares) < 6


def test_one_hot_blocks_lower_the_dimension() -> None:
    """Each block adds up to one, which the bias coordinate says already; absent categories are zero."""
    table = table_gradient("one-hot", 128, 600, seed=0)
    problem = reduced(table)
    extended = np.c_[table.inputs.astype(float), np.ones(len(table.inputs))]
    assert problem.dimension == np.linalg.matrix_rank(extended) < table.inputs.shape[1] - 6
    np.testing.assert_allclose(
        problem.inputs(problem.points(table.inputs.astype(float))), table.inputs, atol=1e-6
    )


def test_a_constant_column_is_known() -> None:
    table = small_table()
    inputs = table.inputs.copy()
    inputs[:, 2] = 0.25
    table = with_inputs(inputs)
    problem = reduced(table)
    assert problem.dimension == inputs.shape[1]
    np.testing.assert_allclose(problem.inputs(problem.points(inputs.astype(float)))[:, 2], 0.25, rtol=1e-6)


def test_more_rows_than_dimensions_are_needed() -> None:
    with pytest.raises(errors.RankError, match="live rows in"):
        reduced(small_table(width=6))


def test_error_bars_of_inputs_follow_from_a_covariance() -> None:
    table = small_table()
    problem = reduced(table)
    bar = problem.bar_of_inputs(1e-6 * np.eye(problem.dimension))
    assert bar == pytest.approx(1e-3 * np.sqrt((problem.spread**2).mean()), rel=1e-6)


def test_single_precision_is_seen_in_doubles() -> None:
    table = small_table()
    doubles = Table(*(array.astype("float64") for array in table.observed), table.inputs)
    assert reduced(doubles).unit_roundoff == reduced(table).unit_roundoff == 2.0**-24
    assert reduced(small_table(dtype="float64")).unit_roundoff == 2.0**-53


def test_copies_of_a_neuron_count_once() -> None:
    table = small_table()
    twice = Table(*(np.concatenate([array, array[:30]]) for array in table.observed), table.inputs)
    problem = reduced(twice)
    assert problem.first.sum() + problem.first_dead.sum() == len(table.weight)
    assert (problem.first[problem.live < len(table.weight)]).all()

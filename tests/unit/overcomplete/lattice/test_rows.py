"""Rows with one-hot groups, on the host."""

import numpy as np

from spear_xp.overcomplete.lattice.rows import OneHotRows, solved
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import FEW_KINDS, few_categories, with_inputs


def test_rows_are_parted_by_kind_of_column() -> None:
    records = few_categories(np.random.default_rng(0), 30).astype("float32")
    gradient = validate(*with_inputs(records, width=900).observed)
    problem = reduce_overcomplete(gradient)
    rows = OneHotRows(problem, gradient, FEW_KINDS)
    assert rows.hot.tolist() == list(range(24))
    assert rows.other.tolist() == [24, 25]
    assert [own.tolist() for own in rows.blocks[:2]] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert rows.dimension == 6 * 3 + 1
    assert rows.categories.shape == (problem.width, 24)
    sums = rows.categories.reshape(problem.width, 6, 4).sum(axis=2)  # a group adds up to the bias gradient
    assert np.allclose(sums, rows.sums[:, None], rtol=0, atol=30 * rows.noise.max())


def test_coefficients_are_determined_or_none() -> None:
    matrix = np.asarray([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = solved(matrix, matrix @ np.asarray([2.0, -1.0]), 1.0)
    assert found is not None
    assert np.allclose(found[0], [2.0, -1.0])
    assert np.allclose(found[1], 0.0)
    assert solved(np.ones((3, 2)), np.ones(3), 1.0) is None
    assert solved(np.ones((0, 2)), np.ones(0), 1.0) is None

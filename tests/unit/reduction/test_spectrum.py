from typing import Any

import numpy as np
import pytest

from spear_xp.reduction.gradient import validate
from spear_xp.reduction.row_operator import RowOperator
from spear_xp.reduction.spectrum import LONG, first_count, is_long, leading, with_right_factors
from tests.helpers.matrices import low_rank
from tests.helpers.networks import Floats


def operator(matrix: Floats) -> Any:
    checked = validate(
        matrix[:, :-1].copy(), matrix[:, -1].copy(), matrix[:, :-1].copy(), matrix[:, -1].copy()
    )
    return RowOperator(checked, np.ones(len(checked.live)))


def noisy(m: int, n: int, rank: int, level: float) -> Floats:
    rng = np.random.default_rng(0)
    return low_rank(rng, m, n, rank) + level * rng.standard_normal((m, n))


@pytest.mark.parametrize(("m", "n", "count"), [(300, 400, 20), (300, 400, 250), (40, 400, 20), (400, 40, 30)])
def test_leading_triplets_are_those_of_a_full_decomposition(m: int, n: int, count: int) -> None:
    matrix = noisy(m, n, 8, 1e-6)
    found = leading(operator(matrix), count)
    values = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(found.values[:8], values[:8], rtol=1e-9)
    np.testing.assert_allclose((found.left[:, :8] * found.values[:8]) @ found.right[:8], matrix, atol=1e-5)


@pytest.mark.parametrize("count", [20, 400])
def test_what_lies_beyond_is_the_residual_of_each_row(count: int) -> None:
    matrix = noisy(300, 400, 8, 1e-3)
    found = leading(operator(matrix), count)
    rest = matrix - found.left[:, :8] @ (found.left[:, :8].T @ matrix)
    np.testing.assert_allclose(found.beyond(np, 8), np.linalg.norm(rest, axis=1), rtol=0.03)


def test_long_rows_get_their_right_factors_later() -> None:
    rows = operator(noisy(60, LONG + 500, 5, 1e-6).astype("float32"))
    assert is_long(rows)
    assert not is_long(operator(noisy(60, 500, 5, 1e-6).astype("float32")))
    found = leading(rows, first_count(rows))
    assert found.right is None
    whole = with_right_factors(rows, found, 5)
    np.testing.assert_allclose(whole.right @ whole.right.T, np.eye(5), atol=1e-6)
    assert with_right_factors(rows, whole, 3) is whole


def test_rows_in_double_precision_are_never_long() -> None:
    assert not is_long(operator(noisy(10, LONG + 500, 5, 1e-6)))


def test_columns_that_are_all_zero_add_no_triplets() -> None:
    matrix = np.zeros((90, 60))
    matrix[:, 5:35] = noisy(90, 30, 4, 1e-6)
    matrix[:, -1] = matrix[:, 5]
    found = leading(operator(matrix), 200)
    assert found.values.shape == (31,)
    assert not found.right[:, :5].any()

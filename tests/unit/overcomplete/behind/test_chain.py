"""What the layers behind send back, against the gradients of a network."""

from typing import Any

import numpy as np
import pytest

from spear_xp.errors import ArgumentRangeError, DtypeError, NonFiniteError, ShapeError, SpearError
from spear_xp.overcomplete.behind.chain import chain_of
from tests.helpers.networks import network


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5)])
def test_columns_of_the_gradient(hidden: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    net = network((4, 9, *hidden, 3), rng, "float64")
    inputs, labels = rng.standard_normal((5, 4)), rng.integers(0, 3, 5)
    chain = chain_of(list(zip(net.weights[1:], net.biases[1:], strict=True)), 9, 5)
    assert chain is not None
    assert chain.labels == 3
    active = np.maximum(inputs @ net.weights[0].T + net.biases[0], 0)
    slopes = chain.slopes(active)[np.arange(5), labels]
    columns = (slopes @ chain.weights[0]) * (active > 0)
    np.testing.assert_allclose(columns.T @ inputs, net.gradients(inputs, labels)[0][0], atol=1e-15)


def test_a_single_output_is_a_sigmoid() -> None:
    rng = np.random.default_rng(1)
    weight, bias, hidden = rng.standard_normal((1, 3)), rng.standard_normal(1), rng.uniform(size=(2, 3))
    single = chain_of([(weight, bias)], 3, 1)
    double = chain_of([(np.vstack([0 * weight, weight]), np.append(0, bias))], 3, 1)
    assert single is not None
    assert double is not None
    assert single.labels == double.labels == 2
    np.testing.assert_allclose(
        single.slopes(hidden) @ single.weights[0], double.slopes(hidden) @ double.weights[0], atol=1e-15
    )


def test_nothing_is_behind_where_nothing_is_said() -> None:
    assert chain_of(None, 3, None) is None


@pytest.mark.parametrize(
    ("behind", "batch_size", "error", "words"),
    [
        ([(np.ones((2, 3)), np.ones(2))], None, ArgumentRangeError, "batch_size=None"),
        ([(np.ones((2, 3)), np.ones(2))], 0, ArgumentRangeError, "batch_size=0"),
        ([], 4, ArgumentRangeError, "empty"),
        ([(np.ones((2, 3)), np.ones(2))], "4", ArgumentRangeError, "batch_size='4'"),
        (4, 4, ArgumentRangeError, "behind is of type int: need"),
        ([4], 4, ArgumentRangeError, r"behind\[0\] is of type int: need a pair"),
        ([(np.ones((2, 3)),)], 4, ArgumentRangeError, "pair"),
        ([(np.ones((2, 3)), None)], 4, DtypeError, r"behind\[0\] holds object"),
        ([(np.ones((2, 3)) + 1j, np.ones(2))], 4, DtypeError, "complex128: need arrays of real"),
        ([(np.ones((2, 4)), np.ones(2))], 4, ShapeError, r"need \(h, 3\)"),
        ([(np.ones((0, 3)), np.ones(0))], 4, ShapeError, r"\(0, 3\) and \(0,\)"),
        ([(np.ones((2, 3)), np.ones(3))], 4, ShapeError, r"behind\[0\]"),
        ([(np.ones((2, 3)), np.ones(2)), (np.ones((2, 3)), np.ones(2))], 4, ShapeError, r"behind\[1\]"),
        ([(np.full((2, 3), np.nan), np.ones(2))], 4, NonFiniteError, "NaN"),
    ],
)
def test_what_does_not_follow(behind: Any, batch_size: Any, error: type[SpearError], words: str) -> None:
    with pytest.raises(error, match=words):
        chain_of(behind, 3, batch_size)

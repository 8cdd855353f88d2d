"""Sizes and labels of planted samples, from their columns of D alone."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.certification.behind.columns import HERE, NEAR, Columns, _valleys
from spear_xp.overcomplete.behind.chain import chain_of
from tests.helpers.networks import Floats, network


def planted(size: float, sizes: tuple[int, ...] = (6, 40, 5)) -> tuple[Columns, Floats]:
    """Samples that are given so many times too small, with their columns."""
    rng = np.random.default_rng(3)
    net = network(sizes, rng, "float64")
    inputs, labels = rng.standard_normal((4, sizes[0])), rng.integers(0, sizes[-1], 4)
    chain = chain_of(list(zip(net.weights[1:], net.biases[1:], strict=True)), sizes[1], 4)
    assert chain is not None
    values = inputs @ net.weights[0].T
    active = values + net.biases[0]
    back = chain.slopes(np.maximum(active, 0), labels) @ chain.weights[0] * (active > 0)
    rows, small = np.arange(sizes[1]), np.full(values.shape, 1e-12)
    given = values / size, net.biases[0], rows, back * size, np.ones(sizes[1]), small, small
    return Columns(chain, *given), labels


@pytest.mark.parametrize("size", [0.02, 1.0, 30.0])
@pytest.mark.parametrize("hidden", [(), (7,)])
def test_size_and_label_of_a_sample(size: float, hidden: tuple[int, ...]) -> None:
    columns, labels = planted(size, (6, 40, *hidden, 5))
    for k, label in enumerate(labels):
        fit = columns.fit(k)
        assert fit is not None
        assert fit.label == label
        assert fit.size == pytest.approx(size, rel=1e-6)
        assert fit.share == pytest.approx(1, rel=1e-6)
        assert fit.residual < 1e-8
        assert fit.other > 1e-3


def test_a_size_that_is_given_is_not_searched() -> None:
    columns, labels = planted(1.0)
    fits = [columns.fit(k, HERE) for k in range(4)]
    assert [fit.label for fit in fits if fit is not None] == labels.tolist()
    wrong = planted(1.2)[0].fit(0, HERE)
    assert wrong is not None
    assert wrong.size == 1
    assert wrong.residual > 1e-4


@pytest.mark.parametrize("hidden", [(), (30,), (40, 20)])
def test_half_a_step_of_sizes_beside_it_a_size_is_looked_at_closely(hidden: tuple[int, ...]) -> None:
    """Sizes and labels that leave more are not: nothing is left next to them, either."""
    for size in (0.1, 1.0, 10.0):
        columns, _ = planted(size, (6, 40, *hidden, 5))
        label = columns.fit(0).label
        assert columns._left(0, np.log(size) + np.asarray([-0.1, 0.1]))[:, label].max() < NEAR


def test_two_ways_into_one_valley_are_one_size() -> None:
    near = [(1e-8, 0.3, 2), (2e-8, 0.30001, 2), (1e-3, 0.30001, 4), (2e-3, 0.5, 2)]
    assert _valleys(near) == [near[0], near[2], near[3]]


def test_rounding_of_columns_that_cancel() -> None:
    """A label that is nearly sure sends back a difference of two numbers that are nearly one."""
    columns, labels = planted(1.0)
    usual = [columns.fit(k, HERE).roundings for k in range(4)]
    assert max(usual) < 10
    chain, label = columns.chain, int(labels[0])
    surer = chain.biases[0] + 12.0 * (np.arange(chain.labels) == label)
    sure = replace(columns, chain=replace(chain, biases=(surer,)))
    assert sure.fit(0, HERE).roundings > 1e3


def test_layers_that_single_precision_cannot_hold_tell_nothing() -> None:
    columns, labels = planted(1.0)
    weights = (1e60 * columns.chain.weights[0],)
    huge = replace(columns, chain=replace(columns.chain, weights=weights))
    with np.errstate(all="raise", under="ignore"):
        assert np.isinf(huge._roundings(0, 0.0, int(labels[0])))

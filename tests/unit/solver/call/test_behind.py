"""Full sets with the layers behind, from end to end."""

from typing import Any

import numpy as np
import pytest

from spear_xp import Result, Status, invert
from spear_xp.solver.call.behind import with_layers_behind
from tests.helpers.networks import Floats, Network, network


def batch(seed: int = 1, *, bias: bool = True) -> tuple[Network, Floats, Floats]:
    rng = np.random.default_rng(seed)
    net = network((40, 90, 8), rng, "float64")
    if not bias:
        net.biases[0][:] = 0
    return net, rng.standard_normal((5, 40)), rng.integers(0, 8, 5)


def searched(net: Network, inputs: Floats, labels: Floats, *, open_: bool = False, **more: Any) -> Result:
    grad_w, grad_b, weight, bias = net.observed(inputs, labels)
    behind = list(zip(net.weights[1:], net.biases[1:], strict=True))
    options = {"batch_size": len(inputs), "behind": behind, "rng": 0, **more}
    return invert(grad_w, None if open_ else grad_b, weight, bias, **options)


@pytest.mark.parametrize("bias", [True, False])
def test_scales_without_a_bias_gradient(*, bias: bool) -> None:
    net, inputs, labels = batch(bias=bias)
    assert searched(net, inputs, labels, open_=True, behind=None).status is Status.SCALE_OPEN
    found = searched(net, inputs, labels, open_=True)
    assert found.status is Status.EXACT
    assert not any(found.reasons)
    places = ((found.inputs[:, None] - inputs) ** 2).sum(axis=2).argmin(axis=1)
    assert sorted(places) == [*range(5)]
    np.testing.assert_allclose(found.inputs, inputs[places], rtol=1e-6, atol=1e-8)
    assert found.labels is not None
    assert found.labels.tolist() == labels[places].tolist()


def test_a_scale_that_agrees_with_the_bias_gradient_stays_as_it_is() -> None:
    net, inputs, labels = batch(bias=False)
    before, found = searched(net, inputs, labels, behind=None), searched(net, inputs, labels)
    assert before.status is Status.SCALE_OPEN
    assert found.status is Status.EXACT
    np.testing.assert_array_equal(found.inputs, before.inputs)
    assert (found.error_bars >= before.error_bars).all()  # of the size, as far as it is told


@pytest.mark.parametrize("outputs", [2, 1])
def test_two_classes_bear_a_given_scale_out_by_lengths_alone(outputs: int) -> None:
    """All of their columns have one direction. A factor of one gradient, or of both, is not borne out."""
    rng = np.random.default_rng(2)
    net = network((40, 120, 2), rng, "float64")
    net.biases[0][:] = 0
    inputs, labels = rng.standard_normal((8, 40)), rng.integers(0, 2, 8)
    grad_w, grad_b, weight, bias = net.observed(inputs, labels)
    last, its_bias = net.weights[1], net.biases[1]
    if outputs == 1:  # a sigmoid is a softmax of differences
        last, its_bias = last[1:] - last[:1], its_bias[1:] - its_bias[:1]
    options = {"batch_size": 8, "behind": [(last, its_bias)], "rng": 0}
    found = invert(grad_w, grad_b, weight, bias, **options)
    assert found.status is Status.EXACT
    places = ((found.inputs[:, None] - inputs) ** 2).sum(axis=2).argmin(axis=1)
    assert found.labels is not None
    assert found.labels.tolist() == labels[places].tolist()
    np.testing.assert_allclose(found.inputs, inputs[places], rtol=1e-6, atol=1e-8)
    for both, own in ((1.0, 0.9), (1.1, 1.1)):
        found = invert(both * grad_w, own * grad_b, weight, bias, **options)
        assert found.status is Status.SCALE_OPEN


def test_a_wrong_batch_size_changes_nothing() -> None:
    net, inputs, labels = batch()
    found = searched(net, inputs, labels, open_=True, batch_size=3)
    assert found.status is Status.SCALE_OPEN
    assert found.labels is None


def test_twins_in_one_are_not_certified() -> None:
    net, inputs, labels = batch()
    inputs[1], labels[1] = inputs[0], labels[0]
    assert searched(net, inputs, labels, behind=None).status is Status.EXACT
    found = searched(net, inputs, labels)
    assert found.status is Status.PARTIAL
    assert found.certified.sum() == 3
    assert sum("several samples in one" in why for why in found.reasons) == 1


def test_without_layers_behind_nothing_is_touched() -> None:
    net, inputs, labels = batch()
    found = searched(net, inputs, labels, behind=None)
    assert with_layers_behind(found, None, None, None, None) is found  # type: ignore[arg-type]

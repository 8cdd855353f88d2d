"""Kinds of updates that people report: each is recovered and certified, or its cause is named."""

from collections.abc import Callable

import numpy as np
import pytest

from spear_xp import Result, Status, invert
from spear_xp.updates import images
from spear_xp.updates.synthetic import gaussian_inputs
from tests.helpers.causes import PLANTED, Case
from tests.helpers.networks import Floats, network
from tests.helpers.truth import relative_errors

WORK = 2e10  # multiply-adds; each takes a tenth of that or less


def case(inputs: Floats, width: int = 200, seed: int = 0) -> Case:
    """Update of three layers on a batch."""
    rng = np.random.default_rng(seed)
    net = network((inputs.shape[1], width, 100, 10), rng)
    labels = rng.integers(0, 10, len(inputs))
    return Case(net.observed(inputs, labels), net, inputs, labels, rng)


def solved(arrays: tuple[Floats, ...], batch_size: int | None = None) -> Result:
    return invert(*arrays, batch_size=batch_size, rng=0, time_limit=60.0, work_limit=WORK)


def names(result: Result) -> set[str]:
    return {one.name for one in result.diagnosis}


def per_tensor(one: Case) -> tuple[Floats, ...]:
    """Each tensor of each sample clipped on its own, and the mean of them."""
    grads = [
        one.net.gradients(one.inputs[k : k + 1], one.labels[k : k + 1])[0] for k in range(len(one.inputs))
    ]
    clipped = [[g * min(1.0, 1.0 / np.linalg.norm(g)) for g in pair] for pair in grads]
    return tuple(sum(part).astype("float32") / len(grads) for part in zip(*clipped, strict=True))


@pytest.mark.parametrize(
    "treated",
    [lambda one: (one.arrays[0], 2 * one.arrays[1]), per_tensor],
    ids=["another rate of the bias", "each tensor clipped"],
)
def test_a_scale_that_rests_on_grad_b_alone_is_not_certified(
    treated: Callable[[Case], tuple[Floats, ...]],
) -> None:
    one = case(images.faces(8, rng=0))
    one.net.biases[0][:] = 0
    one = Case(one.net.observed(one.inputs, one.labels), one.net, one.inputs, one.labels, one.rng)
    result = solved((*treated(one), *one.arrays[2:]))
    assert result.status is Status.SCALE_OPEN
    assert "scale open" in names(result)
    assert not result.certified.any()
    assert result.direction_certified.all()


def test_pixels_that_are_black_in_all_images_of_a_difference_of_weights() -> None:
    inputs = images.digits(8, rng=1)
    grad_w, grad_b, weight, bias = case(inputs, seed=1).arrays
    update = weight - (weight - np.float32(0.1) * grad_w), bias - (bias - np.float32(0.1) * grad_b)
    lit = update[0].any(axis=0)
    assert 0 < lit.sum() < lit.size
    for columns in (lit | True, lit):
        result = solved((update[0][:, columns], update[1], weight[:, columns], bias))
        assert (result.batch_size, result.certified.sum()) == (8, 8)


def test_photographs_are_proven_as_gaussian_inputs_of_their_size_are() -> None:
    """The bias tells the scale of neither: it is hundreds of times smaller than what pixels add to it."""
    for inputs in (
        images.crops(6, rng=1, size=96, standardized=True),
        gaussian_inputs(6, 3 * 96 * 96, rng=1),
    ):
        one = case(inputs, seed=1)
        result = solved(one.arrays)
        assert result.direction_certified.all()
        assert result.status in {Status.EXACT, Status.SCALE_OPEN}
        assert relative_errors(inputs, result.inputs).max() < 1e-6


@pytest.mark.parametrize(
    ("size", "given", "name"), [(8, 8, "fewer samples"), (17, 16, "more samples")], ids=["twice", "one more"]
)
def test_another_batch_size_than_that_given_is_told_and_searched(size: int, given: int, name: str) -> None:
    inputs = images.faces(size, rng=3)
    if name == "fewer samples":
        inputs[1] = inputs[0]
    result = solved(case(inputs, width=300).arrays, given)
    assert name in names(result)
    assert result.certified.all()
    assert result.batch_size == size - (name == "fewer samples")


@pytest.mark.parametrize(
    ("planted", "statuses"),
    [
        ("dropout", {Status.UNCERTIFIED, Status.PARTIAL}),
        ("GELU", {Status.HOPELESS}),
        ("no activation", {Status.HOPELESS}),
        ("weight decay", {Status.EXACT}),
        ("float16 underflow", {Status.UNCERTIFIED, Status.CERTIFIED, Status.TIME_LIMIT}),
    ],
)
def test_what_was_done_to_an_update_is_named(planted: str, statuses: set[Status]) -> None:
    change, fitting = PLANTED[planted]
    result = solved(change(case(images.faces(8, rng=0))).arrays)
    assert names(result) & set(fitting)
    assert result.status in statuses

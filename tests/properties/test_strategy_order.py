"""What is found does not depend on the order of the samples, nor on that of the neurons.

Strategies that draw rows by number draw others where neurons change places; what may not change is the set
of samples that a search certifies in the end.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from spear_xp import invert
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers import strategies
from tests.helpers.geometry import columns_found
from tests.helpers.networks import Floats
from tests.helpers.settings import EXACT, GEOMETRIC, SETTINGS, easy_layer, reduced
from tests.helpers.truth import relative_errors

SEARCHES = ["sampling", "information_set", "descent", "auto"]


def added_up(truth: LayerGradient, order: Floats) -> LayerGradient:
    """The same gradient as the sum of its samples in the given order: other rounding errors."""
    extended = np.c_[truth.inputs, np.ones(len(truth.inputs))].astype("float64")
    d = np.c_[truth.grad_w, truth.grad_b].astype("float64") @ np.linalg.pinv(extended)
    d = np.where(truth.zero_pattern, 0, d).astype("float32")
    total = np.zeros((len(d), extended.shape[1]), dtype="float32")
    for k in order:
        total += d[:, k, None] * extended[k].astype("float32")
    return replace(truth, grad_w=total[:, :-1].copy(), grad_b=total[:, -1].copy())


def with_neurons(truth: LayerGradient, order: Floats) -> LayerGradient:
    """The neurons in another order."""
    arrays = (truth.grad_w, truth.grad_b, truth.weight, truth.bias)
    grad_w, grad_b, weight, bias = (array[order].copy() for array in arrays)
    pattern = truth.zero_pattern[order]
    return LayerGradient(grad_w, grad_b, weight, bias, truth.inputs, pattern)


def shuffled(truth: LayerGradient, seed: int) -> tuple[LayerGradient, LayerGradient]:
    """The samples added up in another order; and the neurons in another order."""
    rng = np.random.default_rng(seed)
    samples = rng.permutation(len(truth.inputs))
    return added_up(truth, samples), with_neurons(truth, rng.permutation(len(truth.bias)))


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=5)
@given(strategies.seeds)
def test_strategies_find_the_same_columns_in_any_order_of_the_samples(name: str, seed: int) -> None:
    setting = SETTINGS[name]
    truth = setting.layer(seed)
    for order in (range(len(truth.inputs)), np.random.default_rng(seed).permutation(len(truth.inputs))):
        setting.check(reduced(added_up(truth, np.asarray(order))), truth.inputs)


@pytest.mark.parametrize("name", GEOMETRIC)
@settings(max_examples=8)
@given(strategies.seeds)
def test_geometry_alone_sees_no_order(name: str, seed: int) -> None:
    setting = EXACT[name]
    truth = setting.layer(seed)
    found = []
    for each in (truth, *shuffled(truth, seed)):
        problem = reduced(each)
        known = setting.known(problem, truth.inputs)
        proposals = setting.strategy.propose(problem, known, 0, 0)
        found.append((proposals.drawn, columns_found(problem, truth.inputs, proposals.directions)))
    assert found[0][1]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("name", [name for name in SETTINGS if name.startswith(("descent", "splitting"))])
@settings(max_examples=5)
@given(strategies.seeds)
def test_descents_find_the_same_columns_in_any_order_of_the_neurons(name: str, seed: int) -> None:
    setting = SETTINGS[name]
    truth = setting.layer(seed)
    order = np.random.default_rng(seed).permutation(len(truth.bias))
    setting.check(reduced(with_neurons(truth, order)), truth.inputs)


def solved(truth: LayerGradient, search: str) -> bool:
    """Whether `invert` certifies all samples of the batch, and no other."""
    result = invert(*truth.observed, search=search, rng=0, time_limit=2.0)
    proven = result.inputs[result.certified]
    if len(proven):
        assert relative_errors(truth.inputs, proven).max() < 1e-3
    distance = np.linalg.norm(proven[:, None, :] - truth.inputs[None, :, :], axis=2)
    return set(distance.argmin(axis=1).tolist()) == set(range(len(truth.inputs)))


@pytest.mark.parametrize("search", SEARCHES)
@settings(max_examples=5)
@given(strategies.seeds)
def test_all_samples_are_certified_in_any_order(search: str, seed: int) -> None:
    truth = easy_layer(seed)
    for each in (truth, *shuffled(truth, seed)):
        assert solved(each, search)


def test_few_rows_are_solved_in_any_order() -> None:
    truth = easy_layer(18443, width=29)
    assert solved(truth, "auto")
    assert solved(shuffled(truth, 18443)[0], "auto")

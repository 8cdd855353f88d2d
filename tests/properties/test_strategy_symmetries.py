"""What a strategy proposes does not depend on the scale or sign of rows, nor on the basis of the factor.

Where a strategy computes with the geometry alone its proposals are mapped one by one. A descent in other
coordinates starts elsewhere and ends elsewhere; what may not change is the set of columns that it leads to.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from spear_xp.candidates.refit import filter_directions
from spear_xp.strategies.splitting import Splitting
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers import strategies
from tests.helpers.geometry import (
    change_of_basis,
    columns_found,
    directions_in_basis,
    in_basis,
    known_samples,
)
from tests.helpers.settings import EXACT, GEOMETRIC, SETTINGS, Setting, easy_layer, reduced, twin_layer


def rescaled(truth: LayerGradient, rng: np.random.Generator) -> LayerGradient:
    """Every row times a factor of its own, some of them negative; powers of two, which do not round."""
    m = len(truth.bias)
    factor = (rng.choice([-1.0, 1.0], m) * 2.0 ** rng.integers(-8, 9, m)).astype(truth.grad_w.dtype)
    return replace(truth, grad_w=truth.grad_w * factor[:, None], grad_b=truth.grad_b * factor)


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=5)
@given(strategies.seeds)
def test_the_same_columns_whatever_the_scale_of_the_rows(name: str, seed: int) -> None:
    setting = SETTINGS[name]
    truth = setting.layer(seed)
    for each in (truth, rescaled(truth, np.random.default_rng(seed))):
        setting.check(reduced(each), truth.inputs)


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=5)
@given(strategies.seeds)
def test_the_same_columns_whatever_the_basis(name: str, seed: int) -> None:
    setting, rng = SETTINGS[name], np.random.default_rng(seed)
    truth = setting.layer(seed)
    problem = reduced(truth)
    turned = in_basis(problem, change_of_basis(problem, rng))
    rotation = np.linalg.qr(rng.standard_normal((problem.rank, problem.rank))).Q
    turned = replace(turned, balanced=turned.balanced @ rotation, unbalance=turned.unbalance @ rotation)
    setting.check(turned, truth.inputs)


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=8)
@given(strategies.seeds)
def test_geometry_alone_maps_exactly(name: str, seed: int) -> None:
    setting = EXACT[name]
    truth = setting.layer(seed)
    problem = reduced(truth)
    change = change_of_basis(problem, np.random.default_rng(seed))
    turned = in_basis(problem, change)
    one = setting.strategy.propose(problem, setting.known(problem, truth.inputs), seed, 1)
    other = setting.strategy.propose(turned, setting.known(turned, truth.inputs), seed, 1)
    assert one.drawn == other.drawn
    expected = directions_in_basis(one.directions, change)
    assert expected.shape == other.directions.shape
    np.testing.assert_allclose(np.abs((expected * other.directions).sum(axis=0)), 1, atol=1e-6)


@pytest.mark.parametrize("name", GEOMETRIC)
@settings(max_examples=8)
@given(strategies.seeds)
def test_geometry_alone_does_not_see_the_scale_of_rows(name: str, seed: int) -> None:
    """The same number of proposals, and the same zero patterns where their rows have a kernel."""
    setting = EXACT[name]
    truth = setting.layer(seed)
    counts, patterns = [], []
    for each in (truth, rescaled(truth, np.random.default_rng(seed))):
        problem = reduced(each)
        found = setting.strategy.propose(problem, setting.known(problem, truth.inputs), 0, 0)
        candidates = filter_directions(problem, found.directions, threshold=problem.rank + 2)
        counts.append((found.drawn, found.directions.shape[1]))
        patterns.append({candidate.zero.tobytes() for candidate in candidates})
    assert counts[0] == counts[1]
    assert patterns[0] == patterns[1]


def test_known_directions_of_a_kernel_do_not_hide_the_last() -> None:
    truth = twin_layer(0, both=16)
    problem, setting = reduced(truth), SETTINGS["splitting, triplet"]
    assert setting.wanted(problem, truth.inputs) == {0, 1, 2}
    known = setting.known(problem, truth.inputs, (0, 1))
    found = setting.strategy.propose(problem, known, 0, 0)
    assert columns_found(problem, truth.inputs, found.directions) == {2}


def test_one_chunk_splits_twins() -> None:
    truth = twin_layer(0, both=16)
    problem, setting = reduced(truth), Setting(Splitting(), kernel=(1, 2))
    assert setting.wanted(problem, truth.inputs) == {1, 2}
    found = setting.strategy.propose(problem, setting.known(problem, truth.inputs), 0, 0)
    assert columns_found(problem, truth.inputs, found.directions) == {1, 2}


def test_changes_of_basis_keep_the_factorisation() -> None:
    """The transformation that the properties rest on: masks, noise and inputs stay as they are."""
    truth = easy_layer(0, dtype="float64")
    problem = reduced(truth)
    change = change_of_basis(problem, np.random.default_rng(0))
    turned = in_basis(problem, change)
    np.testing.assert_allclose(turned.right @ turned.right.T, np.eye(5), atol=1e-12)
    one, other = (known_samples(p, truth.inputs, range(5), solved=range(5)) for p in (problem, turned))
    np.testing.assert_allclose(one.coefficients != 0, other.coefficients != 0)
    q = np.random.default_rng(1).standard_normal((5, 7))
    moved = np.linalg.solve(change, q)
    np.testing.assert_allclose(turned.rows @ moved, problem.rows @ q, atol=1e-12)
    np.testing.assert_allclose(turned.noise_of(moved), problem.noise_of(q), rtol=1e-9)
    np.testing.assert_allclose(turned.layer @ (change.T @ q), problem.layer @ q, atol=1e-9)
    directions = turned.rows @ turned.unbalance
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(turned.balanced, unit, atol=1e-9)

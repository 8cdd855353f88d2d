"""Stacks of spans against one QR decomposition after the other."""

from contextlib import nullcontext
from typing import Any

import array_api_strict
import numpy as np
import pytest

from spear_xp.overcomplete.spans import Spans, padded
from tests.helpers.careless import careless


def stack(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[int]]:
    counts = [0, 1, 3, 4]
    vectors, bars = np.zeros((4, 4, 7)), np.zeros((4, 4))
    for i, count in enumerate(counts):
        vectors[i, :count], bars[i, :count] = rng.standard_normal((count, 7)), 1e-3
    return vectors, bars, counts


@pytest.mark.parametrize("xp", [np, array_api_strict])
def test_what_is_left_is_outside_of_each_span(xp: Any) -> None:
    rng = np.random.default_rng(0)
    vectors, bars, counts = stack(rng)
    full = rng.standard_normal((4, 7))
    spans = Spans.of(xp, *map(xp.asarray, (vectors, bars)))
    shares, left, noise = spans.split(xp, xp.asarray(full), xp.asarray(np.full(4, 1e-2)))
    projections = np.asarray(spans.projections(xp))
    for i, count in enumerate(counts):
        expected, *_ = np.linalg.lstsq(vectors[i, :count].T, full[i], rcond=None)
        np.testing.assert_allclose(np.asarray(shares)[i, :count], expected, rtol=1e-8)
        rest = full[i] - expected @ vectors[i, :count]
        np.testing.assert_allclose(np.asarray(left)[i], rest, atol=1e-12)
        np.testing.assert_allclose(projections[i] @ full[i], rest, atol=1e-12)
        size = np.sqrt(1e-4 + 1e-6 * (expected**2).sum())
        assert np.asarray(noise)[i] == pytest.approx(size)


def test_dependent_points_are_told() -> None:
    rng = np.random.default_rng(1)
    vectors, bars, _ = stack(rng)
    vectors[3, 3] = vectors[3, :3].sum(axis=0)
    spans = Spans.of(np, vectors, bars)
    assert spans.well_posed(np).tolist() == [True, True, True, False]
    full = rng.standard_normal((4, 7))
    _, left, _ = spans.split(np, full, np.ones(4))
    basis = np.linalg.qr(vectors[3, :3].T).Q
    np.testing.assert_allclose(left[3], full[3] - basis @ (basis.T @ full[3]), atol=1e-6)


def test_deviations_are_those_of_least_squares() -> None:
    rng = np.random.default_rng(2)
    vectors, bars, _ = stack(rng)
    spans = Spans.of(np, vectors, bars)
    exact = np.sqrt(np.diag(np.linalg.inv(vectors[3] @ vectors[3].T)))
    np.testing.assert_allclose(spans.deviations(np, np.full(4, 0.1))[3], 0.1 * exact, rtol=1e-9)
    assert not spans.deviations(np, np.full(4, 0.1))[0].any()


def test_columns_that_are_true_come_first_in_order() -> None:
    order, used = padded(np, np.asarray([[False, True, True], [False, False, False], [True, False, False]]))
    assert order[0].tolist() == [1, 2]
    assert used.tolist() == [[True, True], [False, False], [True, False]]


@pytest.mark.parametrize("quiet", [False, True], ids=["raises", "garbage"])
def test_equal_points_in_single_precision_are_not_well_posed(quiet: bool) -> None:
    vectors = np.tile(np.arange(1, 6, dtype="float32"), (2, 2, 1))
    vectors[1, 1] = vectors[1, 1, ::-1]
    bars = np.full((2, 2), 1e-3, dtype="float32")
    with careless() if quiet else nullcontext():
        spans = Spans.of(array_api_strict, *map(array_api_strict.asarray, (vectors, bars)))
        posed = np.asarray(spans.well_posed(array_api_strict))
    assert posed.tolist() == [False, True]

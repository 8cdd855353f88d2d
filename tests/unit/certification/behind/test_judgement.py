"""What columns of planted samples prove, and what they refute."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp.certification.behind.columns import Columns
from spear_xp.certification.behind.judgement import Verdict, verdict_of
from spear_xp.numerics.work import Meter
from tests.helpers.networks import Floats
from tests.unit.certification.behind.test_columns import planted

NOISE = np.full(4, 1e-9)


def judged(columns: Columns, noise: Floats = NOISE, **about: Any) -> Verdict:
    about = {"told": False, "given": False, "rank": 4, "accuracy": 0.01, "roundoff": 1e-12, **about}
    return verdict_of(columns, noise, **about)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("size", [1.0, 1.3])
def test_right_columns_are_confirmed(size: float, *, told: bool) -> None:
    columns, labels = planted(size)
    found = judged(columns, told=told)
    assert found.confirmed.all()
    assert not found.refuted.any()
    assert found.labels.tolist() == labels.tolist()
    assert found.sized.all() == (size != 1 or not told)
    np.testing.assert_allclose(found.sizes, size, rtol=1e-6)


@pytest.mark.parametrize("size", [1.0, 1.3])
def test_a_size_that_is_given_is_tried_first(size: float) -> None:
    """No mask tells it: the layers behind do, whether or not it is right."""
    found = judged(planted(size)[0], given=True)
    assert found.confirmed.all()
    assert found.sized.all()
    np.testing.assert_allclose(found.sizes, size, rtol=1e-6)


def test_samples_after_the_limit_are_not_judged() -> None:
    columns = planted(1.0)[0]
    columns.found[3] *= 2
    asked = iter([True] * 6)  # twice for each
    found = judged(columns, told=True, meter=Meter(lambda: next(asked, False)), rank=3)
    assert found.confirmed.tolist() == [True, True, True, False]
    assert not found.refuted.any()


@pytest.mark.parametrize("factor", [0.5, 0.99, 2.0, -1.0])
def test_another_batch_size_or_a_scaled_gradient_says_nothing(factor: float) -> None:
    columns = planted(1.3)[0]
    assert judged(replace(columns, found=factor * columns.found), told=False).silent


def test_other_layers_say_nothing() -> None:
    columns = planted(1.3)[0]
    weights = (columns.chain.weights[0][:, ::-1], *columns.chain.weights[1:])
    assert judged(replace(columns, chain=replace(columns.chain, weights=weights)), told=False).silent


def test_noise_that_hides_the_size_says_nothing() -> None:
    columns = planted(1.3)[0]
    noise = 1e-2 * np.abs(columns.found).max() * np.random.default_rng(0).standard_normal((4, 40))
    loud = replace(columns, found=columns.found + noise)
    assert judged(loud, np.full(4, 0.1)).silent


@pytest.mark.parametrize("told", [False, True])
def test_two_in_one_are_refuted_beside_others_and_where_all_are(*, told: bool) -> None:
    columns = planted(1.0)[0]
    chain = replace(columns.chain, batch_size=5)
    mixed = replace(columns, chain=chain, found=columns.found * 4 / 5)
    mixed.found[1] *= 2
    assert judged(mixed, told=told).refuted.tolist() == [False, True, False, False]
    double = replace(columns, chain=replace(chain, batch_size=8))
    assert judged(double, told=told).refuted.all()
    assert judged(replace(columns, found=2 * columns.found), told=told).silent


def test_work_is_counted() -> None:
    """A work limit ends this at the same place on every machine."""
    columns, spent, done = planted(1.3)[0], list[float](), list[float]()
    assert judged(columns, meter=Meter(count=spent.append)).confirmed.all()
    half = judged(columns, meter=Meter(lambda: sum(done) < sum(spent) / 2, done.append))
    assert 0 < half.confirmed.sum() < len(half.confirmed)

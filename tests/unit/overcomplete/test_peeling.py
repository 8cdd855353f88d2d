"""Peeling finds samples one after the other."""

from typing import Any

import numpy as np
import pytest

from spear_xp.overcomplete.known import Fit, KnownPoints
from spear_xp.overcomplete.peeling import Peeling, peel
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.helpers.tables import Table, distances, small_table


def peeled(table: Table) -> Peeling:
    peeling = Peeling(reduce_overcomplete(validate(*table.observed)))
    peel(peeling)
    return peeling


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_twice_as_many_samples_as_features_come_back(dtype: str) -> None:
    table = small_table(dtype=dtype, width=900)
    peeling = peeled(table)
    found = peeling.problem.inputs(peeling.known.points)
    assert len(found) >= 10
    errors = np.asarray([np.linalg.norm(table.inputs - x, axis=1).min() for x in found]) / 6**0.5
    assert (errors < 6 * peeling.known.input_bars + 1e-7).all()
    assert distances(found, table.inputs).max() < 1e-3


def test_the_same_problem_gives_the_same_bytes() -> None:
    first, second = peeled(small_table()), peeled(small_table())
    assert first.known.points.tobytes() == second.known.points.tobytes()
    assert first.comparisons == second.comparisons


def test_what_was_found_is_kept_when_time_is_up() -> None:
    peeling = Peeling(reduce_overcomplete(validate(*small_table().observed)))
    left, counted, seen = iter(range(12)), [], []
    peel(
        peeling,
        keep_going=lambda: next(left, None) is not None,
        count=counted.append,
        observer=lambda state: seen.append(state.known.count),
    )
    assert peeling.known.count
    whole = peeled(small_table())
    assert peeling.comparisons < whole.comparisons
    assert sum(counted) <= peeling.work
    assert len(seen) == len(counted)


def test_noise_beyond_rounding_is_no_sample() -> None:
    table = small_table()
    rng = np.random.default_rng(0)
    noise = 1e-3 * np.abs(table.grad_w).mean() * rng.standard_normal(table.grad_w.shape)
    noisy = Table((table.grad_w + noise).astype("float32"), *table.observed[1:], table.inputs)
    assert not peeled(noisy).known.count


def test_points_that_were_found_otherwise_are_peeled_from() -> None:
    table = small_table()
    peeling = Peeling(reduce_overcomplete(validate(*table.observed)))
    truth = peeling.problem.points(table.inputs[:8].astype(float))
    rough = np.concatenate([truth, truth[:1] + 1e-6])
    peeling.resume(rough, np.full(len(rough), 1e-6))
    assert peeling.known.count == 8
    peel(peeling)
    assert peeling.known.count > 8


@pytest.mark.parametrize("seed", [0, 2])
def test_samples_that_another_one_hides_on_all_rows_come_back(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = small_table(seed, width=400, batch=16, features=8)
    whole = peeled(table)
    assert not whole.known.ties
    found = whole.problem.inputs(whole.known.points)
    assert distances(found, table.inputs).max(initial=0) < 1e-3
    monkeypatch.setattr(KnownPoints, "add_tied", lambda *_: None)
    assert peeled(table).known.count < whole.known.count


@pytest.mark.parametrize("seed", [0, 2])
def test_what_cannot_wait_to_be_tied_is_no_point(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters beyond the longest list were taken for points of their own: mixtures, up to 3.5 off."""
    monkeypatch.setattr("spear_xp.overcomplete.peeling.WAITING", 0)
    table = small_table(seed, width=400, batch=16, features=8)
    found = peeled(table)
    assert found.known.count
    assert distances(found.problem.inputs(found.known.points), table.inputs).max() < 1e-3


@pytest.mark.parametrize("seed", [0, 2])
def test_a_row_in_one_dimension_does_not_tell_where_a_tied_point_is(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left of some such row by accident: it put the tied point in a wrong place."""
    left, fit = [], KnownPoints.fit

    def seen(known: KnownPoints, rows: Any, without: int | None = None, *, tied: bool = False) -> Fit | None:
        if without is not None:
            left.append(int(known.freedom[rows].min()))
        return fit(known, rows, without, tied=tied)

    monkeypatch.setattr(KnownPoints, "fit", seen)
    peeled(small_table(seed, width=400, batch=16, features=8))
    assert left
    assert min(left) >= 2

"""Samples that are taken out of every row, by what the layers behind say."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.numerics.work import OutOfTime
from spear_xp.overcomplete.behind.chain import chain_of
from spear_xp.overcomplete.behind.subtraction import Subtraction
from spear_xp.overcomplete.problem import reduce_overcomplete
from spear_xp.reduction.gradient import validate
from tests.benchmarks.tables import known_of
from tests.helpers.tables import Table, distances, small_table


def subtraction(step: Table, batch_size: int | None = None) -> Subtraction:
    gradient = validate(*step.observed)
    chain = chain_of(step.behind, len(step.bias), batch_size or len(step.inputs))
    assert chain is not None
    return Subtraction(reduce_overcomplete(gradient), gradient, chain)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_whole_batch_is_found(dtype: str) -> None:
    step = small_table(width=800, dtype=dtype)
    taken = subtraction(step)
    taken.extend()
    assert taken.count == len(step.inputs)
    assert taken.complete
    assert distances(taken.inputs(taken.points), step.inputs).max() < 1e-5
    assert (taken.held() > 100).all()


def test_error_bars_cover_errors() -> None:
    step = small_table(3, width=800)
    taken = subtraction(step)
    taken.extend()
    true = np.asarray(taken.problem.points(step.inputs.astype(float)))
    apart = np.sqrt(((taken.points[:, None] - true[None]) ** 2).mean(axis=2)).min(axis=1)
    assert (apart < 6 * taken.bars).all()


def test_columns_are_those_of_the_gradient() -> None:
    step = small_table(width=800, dtype="float64")
    taken = subtraction(step)
    taken.extend()
    columns, rounding = taken.columns()
    sums = columns.sum(axis=1)
    np.testing.assert_allclose(sums, step.grad_b[np.asarray(taken.problem.live)], atol=1e-13)
    assert rounding.shape == columns.shape
    assert ((rounding > 0) == (columns != 0)).all()


def test_another_size_of_the_batch_tells_nothing() -> None:
    step = small_table(width=800)
    taken = subtraction(step, 2 * len(step.inputs))
    taken.extend()
    assert not taken.held().any()
    assert not taken.complete


def test_other_layers_tell_nothing() -> None:
    step = small_table(width=800)
    taken = subtraction(replace(step, behind=small_table(9, width=800).behind))
    taken.extend()
    assert taken.held().max(initial=0) < 2


def test_points_found_otherwise_are_confirmed_or_not() -> None:
    step = small_table(width=800)
    whole = subtraction(step)
    whole.extend()
    first = subtraction(step)
    columns, _ = whole.columns()
    sizes = np.linalg.norm(first.rows, axis=1)
    shares, holds = columns / sizes[:, None], np.abs(columns) > 0
    shares[:, 1] *= 2  # as of two twins
    first.confirm(whole.points[:2], whole.bars[:2], shares[:, :2], holds[:, :2])
    assert first.count == 1
    assert first.labels[0] == whole.labels[0]
    np.testing.assert_array_equal(first.points[0], whole.points[0])


def test_a_point_that_is_off_is_taken_back() -> None:
    step = small_table(width=800)
    whole = subtraction(step)
    whole.extend()
    again = subtraction(step)
    for k in range(whole.count):
        off = 3e-3 * (k == 0) * np.eye(whole.points.shape[1])[1]
        again.add(whole.points[k] + off, 1e-7, int(whole.labels[k]))
    assert not again.complete
    again.extend()
    assert again.complete


def test_without_time_it_stops() -> None:
    with pytest.raises(OutOfTime):
        subtraction(small_table(width=800)).extend(lambda: False)


@pytest.mark.parametrize("seed", [97113, 97118])
def test_samples_that_were_taken_back_are_not_tried_without_end(seed: int) -> None:
    """Rows that agree on a wrong sample told it again as soon as it was taken back."""
    problem, known = known_of(seed, behind=True)
    taken = subtraction(Table(*problem.observed, problem.inputs, tuple(known["behind"])))
    asked: list[int] = []

    def keep_going() -> bool:
        asked.append(taken.count)
        return len(asked) < 50

    taken.extend(keep_going)
    assert taken.count == max(asked)

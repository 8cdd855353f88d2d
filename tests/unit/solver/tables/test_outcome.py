"""What `invert` returns where a batch has more samples than dimensions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spear_xp import Status, errors
from spear_xp.reporting.text import summary
from tests.conftest import Backend
from tests.helpers.tables import distances, small_table, table_gradient, with_inputs

Solve = Callable[..., Any]


def test_records_come_back_certified_on_every_backend(space: Backend, solve: Solve) -> None:
    table = small_table(width=4000, dtype=space.dtype)
    result = solve(*space.arrays(*table.observed))
    inputs, certified = (space.to_numpy(array) for array in (result.inputs, result.certified))
    for array in (result.inputs, result.certified, result.error_bars, result.direction_certified):
        assert array.device == result.inputs.device
    assert str(result.inputs.dtype).endswith(space.dtype)
    assert certified.sum() >= 8
    errors_of = np.asarray([np.linalg.norm(table.inputs - x, axis=1).min() for x in inputs]) / 6**0.5
    assert (errors_of[certified] < 6 * space.to_numpy(result.error_bars)[certified] + 1e-7).all()
    assert (certified[:-1] >= certified[1:]).all()  # certified samples come first


def test_the_number_of_samples_stays_open(solve: Solve) -> None:
    table = small_table(batch=24, width=4000)
    result = solve(*table.observed)
    assert result.status is Status.PARTIAL
    assert result.batch_size is None
    assert not result.success
    assert "at least" in result.missing[0]
    assert int(result.missing[0].split("at least ")[1].split()[0]) <= 24
    assert all(
        bool(reason) != bool(sure) for reason, sure in zip(result.reasons, result.certified, strict=True)
    )
    assert "of an unknown number" in repr(result)
    assert summary(result)


def test_a_batch_size_that_is_reached_completes_the_batch(solve: Solve) -> None:
    """Rows on which too many samples may be active show no other: only the caller can say there is none."""
    table = table_gradient("digits", 64, 4000, seed=1)
    result = solve(*table.observed, batch_size=64)
    assert (result.status, result.batch_size, result.missing) == (Status.EXACT, 64, ())
    assert distances(result.inputs, table.inputs).max() < 1e-5
    wrong = solve(*table.observed, batch_size=60)
    assert wrong.status is Status.PARTIAL
    assert wrong.batch_size is None


def test_the_layers_behind_tell_the_whole_batch_on_every_backend(space: Backend, solve: Solve) -> None:
    table = small_table(batch=24, width=800, dtype=space.dtype)
    behind = [space.arrays(*layer) for layer in table.behind]
    result = solve(*space.arrays(*table.observed), behind=behind, batch_size=24)
    assert (result.status, result.batch_size, result.missing) == (Status.EXACT, 24, ())
    assert distances(space.to_numpy(result.inputs), table.inputs).max() < 1e-5


def test_a_part_of_the_batch_is_certified_by_the_layers_behind(solve: Solve) -> None:
    table = small_table(batch=40, width=300)
    result = solve(*table.observed, behind=table.behind, batch_size=40)
    alone = solve(*table.observed)
    assert result.status is Status.PARTIAL
    assert result.certified.sum() > alone.certified.sum()
    assert distances(result.inputs[result.certified], table.inputs).max() < 1e-4


def test_layers_that_do_not_follow_are_refused(solve: Solve) -> None:
    table = small_table()
    with pytest.raises(errors.ArgumentRangeError, match="batch_size=None"):
        solve(*table.observed, behind=table.behind)
    with pytest.raises(errors.ShapeError, match=r"behind\[0\]"):
        solve(*table.observed, behind=table.behind[1:], batch_size=14)


@pytest.mark.parametrize("scaled", [False, True])
def test_exactly_as_many_samples_as_dimensions(scaled: bool, solve: Solve) -> None:
    """All of them, although no singular value is left for the noise; centred data need the batch size."""
    table = small_table(batch=7, width=300)
    if scaled:
        inputs = (table.inputs - table.inputs.mean(axis=0)) / table.inputs.std(axis=0)
        table = with_inputs(inputs.astype("float32"), width=300)
    result = solve(*table.observed, batch_size=7)
    assert result.status is Status.EXACT
    assert distances(result.inputs, table.inputs).max() < 1e-4


def test_noise_without_any_batch_is_hopeless(solve: Solve) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype("float32") for shape in ((60, 9), (60,), (60, 9), (60,))]
    result = solve(*arrays)
    assert result.status is Status.HOPELESS
    assert result.batch_size is None
    assert len(result.inputs) == 0
    assert "no two rows agree" in result.missing[0]


def test_a_search_that_is_asked_for_by_name_does_not_peel(solve: Solve) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype("float32") for shape in ((60, 9), (60,), (60, 9), (60,))]
    with pytest.raises(errors.RankError, match="no low rank"):
        solve(*arrays, search="sampling")


def test_as_many_samples_as_dimensions_of_a_table_with_an_empty_column(solve: Solve) -> None:
    inputs = np.random.default_rng(4).standard_normal((6, 6)).astype("float32")
    inputs[:, 2] = 0
    result = solve(*with_inputs(inputs, width=300).observed, batch_size=6)
    assert result.status is Status.EXACT
    assert distances(result.inputs, inputs).max() < 1e-4

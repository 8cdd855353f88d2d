"""Arrays on disk: read block by block, never copied whole, never written."""

import importlib
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spear_xp import Status, invert
from spear_xp.reduction.gradient import validate
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.networks import Floats
from tests.helpers.truth import relative_errors

BLOCK = 2**20  # bytes of a block of columns, in place of 2 MiB: what is tested is the share of large arrays


def mapped(path: Path, values: Floats) -> Floats:
    """The values in a file, as an array that reads them from there."""
    values.tofile(path)
    return np.memmap(path, dtype=values.dtype, mode="r", shape=values.shape)


def on_disk(folder: Path, batch: int, width: int, features: int) -> LayerGradient:
    truth = mlp_gradient(gaussian_inputs(batch, features, rng=0), width=width, rng=0)
    grad_w, weight = (mapped(folder / name, getattr(truth, name)) for name in ("grad_w", "weight"))
    return replace(truth, grad_w=grad_w, weight=weight)


def peak_of(call: Callable[[], Any]) -> tuple[Any, int]:
    """What a call returns, and the bytes that NumPy held for it at most."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        value = call()
        return value, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("spear_xp.reduction.gradient"), "BLOCK_BYTES", BLOCK)


def test_long_rows_on_disk_are_certified_and_left_alone(tmp_path: Path) -> None:
    truth = on_disk(tmp_path, 6, 64, 60_000)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    result = invert(*truth.observed, rng=0, time_limit=20.0)
    assert result.status is Status.SCALE_OPEN  # beside 60,000 features the bias is too small for masks
    assert result.direction_certified.all()
    assert relative_errors(truth.inputs, result.inputs).max() < 1e-5
    assert type(result.inputs) is np.ndarray
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_checked_gradient_still_reads_from_the_file(tmp_path: Path) -> None:
    truth = on_disk(tmp_path, 6, 64, 2000)
    checked = validate(*truth.observed)
    assert checked.grad_w is truth.grad_w
    assert checked.weight is truth.weight


@pytest.mark.usefixtures("small_blocks")
def test_checking_takes_a_few_blocks(tmp_path: Path) -> None:
    truth = on_disk(tmp_path, 6, 64, 60_000)
    _, peak = peak_of(lambda: validate(*truth.observed))
    assert peak < 5 * BLOCK


@pytest.mark.usefixtures("small_blocks")
def test_inversion_takes_less_than_half_of_the_gradient(tmp_path: Path) -> None:
    """A copy of the float32 gradient would double it; singular vectors as long as the rows stay."""
    truth = on_disk(tmp_path, 6, 1024, 21_000)
    result, peak = peak_of(lambda: invert(*truth.observed, rng=0, time_limit=20.0))
    assert result.status is Status.EXACT
    assert peak < 0.5 * truth.grad_w.nbytes


@pytest.mark.usefixtures("small_blocks")
def test_few_long_rows_are_not_copied_either(tmp_path: Path) -> None:
    truth = on_disk(tmp_path, 6, 64, 60_000)
    _, peak = peak_of(lambda: invert(*truth.observed, rng=0, time_limit=20.0))
    assert peak < truth.grad_w.nbytes

"""Saved results: everything comes back, samples only where that is wanted, and damage is a typed error."""

import json
import math
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spear_xp import Result, Status, false_acceptance, invert, load_result
from spear_xp.errors import SavedFileError
from spear_xp.updates.synthetic import LayerGradient
from tests.conftest import Backend


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


@pytest.fixture(scope="module")
def content(result: Result, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "saved.npz"
    result.save(path)
    return path.read_bytes()


def assert_same(one: Any, other: Any) -> None:
    for field in fields(one):
        value, read = getattr(one, field.name), getattr(other, field.name)
        if hasattr(value, "dtype"):
            np.testing.assert_array_equal(read, value, err_msg=field.name)
            assert read.dtype == value.dtype
        elif field.name in {"trace", "evidence"} and value is not None:
            assert_same(value, read)
        elif field.name == "conditions":
            assert value.keys() == read.keys()
            assert all((value[name] == read[name]).all() for name in value)
        elif field.name != "elsewhere":
            assert read == value, field.name


@pytest.mark.parametrize("options", [{}, {"time_limit": 1e-6}, {"search": "sampling"}, {"batch_size": 5}])
def test_a_result_comes_back(tmp_path: Path, layer: LayerGradient, options: dict[str, Any]) -> None:
    result = invert(*layer.observed, **{"rng": 0, "time_limit": 1.0, **options})
    result.save(tmp_path / "saved.npz")
    again = load_result(str(tmp_path / "saved.npz"))
    assert_same(result, again)
    assert again.summary() == result.summary()
    np.testing.assert_array_equal(false_acceptance(again), false_acceptance(result))


def test_arrays_of_every_library_come_back_as_numpy(tmp_path: Path, space: Backend) -> None:
    result = invert(*space.mlp(4, 60, 20).observed, rng=0)
    result.save(tmp_path / "saved.npz")
    inputs = load_result(tmp_path / "saved.npz").inputs
    np.testing.assert_array_equal(inputs, space.to_numpy(result.inputs))


def test_evidence_of_other_sets_comes_back(tmp_path: Path, result: Result) -> None:
    assert result.evidence is not None
    other = result.evidence.take(np.arange(6)[::-1])
    evidence = replace(result.evidence, elsewhere=(None, (other, 2), None, (other, 0), None, None))
    replace(result, evidence=evidence).save(tmp_path / "saved.npz")
    again = load_result(tmp_path / "saved.npz").evidence
    assert again is not None
    (first, one), (second, two) = (proof for proof in again.elsewhere if proof is not None)
    assert first is second
    assert (one, two) == (2, 0)
    assert_same(first, other)


def test_without_samples_nothing_is_left_that_they_follow_from(tmp_path: Path, result: Result) -> None:
    result.save(tmp_path / "saved.npz", samples=False)
    again = load_result(tmp_path / "saved.npz")
    assert again.inputs.shape == (6, 0)
    assert again.trace.directions.size == 0
    assert again.evidence is None
    assert again.summary() == result.summary()
    np.testing.assert_array_equal(again.psnr, result.psnr)
    with zipfile.ZipFile(tmp_path / "saved.npz") as file:
        sizes = {name: np.load(file.open(name)).size for name in file.namelist() if name != "about.json"}
    assert not {name for name in sizes if name.startswith("evidence")}
    assert max(sizes.values()) <= max(len(result.trace.residuals), len(result.trace.singular_values))


def test_a_truncated_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "half.npz"
    for share in (0.0, 0.5, 0.999):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(SavedFileError, match=r"half\.npz"):
            load_result(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("status", "FINE"),
        ("status", 3),
        ("batch_size", "six"),
        ("batch_size", True),
        ("reasons", ["too few"]),
        ("missing", "text"),
        ("elsewhere", [[0, 77]]),
        ("elsewhere", [[9, 0]]),
        ("trace", None),
        ("trace", {}),
        ("seed", math.nan),
    ],
)
def test_values_that_do_not_fit_are_refused(tmp_path: Path, content: bytes, key: str, value: Any) -> None:
    path = tmp_path / "odd.npz"
    path.write_bytes(content)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    about = json.loads(members["about.json"]) | {key: value}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, json.dumps(about) if name == "about.json" else data)
    with pytest.raises(SavedFileError, match=r"odd\.npz"):
        load_result(path)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, changes: list[tuple[float, int]]
) -> None:
    damaged = bytearray(content)
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    path = tmp_path_factory.mktemp("damaged") / "file.npz"
    path.write_bytes(damaged)
    try:
        found = load_result(path)
    except SavedFileError:
        return
    assert found.status in Status

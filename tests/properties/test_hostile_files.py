"""Whatever a file holds and whatever is said on the command line: an exit code, never a traceback."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spear_xp import invert
from spear_xp.cli import main
from spear_xp.solver.saving import archive
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.optional import need

KEYS = ("grad_w", "grad_b", "weight", "bias")
DTYPES = ["<f4", "<f8", "<f2", "<i8", "|b1", "<c16", "<U3", "<M8[s]", "|S2"]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6)
arrays = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))
OPTIONS = "--batch --width --shape --seed --search --time-limit --json --no-samples --file"
words = st.sampled_from(f"invert report estimate {OPTIONS} 3x3 -1 0 nan 1e999 0.2 sampling x FILE".split())


def code_of(path: Path, given_words: list[str]) -> int:
    """The exit code of a command in which FILE stands for the path."""
    out = str(path.with_name("out.html"))
    told = [str(path) if word == "FILE" else word for word in given_words]
    try:
        return main([*told, "--out", out] if told[:1] == ["report"] else told)
    except SystemExit as left:
        return int(left.code or 0)


def commands(path: Path) -> list[list[str]]:
    return [
        ["invert", "FILE", "--time-limit", "0.2", "--json"],
        ["report", "FILE"],
        ["estimate", "--file", "FILE", "--rate", "1e5"],
    ]


@settings(max_examples=60)
@given(content=st.binary(max_size=300), archive=st.booleans())
def test_files_of_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes, archive: bool) -> None:
    path = tmp_path_factory.mktemp("bytes") / "file.npz"
    if archive:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as file:
            for key in KEYS:
                file.writestr(f"{key}.npy", content)
        content = stream.getvalue()
    path.write_bytes(content)
    assert {code_of(path, told) for told in commands(path)} == {2}


@settings(max_examples=60)
@given(st.fixed_dictionaries(dict.fromkeys(KEYS, arrays)))
def test_arrays_of_any_kind_and_shape(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("arrays") / "file.npz"
    np.savez(path, **content)
    assert all(code_of(path, told) in {0, 1, 2} for told in commands(path))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, layer: LayerGradient) -> Path:
    """A folder with an update and a result."""
    folder = tmp_path_factory.mktemp("good")
    np.savez(folder / "gradient.npz", **dict(zip(KEYS, layer.observed, strict=True)))
    invert(*layer.observed, rng=0).save(folder / "result.npz")
    return folder


@settings(max_examples=60)
@given(
    name=st.sampled_from(["gradient.npz", "result.npz"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
    length=st.floats(0, 1),
)
def test_files_that_are_damaged_or_cut_off(
    tmp_path_factory: pytest.TempPathFactory,
    good: Path,
    name: str,
    changes: list[tuple[float, int]],
    length: float,
) -> None:
    content = bytearray((good / name).read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    path = tmp_path_factory.mktemp("damaged") / "file.npz"
    path.write_bytes(content[: int(length * len(content))])
    assert all(code_of(path, told) in {0, 1, 2} for told in commands(path))


VALUES = st.sampled_from([0.0, -1.0, 1e-320, 1e300, np.inf, -np.inf, np.nan])
COUNTS = st.sampled_from([0, -1, 1, 2**62, 10**30, None])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers that overflow are no traceback
@settings(max_examples=20)
@given(
    array=st.sampled_from(["inputs", "error_bars", "psnr", "residuals", "singular_values", "directions"])
    | st.sampled_from(["certified", "evidence/0/limits", "evidence/0/tolerances", "evidence/0/spare"])
    | st.sampled_from(["evidence/0/zero", "evidence/0/active", "evidence/0/informative"]),
    value=VALUES,
    plain=st.sampled_from(
        ["batch_size", "threshold", "expected", "zeros", "shape", "seconds", "weight_decay"]
    ),
    count=COUNTS,
)
def test_results_that_make_no_sense(
    tmp_path_factory: pytest.TempPathFactory,
    good: Path,
    array: str,
    value: float,
    plain: str,
    count: int | None,
) -> None:
    need("jinja2")
    need("matplotlib")
    path = tmp_path_factory.mktemp("senseless") / "file.npz"
    path.write_bytes((good / "result.npz").read_bytes())
    arrays, about = archive.read(path, kind="saved result", version=1)
    with np.errstate(invalid="ignore", over="ignore"):
        arrays[array] = np.full_like(arrays[array], value)
    holder = about if plain == "batch_size" else about["trace"]
    holder[plain] = {"zeros": [count] * 6, "shape": [count, 40], "seconds": {"total": count}}.get(
        plain, count
    )
    archive.write(path, arrays, about, kind="saved result", version=1)
    assert code_of(path, ["report", "FILE"]) in {0, 1, 2}


@settings(max_examples=150)
@given(st.lists(words, max_size=7))
def test_words_in_any_order(tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> None:
    path = tmp_path_factory.mktemp("words") / "file.npz"
    path.write_bytes(b"nothing")
    assert code_of(path, told) in {0, 2}

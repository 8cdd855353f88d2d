"""Files: what goes in comes out, all or nothing, and what is hostile is refused by name."""

import io
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spear_xp.errors import SavedFileError
from spear_xp.solver.saving import archive

KIND: dict[str, Any] = {"kind": "test", "version": 3}
ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b/c": np.array([True, False])}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.npz"
    archive.write(path, ARRAYS, {"words": ["one", None]}, **KIND)
    return path


def rewritten(path: Path, **members: bytes | None) -> None:
    """The archive with other members in the place of some, or, where None is given, without them."""
    with zipfile.ZipFile(path) as file:
        content: dict[str, bytes | None] = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in (content | members).items():
            if data is not None:
                file.writestr(name, data)


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


@given(
    hnp.arrays(
        st.sampled_from(["<f8", "<f4", "<f2", "|b1", "<i8", "|u1"]),
        hnp.array_shapes(min_dims=1, min_side=0),
    )
)
def test_arrays_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, array: Any) -> None:
    path = tmp_path_factory.mktemp("archive") / "file.npz"
    archive.write(path, {"a": array}, {}, **KIND)
    arrays, about = archive.read(path, **KIND)
    assert about == {}
    assert arrays["a"].dtype == array.dtype
    assert arrays["a"].shape == array.shape
    assert arrays["a"].tobytes() == array.tobytes()


def test_equal_contents_are_equal_bytes_that_numpy_reads(path: Path) -> None:
    again = path.with_name("again.npz")
    archive.write(again, ARRAYS, {"words": ["one", None]}, **KIND)
    assert again.read_bytes() == path.read_bytes()
    with np.load(path) as file:
        np.testing.assert_array_equal(file["a"], ARRAYS["a"])


def test_only_the_owner_may_read_the_file(path: Path) -> None:
    path.chmod(0o644)
    archive.write(path, ARRAYS, {}, **KIND)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(KeyboardInterrupt):
        archive.write(path, {}, {}, **KIND)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("kind", "other", "file.npz is a 'test': need a other"), ("version", 4, "version 3: need version 4")],
)
def test_another_kind_or_version_is_refused(path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(SavedFileError, match=message):
        archive.read(path, **(KIND | {key: value}))


def header(text: str) -> bytes:
    data = text.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data


HOSTILE = {
    "objects": {"a.npy": npy(np.array([{}], dtype=object), allow_pickle=True)},
    "objects by name": {
        "a.npy": header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }") + b"cos\nsystem\n."
    },
    "a huge shape": {
        "a.npy": header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }") + b"\0" * 8
    },
    "a shape of many digits": {
        "a.npy": b"\x93NUMPY\x01\x00"
        + (9000).to_bytes(2, "little")
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (".ljust(8980, b"9")
        + b",), }"
    },
    "an expression": {
        "a.npy": header("{'descr': '<f8', 'fortran_order': False, 'shape': (9**9**9,), }") + b"\0" * 8
    },
    "records": {"a.npy": npy(np.zeros(2, dtype=[("x", "f8")]))},
    "text": {"a.npy": npy(np.array(["abc"]))},
    "no array": {"a.npy": b"GIF89a"},
    "an empty member": {"a.npy": b""},
    "truth that is neither": {
        "a.npy": header("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }") + b"\1\2"
    },
    "deep JSON": {"about.json": b"[" * 200_000},
    "a list for JSON": {"about.json": b"[]"},
    "long numbers": {"about.json": b'{"kind": ' + b"9" * 10_000 + b"}"},
    "no JSON": {"about.json": b"\xff\xfe"},
    "nothing about it": {"about.json": None},
    "no version": {"about.json": json.dumps({"kind": "test"}).encode()},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_name(path: Path, name: str) -> None:
    rewritten(path, **HOSTILE[name])
    with pytest.raises(SavedFileError, match=r"file\.npz"):
        archive.read(path, **KIND)


def test_a_bomb_is_not_unpacked(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("about.json", json.dumps(KIND))
        file.writestr("a.npy", bytes(10**7))
    with pytest.raises(SavedFileError, match="unpack to more"):
        archive.read(path, **KIND)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("a.npy", npy(np.zeros(1)))
    with pytest.raises(SavedFileError, match="twice"):
        archive.read(path, **KIND)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        archive.read(tmp_path / "nothing", **KIND)


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("foreign") / "file.npz"
    path.write_bytes(content)
    with pytest.raises(SavedFileError):
        archive.read(path, **KIND)

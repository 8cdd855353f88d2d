import pickle
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spear_xp.errors import FileError, SpearError
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.adapters.files import FORMATS, flattened, read_arrays
from tests.helpers.models import assert_batch, backward, batch, network, state, train
from tests.helpers.optional import need

ARRAYS = {"fc.weight": np.arange(6.0).reshape(2, 3), "fc.bias": np.ones(2, "float32")}


class Bomb:
    """Unpickling it would raise."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("something was unpickled",)


def write_npz(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **{name: np.asarray(one) for name, one in arrays.items()})


def write_pt(path: Path, arrays: dict[str, Any]) -> None:
    torch = need("torch")
    torch.save({name: torch.as_tensor(one) for name, one in arrays.items()}, path)


def write_safetensors(path: Path, arrays: dict[str, Any]) -> None:
    need("safetensors.numpy").save_file({name: np.asarray(one) for name, one in arrays.items()}, path)


WRITERS = {
    ".npz": write_npz,
    ".pt": write_pt,
    ".pth": write_pt,
    ".bin": write_pt,
    ".safetensors": write_safetensors,
}


@pytest.mark.parametrize("suffix", FORMATS)
def test_arrays_come_back_as_they_went(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"update{suffix}"
    WRITERS[suffix](path, ARRAYS)
    found = read_arrays(path)
    assert sorted(found) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(np.asarray(found[name]), array)
        assert np.asarray(found[name]).dtype == array.dtype


@pytest.mark.parametrize("suffix", [".npz", ".pt", ".safetensors"])
def test_what_a_client_stores_comes_back_exactly(suffix: str, tmp_path: Path) -> None:
    torch = need("torch")
    model = network()
    before = state(model)
    gradient = {name: one.grad for name, one in backward(model, batch()).named_parameters()}
    after = train(model, batch(), torch.optim.SGD(model.parameters(), lr=0.1))
    files = {"before": before, "gradient": gradient, "after": after}
    for name, arrays in files.items():
        WRITERS[suffix](tmp_path / f"{name}{suffix}", arrays)
    first, second, third = (tmp_path / f"{name}{suffix}" for name in files)
    assert_batch(next(iter(read(second, first))), batch())
    assert_batch(next(iter(read(str(third), first, training=Training(lr=0.1)))), batch())


def test_four_arrays_of_one_layer(tmp_path: Path) -> None:
    model = backward(network(), batch())
    layer = model[0]
    arrays = {
        "grad_w": layer.weight.grad,
        "grad_b": layer.bias.grad,
        "weight": layer.weight.detach(),
        "bias": layer.bias.detach(),
    }
    write_npz(tmp_path / "layer.npz", arrays | {"note": np.ones(1)})
    assert_batch(next(iter(read(tmp_path / "layer.npz"))), batch())


def test_bfloat16_is_read_as_a_tensor(tmp_path: Path) -> None:
    torch, safetensors = need("torch"), need("safetensors.torch")
    safetensors.save_file({"a": torch.ones(3, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    assert read_arrays(tmp_path / "a.safetensors")["a"].dtype == torch.bfloat16


def test_nested_state_dicts_are_made_flat(tmp_path: Path) -> None:
    torch = need("torch")
    torch.save({"epoch": 3, "model": {"fc.weight": torch.ones(2, 3)}}, tmp_path / "a.pt")
    assert list(read_arrays(tmp_path / "a.pt")) == ["model.fc.weight"]
    torch.save([torch.ones(2, 3), torch.ones(2)], tmp_path / "b.pt")
    assert list(read_arrays(tmp_path / "b.pt")) == ["0", "1"]
    torch.save(3, tmp_path / "c.pt")
    with pytest.raises(FileError, match=r"c\.pt holds int"):
        read_arrays(tmp_path / "c.pt")
    assert list(flattened({"params": {"Dense_0": {"kernel": np.ones((2, 3)), "name": "x"}}})) == [
        "params.Dense_0.kernel"
    ]


def test_tensors_of_a_file_of_torch_are_mapped(tmp_path: Path) -> None:
    torch = need("torch")
    write_pt(tmp_path / "a.pt", {"a": np.ones(1000)})
    found = read_arrays(tmp_path / "a.pt")
    assert torch.equal(found["a"], torch.ones(1000, dtype=torch.float64))
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert str(tmp_path / "a.pt") in maps.read_text()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("damage", ["empty", "text", "half", "short", "missing", "folder"])
def test_damaged_files_are_named(suffix: str, damage: str, tmp_path: Path) -> None:
    path = tmp_path / f"update{suffix}"
    WRITERS[suffix](path, ARRAYS)
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(
            {"empty": b"", "text": b"no archive", "half": whole[: len(whole) // 2], "short": whole[:-5]}[
                damage
            ]
        )
    with pytest.raises(FileError, match=f"update\\{suffix}"):
        dict(read_arrays(path))


@pytest.mark.parametrize("suffix", [".npz", ".pt", ".safetensors"])
def test_bytes_that_nobody_wrote_raise_nothing_else(suffix: str, tmp_path: Path) -> None:
    path, rng = tmp_path / f"update{suffix}", np.random.default_rng(0)
    WRITERS[suffix](path, ARRAYS)
    whole, refused = path.read_bytes(), []
    for turn in range(200):
        spoilt = bytearray(whole)
        start = int(rng.integers(0, len(spoilt) - 8))
        if turn % 2:
            spoilt[start : start + 8] = rng.bytes(8)
        else:
            del spoilt[start:]
        path.unlink()
        path.write_bytes(spoilt)
        try:
            dict(read_arrays(path))
        except FileError as error:
            refused.append(str(error))
    assert len(refused) >= 100
    assert all(str(path) in message for message in refused)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    torch = need("torch")
    np.savez(tmp_path / "a.npz", fine=np.ones(2), objects=np.array([Bomb()], dtype=object))
    with pytest.raises(FileError, match=r"a\.npz: array 'objects' cannot be read: Object arrays"):
        read_arrays(tmp_path / "a.npz")
    torch.save({"a": Bomb()}, tmp_path / "a.pt")
    with pytest.raises(FileError, match=r"a\.pt holds pickled objects"):
        read_arrays(tmp_path / "a.pt")
    torch.save(torch.nn.Linear(2, 3), tmp_path / "module.pt")
    with pytest.raises(FileError, match=r"module\.pt holds pickled objects"):
        read_arrays(tmp_path / "module.pt")
    for suffix in FORMATS:
        (tmp_path / f"plain{suffix}").write_bytes(pickle.dumps({"a": Bomb()}))
        with pytest.raises(FileError, match=f"plain\\{suffix}"):
            read_arrays(tmp_path / f"plain{suffix}")


def npy(header: str, data: bytes = b"") -> bytes:
    """An array as NumPy stores it, with a header of one's own."""
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header.encode() + data


@pytest.mark.parametrize(
    "stored",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }" + " " * 200_000 + "\n", b"\0" * 24),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000000), }\n"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (100,), }\n", b"\0" * 8),
        npy("__import__('os')\n"),
        b"\x93NUMPY",
    ],
    ids=["huge header", "huge shape", "too short", "code", "cut"],
)
def test_arrays_of_an_archive_that_lie_are_named(stored: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("lie.npy", stored)
    with pytest.raises(FileError, match=r"a\.npz: array 'lie' cannot be read"):
        read_arrays(tmp_path / "a.npz")


def test_a_huge_header_of_safetensors_is_refused(tmp_path: Path) -> None:
    need("safetensors")
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(FileError, match=r"a\.safetensors cannot be read: .*header too large"):
        read_arrays(tmp_path / "a.safetensors")


def test_other_endings_and_single_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(FileError, match=r"format '\.npy' is not known: need \.npz"):
        read_arrays(tmp_path / "a.npy")
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npy").read_bytes())
    with pytest.raises(FileError, match="a single array"):
        read_arrays(tmp_path / "a.npz")
    assert issubclass(FileError, SpearError)


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    (tmp_path / "a.safetensors").write_bytes(b"x")
    with pytest.raises(FileError, match="pip install safetensors"):
        read_arrays(tmp_path / "a.safetensors")


def test_a_header_that_does_not_end_is_damage(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as file:
        file.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(12))
    with pytest.raises(FileError, match="array 'a' cannot be read"):
        read_arrays(tmp_path / "file.npz")

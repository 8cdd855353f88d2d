import stat
from pathlib import Path

import numpy as np
import pytest

from spear_xp import load_result
from spear_xp.cli import main
from spear_xp.cli.page import records_in
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.optional import need


def test_samples_stay_out_of_a_file_where_that_is_asked_for(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "batch.npz"
    assert main(["invert", str(file), "--out", str(out), "--no-samples"]) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    found = load_result(out)
    assert found.success
    assert found.inputs.shape == (6, 0)


def test_a_page_is_written_with_a_search_and_without_one(
    file: Path, layer: LayerGradient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need("jinja2")
    need("matplotlib")
    out, one, two, true = (tmp_path / name for name in ("b.npz", "one.html", "two.html", "true.npz"))
    np.savez(true, inputs=layer.inputs)
    words = ["--original", str(true), "--shape", "5x8"]
    assert main(["invert", str(file), "--out", str(out), "--report", str(one), *words]) == 0
    assert main(["report", str(out), "--out", str(two), *words]) == 0
    assert f"page: {two}" in capsys.readouterr().out
    assert one.read_bytes() == two.read_bytes()
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"name {j}" for j in range(40)))
    assert main(["report", str(out), "--out", str(two), "--features", str(names)]) == 0
    assert "name 39" in two.read_text()
    assert main(["report", str(out), "--out", str(two), "--no-samples"]) == 0
    assert "left out" in two.read_text()


@pytest.mark.parametrize("words", [["--shape", "6x7"], ["--original", "nowhere.npy"], ["--features", "none"]])
def test_a_page_that_cannot_be_leaves_with_two(
    file: Path, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    need("jinja2")
    need("matplotlib")
    out = tmp_path / "b.npz"
    assert main(["invert", str(file), "--out", str(out)]) == 0
    assert main(["report", str(out), *words]) == 2
    assert main(["report", str(file), *words]) == 2
    assert "no saved result" in capsys.readouterr().err


def test_the_place_of_the_results_is_checked_before_the_search(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spear_xp.cli.search.invert", lambda *_, **__: pytest.fail("searched"))
    (tmp_path / "folder.npz").mkdir()
    for out in (tmp_path / "nowhere" / "batch.npz", tmp_path / "folder.npz"):
        assert main(["invert", str(file), "--out", str(out)]) == 2
        assert f"--out {out}: need a file" in capsys.readouterr().err


def test_a_page_about_an_audit(
    states: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need("jinja2")
    need("matplotlib")
    page = tmp_path / "page.html"
    assert main(["audit", *map(str, states), "--lr", "0.1", "--report", str(page)]) == 0
    assert f"page: {page}" in capsys.readouterr().out
    text = page.read_text()
    assert "Every layer of this update" in text
    assert "not searched: the last layer: no ReLU follows it" in text
    assert main(["audit", str(tmp_path), "--report", str(page)]) == 2
    assert "--report is for one update" in capsys.readouterr().err


def test_where_no_layer_was_searched_there_is_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need("jinja2")
    need("matplotlib")
    page = tmp_path / "page.html"
    arrays = {"grad_w": np.ones((9, 4)), "grad_b": np.ones(4), "weight": np.ones((9, 4)), "bias": np.ones(4)}
    np.savez(tmp_path / "turned.npz", **arrays)
    assert main(["audit", str(tmp_path / "turned.npz"), "--report", str(page)]) == 1
    assert "page: not written: no layer was searched" in capsys.readouterr().out
    assert not page.exists()


def test_records_come_from_an_array_or_an_archive(tmp_path: Path) -> None:
    records = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "one.npy", records)
    np.savez(tmp_path / "named.npz", labels=np.ones(2), inputs=records)
    np.savez(tmp_path / "alone.npz", records)
    for name in ("one.npy", "named.npz", "alone.npz"):
        np.testing.assert_array_equal(records_in(tmp_path / name), records)


def test_files_of_another_kind_are_named(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need("jinja2")
    need("matplotlib")
    text, nothing, other = (tmp_path / name for name in ("text.npz", "nothing.npz", "other.txt"))
    text.write_text("no archive")
    nothing.write_bytes(b"")
    other.write_bytes(bytes(range(256)))
    out = tmp_path / "b.npz"
    assert main(["invert", str(file), "--out", str(out), "--json"]) == 0
    capsys.readouterr()
    for words, message in (
        (["sweep", str(nothing)], "nothing.npz cannot be read: No data left in file"),
        (["audit", str(text)], "no archive of arrays, or pickled objects, which are never loaded"),
        (["report", str(out), "--original", str(text)], "no archive of arrays"),
        (["report", str(out), "--features", str(other)], "other.txt is no text file"),
        (["report", str(out), "--out", str(tmp_path)], f"--out {tmp_path}: need a file"),
        (["audit", str(file), "--feature-kinds", str(other)], "other.txt is no text file"),
        (["audit", str(file), "--shape", "5x8"], "--shape is for a page: need --report"),
        (
            ["audit", str(file), "--report", str(tmp_path / "no" / "page")],
            "need a file in a folder that exists",
        ),
    ):
        assert main(words) == 2
        out_, err = capsys.readouterr()
        assert message in err
        assert out_ == ""

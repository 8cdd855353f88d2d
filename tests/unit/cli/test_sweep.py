"""The command from its words to lines and files; two defences, two strengths."""

import json
from pathlib import Path

import numpy as np
import pytest

from spear_xp.cli import main
from spear_xp.updates.synthetic import gaussian_inputs


def test_a_small_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    np.savez(tmp_path / "records.npz", inputs=gaussian_inputs(30, 20, rng=0))
    words = ["sweep", tmp_path / "records.npz", "--batch", 4, "--width", 60, "--seeds", 2]
    words += ["--defence", "noise", "--defence", "clip samples", "--strength", "1e-6", "--strength", ".5"]
    words += ["--time-limit", 2]
    files = tmp_path / "leaks.csv", tmp_path / "leaks.png"
    assert main([str(word) for word in [*words, "--csv", files[0], "--plot", files[1]]]) == 0
    out = capsys.readouterr().out
    assert "clip samples protects nothing" in out
    assert "| noise | 1e-06 | 4 |" in out
    assert f"written: {files[0]}" in out
    assert len(files[0].read_text().splitlines()) == 9
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert main([str(word) for word in [*words, "--json"]]) == 0
    assert len(json.loads(capsys.readouterr().out)["leaks"]) == 8


def test_records_without_their_name_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "two.npz", x=np.ones((2, 3)), y=np.ones(2))
    assert main(["sweep", str(tmp_path / "two.npz")]) == 2
    assert "two.npz holds x, y: need an array inputs, one sample a row" in capsys.readouterr().err

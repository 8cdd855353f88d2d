from pathlib import Path

import numpy as np
import pytest

from spear_xp.cli import main
from tests.helpers.command import run_json
from tests.helpers.optional import need

PNG = b"\x89PNG\r\n\x1a\n"
BATCH = ["--batch", "10", "--width", "200"]


def test_an_estimate_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", *BATCH, "--features", "784", "--noise", "1e-4", "--centred"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("FEASIBLE: ")
    assert "10 samples, 200 neurons" in lines[1]


def test_an_estimate_of_the_published_search(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", *BATCH, "--rate", "1e5", "--search", "sampling"]) == 0
    out = capsys.readouterr().out
    assert "batch size b=10, width m=200" in out
    assert "H_b/q1" in out


def test_an_estimate_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, values = run_json(capsys, "estimate", *BATCH)
    assert code == 0
    assert (values["batch_size"], values["width"]) == (10, 200)
    assert values["verdict"] == "FEASIBLE"
    assert values["exact_limit"] == 84
    assert values["psnr"] is None
    code, values = run_json(capsys, "estimate", *BATCH, "--rate", "1e5", "--search", "sampling")
    assert values["published"]["log_direction_probability"] == pytest.approx(-9 * np.log(2), abs=1)


def test_an_estimate_without_hope_is_valid_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, values = run_json(capsys, "estimate", "--batch", 200, "--width", 210, "--measure")
    assert code == 0
    assert values["verdict"] == "EXACT_IMPOSSIBLE"
    assert values["machine_rate"] > 1e7


@pytest.mark.parametrize("option", [[], ["--update"], ["--file"]])
def test_an_estimate_of_a_file(file: Path, capsys: pytest.CaptureFixture[str], option: list[str]) -> None:
    code, values = run_json(capsys, "estimate", *option, file)
    assert code == 0
    assert values["tier"] == "measured"
    assert values["batch_size"] == 6


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--batch", "10"],
        ["--width", "200"],
        [*BATCH, "--rate", "0"],
        [*BATCH, "--noise", "-1"],
        [*BATCH, "--search", "magic"],
        ["--batch", "0", "--width", "9"],
    ],
)
def test_bad_estimates_leave_with_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", *words]) == 2
    assert "spear-xp: " in capsys.readouterr().err


def test_a_heat_map_is_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("matplotlib")
    path = tmp_path / "map.png"
    for more in ((), ("--rate", "1e5", "--search", "sampling")):
        assert main(["estimate", *BATCH, *more, "--heatmap", str(path)]) == 0
        assert path.read_bytes().startswith(PNG)
        assert str(path) in capsys.readouterr().out
        path.unlink()


def test_an_estimate_reads_what_an_audit_reads(
    states: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, values = run_json(capsys, "estimate", *states, "--lr", "0.1")
    assert (code, values["batch_size"]) == (0, 6)
    assert main(["estimate", str(states[0].parent)]) == 2
    assert "is a folder: need a file" in capsys.readouterr().err
    assert main(["estimate", "--update", *map(str, states)]) == 2
    assert "need UPDATE once, and WEIGHTS behind it" in capsys.readouterr().err


def test_an_estimate_has_no_kinds_of_features(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["estimate", str(file), "--feature-kinds", "real*40"])
    assert "unrecognized arguments: --feature-kinds" in capsys.readouterr().err

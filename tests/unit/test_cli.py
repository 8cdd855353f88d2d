import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spear_xp.cli import main
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient

PNG = b"\x89PNG\r\n\x1a\n"
BATCH = ["--batch", "10", "--width", "200"]


@pytest.fixture
def file(tmp_path: Path, layer: LayerGradient) -> Path:
    path = tmp_path / "gradient.npz"
    np.savez(
        path, grad_w=layer.grad_w, grad_b=layer.grad_b, weight=layer.weight, bias=layer.bias, note=np.ones(1)
    )
    return path


def run_json(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    code = main([str(word) for word in words] + ["--json"])
    out = capsys.readouterr().out
    assert len(out.strip().splitlines()) == 1
    values = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    return code, values


def test_an_exact_inversion_leaves_with_zero(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invert", str(file)]) == 0
    assert "exact: 6 of 6 certified" in capsys.readouterr().out


def test_an_inversion_as_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, values = run_json(capsys, "invert", file)
    assert code == 0
    assert values["status"] == "EXACT"
    assert (values["certified"], values["batch_size"]) == (6, 6)
    assert values["reasons"] == [""] * 6
    assert values["diagnosis"] == []
    assert values["seconds"]["total"] > 0


def test_causes_are_told_in_text_and_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, values = run_json(capsys, "invert", file, "--batch", "7")
    (one,) = values["diagnosis"]
    assert (one["name"], one["evidence"], one["hopeless"]) == ("fewer samples", 6, False)
    main(["invert", str(file), "--batch", "7"])
    assert f"fewer samples: {one['sentence']}; {one['advice']}" in capsys.readouterr().out


def test_inputs_survive_the_round_trip(
    file: Path, layer: LayerGradient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "batch.npz"
    assert main(["invert", str(file), "--out", str(out), "--batch", "6", "--seed", "3"]) == 0
    assert str(out) in capsys.readouterr().out
    with np.load(out) as found:
        assert found["certified"].all()
        assert (found["error_bars"] < 1e-6).all()
        distance = np.linalg.norm(found["inputs"][:, None] - layer.inputs[None], axis=2)
    assert distance.min(axis=1).max() < 1e-5
    assert sorted(distance.argmin(axis=1)) == list(range(6))


def test_an_inexact_inversion_leaves_with_one(
    tmp_path: Path, layer: LayerGradient, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, grad_w=layer.grad_w, grad_b=layer.grad_b, weight=-layer.weight, bias=-layer.bias)
    assert main(["invert", str(path), "--time-limit", "0.3"]) == 1
    assert "not exact: 0 of 6 certified" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch", "0"], "batch_size=0: need"),
        (["--time-limit", "0"], "time_limit=0.0: need"),
        (["--search", "magic"], "search='magic': need"),
    ],
)
def test_bad_options_leave_with_two(
    file: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["invert", str(file), *words]) == 2
    assert message in capsys.readouterr().err


def test_errors_leave_standard_output_empty(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invert", str(file), "--batch", "0"]) == 2
    assert capsys.readouterr().out == ""


def test_bad_files_leave_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing, text, part = (tmp_path / name for name in ("missing.npz", "text.npz", "part.npz"))
    text.write_text("no archive")
    np.savez(part, grad_w=np.ones((3, 3)), bias=np.ones(3))
    for path in (missing, text, tmp_path):
        assert main(["invert", str(path)]) == 2
        assert "spear-xp: " in capsys.readouterr().err
    assert main(["invert", str(part)]) == 2
    err = capsys.readouterr().err
    assert "grad_w, bias" in err
    assert "need grad_w, grad_b, weight, bias" in err


def test_an_empty_file_leaves_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.npz"
    path.write_bytes(b"")
    assert main(["invert", str(path)]) == 2


def test_a_single_array_leaves_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "single.npy", np.ones((3, 3)))
    assert main(["invert", str(tmp_path / "single.npy")]) == 2


@pytest.mark.parametrize("words", [[], ["fly"], ["invert"], ["estimate", "--batch", "many"]])
def test_words_that_make_no_sense_leave_with_two(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: spear-xp" in capsys.readouterr().err


def test_an_estimate_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", *BATCH, "--rate", "1e5"]) == 0
    out = capsys.readouterr().out
    assert "batch size b=10, width m=200" in out
    assert "H_b/q1" in out


def test_an_estimate_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, values = run_json(capsys, "estimate", *BATCH, "--rate", "1e5")
    assert code == 0
    assert (values["batch_size"], values["width"]) == (10, 200)
    assert values["verdict"] == "FEASIBLE"
    assert values["log_direction_probability"] == pytest.approx(-9 * np.log(2), abs=1)


def test_an_estimate_without_hope_is_valid_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, values = run_json(capsys, "estimate", "--batch", 200, "--width", 210, "--rate", "1e5")
    assert code == 0
    assert values["verdict"] == "INFEASIBLE"


def test_an_estimate_of_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, values = run_json(capsys, "estimate", "--file", file, "--rate", "1e5")
    assert code == 0
    assert values["tier"] == "measured"
    assert values["batch_size"] == 6


@pytest.mark.parametrize(
    "words",
    [[], ["--batch", "10"], ["--width", "200"], [*BATCH, "--rate", "0"], ["--batch", "0", "--width", "9"]],
)
def test_bad_estimates_leave_with_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", *words]) == 2
    assert "spear-xp: " in capsys.readouterr().err


def test_a_heat_map_is_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "map.png"
    assert main(["estimate", *BATCH, "--rate", "1e5", "--heatmap", str(path)]) == 0
    assert path.read_bytes().startswith(PNG)
    assert str(path) in capsys.readouterr().out


def test_a_small_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("skimage")
    pytest.importorskip("matplotlib")
    path = tmp_path / "faces.png"
    words = ["demo", "--batch", "6", "--width", "120", "--out", str(path), "--seed", "1"]
    assert main(words) == 0
    assert path.read_bytes().startswith(PNG)
    out = capsys.readouterr().out
    assert "exact: 6 of 6 certified" in out
    assert str(path) in out
    code, values = run_json(capsys, *words)
    assert code == 0
    assert values["psnr_min"] > 120
    assert values["picture"] == str(path)


def test_json_comes_without_a_progress_bar(
    file: Path, layer: LayerGradient, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["invert", str(file), "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("{")


def test_results_beyond_the_certified_carry_their_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = gaussian_inputs(6, 60, rng=0)
    inputs[1] = inputs[0] + 0.1 * gaussian_inputs(1, 60, rng=1)[0]
    truth = mlp_gradient(inputs, width=150, labels=np.zeros(6, dtype=int), rng=0)
    path = tmp_path / "twins.npz"
    np.savez(path, **dict(zip(("grad_w", "grad_b", "weight", "bias"), truth.observed, strict=True)))
    code, values = run_json(capsys, "invert", path, "--time-limit", 1)
    assert code == (0 if values["certified"] == values["batch_size"] else 1)
    assert sum(text == "" for text in values["reasons"]) == values["certified"]

import os
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spear_xp.cli import main
from spear_xp.cli.search import THREADS, _workers
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.command import run_json
from tests.helpers.optional import need
from tests.helpers.tables import small_table

PNG = b"\x89PNG\r\n\x1a\n"


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


def test_sigterm_ends_a_search_as_ctrl_c_does(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def terminated(*_: object, **options: Any) -> None:
        options["on_progress"] = None
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the signal was ignored")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("spear_xp.solver.call.start.solve", terminated)
    out = tmp_path / "state.npz"
    assert main(["invert", str(file), "--checkpoint", str(out)]) == 1
    assert "interrupted" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_search_goes_on_from_its_checkpoint(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["invert", str(file), "--checkpoint", str(tmp_path / "state.npz")]
    assert main([*words, "--seed", "1"]) == 0
    assert main([*words, "--seed", "1"]) == 0
    assert main([*words, "--seed", "2"]) == 2
    assert "is of another seed" in capsys.readouterr().err


def test_an_inexact_inversion_leaves_with_one(
    tmp_path: Path, layer: LayerGradient, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, grad_w=layer.grad_w, grad_b=layer.grad_b, weight=-layer.weight, bias=-layer.bias)
    assert main(["invert", str(path), "--time-limit", "0.3"]) == 1
    assert "not exact: 0 of 6 certified" in capsys.readouterr().out


def test_errors_leave_standard_output_empty(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invert", str(file), "--batch", "0"]) == 2
    assert capsys.readouterr().out == ""


def test_a_small_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("skimage")
    need("matplotlib")
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


def test_an_audit_of_one_layer(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("EXPOSED: ")
    assert "6 of 6 certified" in out


def test_an_audit_of_weights_after_training(
    states: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, values = run_json(capsys, "audit", *states, "--lr", "0.1")
    assert code == 0
    assert values["verdict"] == "EXPOSED"
    assert [one["name"] for one in values["layers"]] == ["fc1", "fc2"]
    assert values["layers"][0]["certified"] == 6


def test_a_noisy_update_is_certified_to_the_accuracy_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = mlp_gradient(gaussian_inputs(6, 300, rng=0), width=200, rng=0)
    rng, level = np.random.default_rng(0), 1e-2 * np.sqrt((truth.grad_w.astype(float) ** 2).mean())
    arrays = dict(zip(("grad_w", "grad_b", "weight", "bias"), truth.observed, strict=True))
    for name in ("grad_w", "grad_b"):
        noise = level * rng.standard_normal(arrays[name].shape)
        arrays[name] = (arrays[name] + noise).astype("float32")
    np.savez(tmp_path / "noisy.npz", **arrays)
    words = [tmp_path / "noisy.npz", "--time-limit", 5]
    assert run_json(capsys, "invert", *words)[1]["certified"] == 0
    code, values = run_json(capsys, "invert", *words, "--accuracy", 0.3)
    assert (code, values["status"], values["certified"]) == (0, "CERTIFIED", 6)
    code, values = run_json(capsys, "audit", *words, "--accuracy", 0.3)
    assert (code, values["verdict"]) == (0, "EXPOSED")


def test_a_folder_of_updates(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "round"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / f"{name}.npz").write_bytes(file.read_bytes())
    assert main(["audit", str(folder)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("a.npz: EXPOSED, 6 of 6 samples certified")
    assert out[1].startswith("b.npz: EXPOSED")
    assert out[3:5] == ["2 updates", "     2  EXPOSED"]
    (folder / "broken.npz").write_text("nothing")
    table = tmp_path / "round.csv"
    code, values = run_json(capsys, "audit", folder, "--workers", 2, "--csv", table)
    assert code == 1
    assert [one["verdict"] for one in values["updates"]] == ["EXPOSED", "EXPOSED", ""]
    assert values["verdicts"] == {"EXPOSED": 2, "not audited": 1}
    assert len(table.read_text().splitlines()) == 4
    for name in ("a", "b"):
        (folder / f"{name}.npz").unlink()
    assert main(["audit", str(folder)]) == 2


@pytest.mark.parametrize("words", [["--workers", "2"], ["--csv", "table.csv"]])
def test_options_of_folders_need_a_folder(
    words: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(file), *words]) == 2
    assert "are for a folder of updates" in capsys.readouterr().err
    assert main(["audit", str(file.parent), "--workers", "0"]) == 2
    assert "--workers 0: need at least 1" in capsys.readouterr().err


def test_processes_have_one_thread_of_blas_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spear_xp.cli.search.os.environ", {"MKL_NUM_THREADS": "3"})
    monkeypatch.setattr("spear_xp.cli.search.ProcessPoolExecutor", lambda *_, **__: nullcontext("pool"))
    with _workers(1) as executor:
        assert executor is None
        assert os.environ == {"MKL_NUM_THREADS": "3"}
    with _workers(2) as executor:
        assert executor == "pool"
        assert os.environ == dict.fromkeys(THREADS, "1") | {"MKL_NUM_THREADS": "3"}


def test_commands_that_know_the_batch_size_ask_the_layers_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, folder = small_table(batch=20, width=400), tmp_path / "round"
    layers = [(table.weight, table.bias), *table.behind]
    before = {
        f"fc{k}.{part}": one
        for k, pair in enumerate(layers, 1)
        for part, one in zip(("weight", "bias"), pair, strict=True)
    }
    sent = {name: np.full_like(one, 1e-3) for name, one in before.items()}
    sent |= {"fc1.weight": table.grad_w, "fc1.bias": table.grad_b}
    folder.mkdir()
    np.savez(folder / "sent.npz", **sent)
    np.savez(tmp_path / "before.npz", **before)
    for update in (folder / "sent.npz", folder):
        words = ["audit", str(update), str(tmp_path / "before.npz"), "--kind", "gradient", "--batch", "20"]
        assert main(words) == 0
        assert "20 of 20" in capsys.readouterr().out
        assert main(words[:-2]) == 1
        assert "20 of 20" not in capsys.readouterr().out
    assert main(["invert", str(folder / "sent.npz"), *words[2:]]) == 0
    assert "20 of 20" in capsys.readouterr().out

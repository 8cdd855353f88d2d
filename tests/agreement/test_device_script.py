"""The script for the day that a device answers, with NumPy in the place of the device."""

import json
from pathlib import Path

import pytest

from tests.benchmarks import device
from tests.benchmarks.device_checks import checked, habits


def test_every_part_is_done_once_and_a_later_call_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "device.json"
    call = ["--backend", "numpy", "--small", "--out", str(out)]
    device.main([*call, "--budget", "0"])
    assert "left for the next call: correctness" in capsys.readouterr().out
    device.main(call)
    done = json.loads(out.read_text())
    assert not [name for name, part in done.items() if device.failed(part)]
    assert all(found["right"] for found in done["correctness"]["functions"].values())
    case = done["case Gaussian 8/140"]
    assert (case["status"], case["certified"], case["host"]["certified"]) == ("EXACT", 8, 8)
    assert case["largest error"] < 1e-5
    assert min(done["calibration"].values()) > 0
    page = out.with_suffix(".md").read_text()
    for word in (
        done["facts"]["date"],
        done["facts"]["commit"],
        done["facts"]["device"],
        "column of svd",
        "8/140",
    ):
        assert word in page
    capsys.readouterr()
    device.main(call)
    assert capsys.readouterr().out.splitlines() == [f"written: {out}"]
    out.write_text(json.dumps(done | {"facts": done["facts"] | {"device": "another"}}))
    with pytest.raises(SystemExit, match="another device"):
        device.main(call)


def test_a_part_that_fails_stops_no_other_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "device.json"
    call = ["--backend", "numpy", "--small", "--out", str(out)]
    with monkeypatch.context() as broken:
        broken.setattr(device, "calibrated", lambda *_: 1 / 0)
        broken.setattr(device, "cold_start", lambda *_: 1.0)
        device.main(call)
    assert "ZeroDivisionError" in out.with_suffix(".md").read_text()
    assert "case Gaussian 8/140" in json.loads(out.read_text())
    device.main(call)
    assert not device.failed(json.loads(out.read_text())["calibration"])


def test_a_wrong_function_is_found_out() -> None:
    machine = device.machine_of("numpy")
    spoilt = checked(machine.xp, lambda array, kind: 1.01 * machine.put(array, kind), lambda a: a, 0, 8)
    assert not spoilt["matmul"]["right"]
    assert "raises" in habits(machine.xp, machine.put, lambda a: a, 0, 8)["inverse of zero"]

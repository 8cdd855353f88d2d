import csv
import json
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spear_xp
from spear_xp import FolderAudit, audit, audit_folder
from spear_xp.auditing.folder import STOPPED, UpdateAudit
from spear_xp.errors import ArgumentRangeError, FileError
from spear_xp.solver.result import Progress
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient

NAMES = ("grad_w", "grad_b", "weight", "bias")


def write(path: Path, seed: int, batch: int = 5) -> None:
    truth = mlp_gradient(gaussian_inputs(batch, 30, rng=seed), width=80, rng=0)
    np.savez(path, **dict(zip(NAMES, truth.observed, strict=True)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clients, a damaged file, notes, a hidden file and a folder."""
    for k, name in enumerate(("b", "a", "c")):
        write(tmp_path / f"client-{name}.npz", k, batch=4 + k)
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and nothing more")
    (tmp_path / "notes.txt").write_text("round 3")
    (tmp_path / ".hidden.npz").write_bytes(b"")
    (tmp_path / "more.npz").mkdir()
    return tmp_path


def timeless(found: FolderAudit) -> list[dict[str, Any]]:
    return [one | {"seconds": 0.0} for one in found.to_dict()["updates"]]


def test_each_file_is_a_line_in_the_order_of_names(folder: Path) -> None:
    told: list[str] = []
    found = audit_folder(folder, rng=0, on_update=lambda one: told.append(one.file))
    files = ["broken.npz", "client-a.npz", "client-b.npz", "client-c.npz"]
    assert [one.file for one in found.updates] == told == files
    assert [one.verdict for one in found.updates] == ["", "EXPOSED", "EXPOSED", "EXPOSED"]
    assert [one.data_certified for one in found.updates] == [0, 5, 4, 6]
    assert "broken.npz" in found.updates[0].reason
    assert found.verdicts == {"EXPOSED": 3, "not audited": 1}
    assert found.passed_over == ("notes.txt",)
    lines = found.summary().splitlines()
    assert lines[0].startswith("broken.npz: not audited: ")
    assert lines[1].startswith("client-a.npz: EXPOSED, 5 of 5 samples certified (layer), ")
    assert lines[-2:] == ["    15  samples of the data certified", "passed over: notes.txt"]


def test_workers_change_nothing(folder: Path) -> None:
    alone = timeless(audit_folder(folder, rng=0))
    with ThreadPoolExecutor(3) as threads:
        assert timeless(audit_folder(folder, rng=0, executor=threads)) == alone
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert timeless(audit_folder(folder, rng=0, executor=processes)) == alone


def test_tables_are_written(folder: Path, tmp_path: Path) -> None:
    found = audit_folder(folder, rng=0)
    found.to_csv(tmp_path / "round.csv")
    found.to_json(tmp_path / "round.json")
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("round.csv", "round.json")} == {0o600}
    with (tmp_path / "round.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["verdict"] for row in rows] == ["", "EXPOSED", "EXPOSED", "EXPOSED"]
    assert [row["batch_size"] for row in rows] == ["", "5", "4", "6"]
    assert json.loads((tmp_path / "round.json").read_text()) == json.loads(json.dumps(found.to_dict()))


def test_weights_in_the_folder_are_no_update(tmp_path: Path) -> None:
    truth = mlp_gradient(gaussian_inputs(5, 30, rng=0), width=80, rng=0)
    named = dict(zip(("fc.weight", "fc.bias"), truth.observed[2:], strict=True))
    last = {"last.weight": np.ones((3, 80), "float32"), "last.bias": np.ones(3, "float32")}
    np.savez(tmp_path / "before.npz", **named, **last)
    sent = dict(zip(named, truth.observed[:2], strict=True))
    np.savez(tmp_path / "sent.npz", **sent, **{name: 0 * one for name, one in last.items()})
    found = audit_folder(tmp_path, tmp_path / "before.npz", rng=0)
    assert [(one.file, one.layer, one.verdict) for one in found.updates] == [("sent.npz", "fc", "EXPOSED")]


def test_features_and_layers_that_are_not_searched_are_said() -> None:
    one = UpdateAudit("a.npz", "FEATURES", "fc2", 8, 8, 0)
    assert str(one) == "a.npz: FEATURES, 8 of 8 features certified, 0 samples (fc2), 0.0 s"
    one = UpdateAudit("b.npz", "NOT_APPLICABLE", reason="fc: no bias")
    assert str(one) == "b.npz: NOT_APPLICABLE: fc: no bias"
    one = UpdateAudit("c.npz", "UNPROVEN", "fc", None, labels=(1, 2))
    assert "0 of an unknown number samples certified" in str(one)


def test_a_layer_without_a_relu_is_no_error(tmp_path: Path) -> None:
    weights = {"fc.weight": np.ones((3, 4)), "fc.bias": np.ones(3)}
    np.savez(tmp_path / "sent.npz", **{"fc.weight": np.eye(3, 4), "fc.bias": np.ones(3)})
    found = audit_folder(tmp_path, weights)
    assert found.updates[0].verdict == "NOT_APPLICABLE"
    assert found.updates[0].reason == "fc: the last layer: no ReLU follows it"


def test_an_interruption_ends_the_audit(folder: Path) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    found = audit_folder(folder, rng=0, on_progress=interrupt)
    assert [one.reason for one in found.updates[1:]] == [STOPPED] * 3


class Broken(Executor):
    """Workers that die, and one that is interrupted."""

    def submit(self, function: Any, /, *words: Any, **options: Any) -> Any:
        future: Future[Any] = Future()
        if words[0].name == "client-a.npz":
            future.set_exception(KeyboardInterrupt())
        elif words[0].name == "broken.npz":
            future.set_exception(RuntimeError("killed"))
        return future


def test_dead_workers_are_named(folder: Path) -> None:
    found = audit_folder(folder, executor=Broken())
    assert found.updates[0].reason == "its worker failed: RuntimeError('killed')"
    assert [one.reason for one in found.updates[1:]] == [STOPPED] * 3


def test_folders_and_options_that_do_not_do_raise(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(FileError, match="need a folder with updates"):
        audit_folder(folder / "client-a.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="no update in it"):
        audit_folder(tmp_path / "empty")
    (folder / "broken.npz").unlink()
    with pytest.raises(ArgumentRangeError, match="search='magic'"):
        audit_folder(folder, search="magic")
    with pytest.raises(FileError, match="is a folder: need a file, or"):
        audit(folder)


def test_the_audit_of_folders_is_public() -> None:
    assert spear_xp.audit_folder is audit_folder

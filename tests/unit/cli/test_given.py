import itertools
from pathlib import Path

import numpy as np
import pytest

from spear_xp.cli import main
from tests.helpers.command import run_json
from tests.helpers.models import backward, batch, branching, network, state
from tests.helpers.optional import need
from tests.zoo.tables import TABLE_TRAPS


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
    assert "need grad_w, weight" in err


def test_an_empty_file_leaves_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.npz"
    path.write_bytes(b"")
    assert main(["invert", str(path)]) == 2


def test_a_single_array_leaves_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "single.npy", np.ones((3, 3)))
    assert main(["invert", str(tmp_path / "single.npy")]) == 2


def test_an_inversion_reads_the_same_files(
    states: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, values = run_json(capsys, "invert", *states, "--lr", "0.1", "--layer", "fc1")
    assert (code, values["certified"]) == (0, 6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "as sent is nearly that before: need kind='weights'"),
        (["--lr", "0"], "lr=0.0: need"),
        (["--lr", "0.1", "--optimizer", "adam"], "scales every entry of the gradient"),
        (["--optimizer", "adam"], "--optimizer adam: need --lr too"),
        (["--kind", "difference"], "the update holds difference: need training"),
        (["--model", "nowhere.at.all:net", "--lr", "1"], "--model nowhere.at.all:net"),
        (["--model", "nowhere", "--lr", "1"], "need MODULE:NAME"),
        (["--model", "json:dumps", "--lr", "1"], "dumps"),
    ],
)
@pytest.mark.parametrize("command", ["audit", "invert"])
def test_updates_that_cannot_be_read_leave_with_two(
    command: str,
    states: tuple[Path, Path],
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([command, *map(str, states), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_a_layer_that_is_not_there_is_named(
    states: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["invert", *map(str, states), "--lr", "0.1", "--layer", "fc2"]) == 2
    err = capsys.readouterr().err
    assert "layer fc2 is not there: need one of fc1" in err
    assert "fc2: the last layer" in err


def test_a_model_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need("torch")
    (tmp_path / "my_net.py").write_text(
        "from tests.helpers.models import batch, network\n"
        "def make():\n    return network()\n"
        "class Net:\n    def __new__(cls):\n        return network()\n"
        "net = network()\n"
    )
    monkeypatch.chdir(tmp_path)
    model = network()
    np.savez("before.npz", **{name: one.numpy() for name, one in state(model).items()})
    np.savez(
        "sent.npz", **{name: one.grad.numpy() for name, one in backward(model, batch()).named_parameters()}
    )
    for name in ("make", "Net", "net"):
        words = ["audit", "sent.npz", "before.npz", "--model", f"my_net:{name}", "--time-limit", "2"]
        code, values = run_json(capsys, *words)
        assert code == 0
        assert [one["inputs"] for one in values["layers"]] == [
            "data",
            "behind Linear '0'",
            "behind Linear '2'",
        ]


def test_an_example_shows_what_cannot_be_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need("torch")
    (tmp_path / "my_branch.py").write_text(
        "from tests.helpers.models import branching\ndef make():\n    return branching()\n"
    )
    monkeypatch.chdir(tmp_path)
    model = branching()
    np.savez("before.npz", **{name: one.numpy() for name, one in state(model).items()})
    np.savez(
        "sent.npz", **{name: one.grad.numpy() for name, one in backward(model, batch()).named_parameters()}
    )
    np.savez("example.npz", batch())
    words = ["audit", "sent.npz", "before.npz", "--model", "my_branch:make", "--example", "example.npz"]
    _, values = run_json(capsys, *words, "--time-limit", "2")
    assert [(one["name"], one["inputs"]) for one in values["layers"]][:2] == [
        ("first", "data"),
        ("second", "behind Linear 'first'"),
    ]
    assert main(["audit", "sent.npz", "before.npz", "--example", "example.npz"]) == 2
    assert "example is given without a torch module" in capsys.readouterr().err


def test_messages_say_how_the_command_line_gives_an_argument(
    states: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(states[0])]) == 2
    err = capsys.readouterr().err
    assert "  here: weights= is the second file" in err
    assert "beside fc1.weight, fc1.bias, fc2.weight, fc2.bias; arrays" in err
    assert "named grad_w, grad_b, weight and bias" in err
    assert main(["audit", *map(str, states)]) == 2
    err = capsys.readouterr().err
    assert "  here: training=Training(lr=0.1, steps=5) is --lr 0.1 --steps 5" in err
    assert "  here: kind= is --kind" in err
    assert main(["audit", str(states[0].parent / "none.npz")]) == 2
    assert "here:" not in capsys.readouterr().err


def test_kinds_of_features_come_from_a_file_or_from_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trap = TABLE_TRAPS["categories, shares of one size, integers"](0)
    path, words = tmp_path / "table.npz", tmp_path / "kinds.txt"
    np.savez(path, **dict(zip(("grad_w", "grad_b", "weight", "bias"), trap.observed, strict=True)))
    assert trap.kinds is not None
    words.write_text("\n".join(trap.kinds) + "\n")
    counts = [(kind, len(list(same))) for kind, same in itertools.groupby(trap.kinds)]
    spec = ", ".join(f"{kind}*{count}" if count > 1 else kind for kind, count in counts)
    found = [
        run_json(capsys, "invert", path, *given)[1]["candidates"]
        for given in (("--time-limit", "3"), ("--feature-kinds", words), ("--feature-kinds", spec))
    ]
    assert found[0] < found[1] == found[2]
    code, values = run_json(capsys, "audit", path, "--feature-kinds", spec, "--time-limit", "2")
    assert (code, len(values["layers"])) == (1, 1)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ("real*3", "feature_kinds has 3 entries: need 40"),
        ("number*40", "feature_kinds[0]='number': need 'real', 'integer' or 'one-hot:GROUP'"),
        ("real*40, real*none", "--feature-kinds real*none: need a number of features >= 1 behind *"),
    ],
)
def test_wrong_kinds_of_features_are_named(
    kinds: str, message: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["invert", str(file), "--feature-kinds", kinds]) == 2
    assert message in capsys.readouterr().err


def test_a_saved_result_is_no_update(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "result.npz"
    assert main(["invert", str(file), "--out", str(out)]) == 0
    assert main(["audit", str(out)]) == 2
    assert "is a saved result or a checkpoint: need an update" in capsys.readouterr().err

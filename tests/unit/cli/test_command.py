import re
import tomllib
from pathlib import Path

import pytest

from spear_xp import __version__
from spear_xp.cli import main
from spear_xp.cli.command import NEEDS

COMMANDS = ("demo", "audit", "invert", "report", "estimate", "sweep")
PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


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


@pytest.mark.parametrize("words", [[], ["fly"], ["invert"], ["estimate", "--batch", "many"]])
def test_words_that_make_no_sense_leave_with_two(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: spear-xp" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"spear-xp {__version__}\n"


def test_without_a_word_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    err = capsys.readouterr().err
    assert "begin with" in err
    assert all(f"    {name} " in err for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_the_terminal_and_says_what_files_hold(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    with pytest.raises(SystemExit):
        main([name, "--help"])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 110
    assert ("grad_w (neurons x inputs)" in out) == (name in {"audit", "invert", "estimate"})


def test_what_is_to_be_installed_is_what_the_extras_have() -> None:
    extras = PROJECT["optional-dependencies"]
    named = {extra: {re.split("[>=]", one)[0] for one in extras[extra]} for extra in ("demo", "report")}
    assert set(NEEDS["page"].split()) == named["report"]
    assert set(NEEDS["demo"].split()) - {"matplotlib"} == named["demo"] - {"spear-xp[report]"}

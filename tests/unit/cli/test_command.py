from pathlib import Path

import pytest

from spear_xp import __version__
from spear_xp.cli import main


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

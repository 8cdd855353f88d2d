"""The numbers of the worked example in docs/method.md are those that its script prints."""

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_shows_what_the_script_prints(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(DOCS / "worked_example.py"), run_name="__main__")
    _, *sections = re.split(r"^== .*\n", capsys.readouterr().out, flags=re.MULTILINE)
    shown = re.findall(r"^```text\n(.*?)^```", (DOCS / "method.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown == sections

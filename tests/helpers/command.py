"""The command line, from within Python."""

import json
from typing import Any

import pytest

from spear_xp.cli import main


def run_json(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    code = main([str(word) for word in words] + ["--json"])
    out = capsys.readouterr().out
    assert len(out.strip().splitlines()) == 1
    values = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    return code, values

"""The page for readers of results names every status and every verdict."""

import re
from pathlib import Path

from spear_xp import Exposure, Status

PAGE = (Path(__file__).parents[1] / "docs" / "reading-a-result.md").read_text()


def test_every_status_and_verdict_has_a_row() -> None:
    rows = re.findall(r"^\| ([A-Z_]+) \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted([one.name for one in Exposure] + [one.name for one in Status])

"""What a release needs, as far as it can be checked without building one."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_package_citation_and_changelog_name_one_version() -> None:
    runpy.run_path(str(DOCS / "check_release.py"))["same_version"]()

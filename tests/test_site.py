"""The site of the documentation is built without a warning, and every link on it leads somewhere."""

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.optional import need

ROOT = Path(__file__).parents[1]


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    need("material")
    need("mkdocstrings")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "reference.html").read_text()
    assert "Recover the batch behind the gradient" in reference
    assert not [page for page in tmp_path.rglob("*.html") if "fonts.googleapis" in page.read_text()]

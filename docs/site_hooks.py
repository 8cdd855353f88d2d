"""Pages of the site that stand in the root of the repository, with links that fit."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {name: f"{name.lower()}" for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")}
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add them."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=LINK.sub(_from_root, (ROOT / name).read_text())))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to them from other pages."""
    return re.sub(r"\]\((?:\.\./)+([A-Z]+\.md)", lambda match: f"]({PAGES[match[1]]}", markdown)


def _from_root(match: re.Match[str]) -> str:
    """A link as it is from the folder of the pages; of what is not on the site the text alone."""
    text, target = match.groups()
    if target.startswith(("http", "#")):
        return match[0]
    if target in PAGES:
        return f"[{text}]({PAGES[target]})"
    return f"[{text}]({target.removeprefix('docs/')})" if target.startswith("docs/") else text

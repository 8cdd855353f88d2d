"""Runs the Python blocks of README.md, top to bottom in one namespace; `>>>` lines are checked."""

import doctest
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
FENCE = re.compile(r"^```python[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_python_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = README.read_text()
    if not text.strip():
        pytest.skip("README.md is empty")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for number, match in enumerate(FENCE.finditer(text)):
        source, line = match[1], text[: match.start(1)].count("\n")
        if ">>>" in source:
            test = doctest.DocTestParser().get_doctest(source, names, f"block {number}", "README.md", line)
            runner.run(test, clear_globs=False)
            names.update(test.globs)
        else:
            exec(compile("\n" * line + source, "README.md", "exec"), names)
    assert runner.failures == 0
    assert names, "README.md has no Python block"

"""Runs the Python blocks of README.md and of all pages, top to bottom in one namespace each.

Lines that begin with `>>>` are checked. Blocks marked `py` are sketches and are not run.
"""

import doctest
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spear_xp
from spear_xp.reduction import reduce, validate
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.helpers.optional import need

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```python[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if FENCE.search(path.read_text())
)


def nothing() -> dict[str, Any]:
    return {}


def a_gradient() -> dict[str, Any]:
    """What a page takes for granted: the gradient of a batch of colour images."""
    batch = gaussian_inputs(4, 3072, rng=0)
    gradient = mlp_gradient(batch, width=60, rng=0).observed
    grad_w, grad_b, weight, bias = gradient
    names = [f"feature {j}" for j in range(3072)]
    return locals()


def a_problem() -> dict[str, Any]:
    """And what follows from it."""
    given = a_gradient()
    problem = reduce(validate(*given["gradient"]))
    return given | {"problem": problem, "directions": problem.unbalance}


def a_library() -> dict[str, Any]:
    return a_gradient() | {"spear_xp": spear_xp}


def what_draws() -> dict[str, Any]:
    need("jinja2")
    need("matplotlib")
    return a_library()


GIVEN: dict[str, Callable[[], dict[str, Any]]] = {
    "docs/index.md": a_gradient,
    "docs/long-runs.md": a_library,
    "docs/migration.md": a_problem,
    "docs/report.md": what_draws,
}


def test_pages_have_blocks_that_run() -> None:
    assert {"README.md", *GIVEN} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / page).read_text()
    names = GIVEN.get(page, nothing)()
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for number, match in enumerate(FENCE.finditer(text)):
        source, line = match[1], text[: match.start(1)].count("\n")
        if ">>>" in source:
            test = doctest.DocTestParser().get_doctest(source, names, f"block {number}", page, line)
            runner.run(test, clear_globs=False)
            names.update(test.globs)
        else:
            exec(compile("\n" * line + source, page, "exec"), names)
    assert runner.failures == 0

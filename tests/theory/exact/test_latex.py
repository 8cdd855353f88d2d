"""The pages show the formulas as they are."""

from pathlib import Path

import pytest

from theory.exact.formulas import FORMULAS
from theory.exact.latex import fill_formulas, render_formula
from theory.numerics.checks import ParameterError

PAGES = sorted((Path(__file__).parents[3] / "docs" / "theory").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_show_the_expressions(page):
    text = page.read_text(encoding="utf-8")
    assert fill_formulas(text) == text


def test_filling_twice_changes_nothing():
    once = fill_formulas("".join(f"<!-- formula: {name} -->old<!-- /formula -->" for name in FORMULAS))
    assert fill_formulas(once) == once
    assert "old" not in once


@pytest.mark.parametrize(
    "call",
    [
        lambda: render_formula("nothing"),
    ],
)
def test_bad_input(call):
    with pytest.raises(ParameterError, match=r"out of range|no symbol"):
        call()

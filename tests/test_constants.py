"""Every number at the head of a module says where it comes from."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "spear_xp").rglob("*.py"))
KIND = re.compile(r"\b(derived|measured|chosen|cosmetic): ")
ENTRY = re.compile(r'\(lab\.md, "([^"]+)"\)')


def is_numeric(value: ast.expr | None) -> bool:
    """Whether an expression is made of numbers: alone, in tuples, or as the values of a dictionary."""
    if isinstance(value, ast.Dict):
        return bool(value.values) and all(is_numeric(part) for part in value.values)
    if value is None or isinstance(value, ast.Lambda):
        return False
    found = [part.value for part in ast.walk(value) if isinstance(part, ast.Constant)]
    return bool(found) and all(type(number) in (int, float) for number in found)


def comments_of(source: str) -> dict[int, str]:
    """Comments by line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def constants_of(source: str) -> dict[str, str]:
    """Numeric constants of a module with the comment on their lines, or the comment lines above them."""
    comments, lines, found = comments_of(source), source.splitlines(), {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not is_numeric(node.value):
            continue
        beside = [comments[k] for k in range(node.lineno, (node.end_lineno or 0) + 1) if k in comments]
        line, above = node.lineno - 1, []
        while lines[line - 1].startswith("#"):
            above.insert(0, lines[line - 1].removeprefix("# "))
            line -= 1
        name = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        found[name] = " ".join(beside or above)
    return found


CONSTANTS = {
    f"{path.relative_to(ROOT / 'spear_xp')}: {name}": comment
    for path in SOURCES
    for name, comment in constants_of(path.read_text()).items()
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_says_whether_it_is_derived_measured_chosen_or_cosmetic(name: str) -> None:
    assert KIND.match(CONSTANTS[name].removeprefix("# ")), CONSTANTS[name] or "no comment"


def test_what_was_measured_stands_in_the_lab_notes() -> None:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs/lab.md").read_text(), re.MULTILINE)
    named = {heading for comment in CONSTANTS.values() for heading in ENTRY.findall(comment)}
    assert named
    assert named <= set(headings)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("A = 3  # chosen: a", {"A": "# chosen: a"}),
        ("# chosen: a\n# b\nA, B = -1, (2.0, 1e-3)", {"(A, B)": "chosen: a b"}),
        ("A: int = 2**22", {"A": ""}),
        ('A = {"one": 1.0, "two": 2}  # derived: b', {"A": "# derived: b"}),
        ("A = tuple(0.5**i for i in range(3))", {"A": ""}),
        ('A = ("text", 1)\nB = True\nC = None\nD = list[int]\n__all__ = ["A"]\nE = {"a": lambda _: [1]}', {}),
        ("def f():\n    A = 1", {}),
    ],
)
def test_what_counts_as_a_constant(source: str, found: dict[str, str]) -> None:
    assert constants_of(source) == found

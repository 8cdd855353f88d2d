"""Causes in words."""

import pytest

from spear_xp.diagnosis.causes import CAUSES, cause, words


@pytest.mark.parametrize("name", sorted(CAUSES))
def test_every_cause_says_what_was_seen_and_what_to_do(name: str) -> None:
    one = cause(name, 0.5, 7, "")
    assert one.name == name
    assert "{" not in one.sentence + one.advice
    assert one.advice
    assert str(one) == f"{name}: {one.sentence}; {one.advice}"


def test_causes_end_an_error_message() -> None:
    assert words(()) == ""
    assert words((cause("float16", 11),)).startswith("; float16: entries have 11 significant bits")

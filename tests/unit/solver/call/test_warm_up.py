"""Warming up runs searches on the library that it is given, and gives nothing back."""

import importlib

import numpy as np
import pytest

from spear_xp import errors, warm_up
from tests.conftest import Backend


def test_it_runs_on_every_library_and_leaves_nothing(space: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("spear_xp.solver.call.warm_up"), "WORK", 3e8)
    assert warm_up(space.asarray(np.ones(2))) is None  # type: ignore[func-returns-value]


def test_what_is_no_array_of_reals_is_refused() -> None:
    with pytest.raises(errors.DtypeError):
        warm_up(np.ones(2, dtype=int))

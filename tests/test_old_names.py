"""Names of version 0.1 work for one release."""

import importlib
import sys

import pytest

import spear_xp
from spear_xp._moved import MODULES, NAMES, PUBLIC


@pytest.mark.parametrize("name", sorted(NAMES))
def test_old_names_say_where_they_are_now(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=NAMES[name].rpartition(".")[0]):
        found = getattr(spear_xp, name)
    assert found.__module__.startswith("spear_xp.")


def test_plots_have_a_short_name_that_stays() -> None:
    from spear_xp import plots

    assert plots.__name__ == "spear_xp.reporting.plots"


def test_defences_have_a_short_name() -> None:
    from spear_xp import defences

    assert defences.__name__ == "spear_xp.auditing.defences"


@pytest.mark.parametrize("name", sorted(set(MODULES) - set(PUBLIC)))
def test_old_modules_are_those_of_today(name: str) -> None:
    sys.modules.pop(f"spear_xp.{name}", None)
    with pytest.warns(DeprecationWarning, match=MODULES[name]):
        found = importlib.import_module(f"spear_xp.{name}")
    assert found is importlib.import_module(f"spear_xp.{MODULES[name]}")


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = spear_xp.nothing

"""Earlier names of modules and functions, so that `from theory.errors import ParameterError` still works.

A stand-in for a module looks a name up in the new homes when it is asked for; until then nothing is loaded.
The old name of a function warns.  All of this goes with the next release.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

MOVED = {
    "activity": ("batch.row_activity",),
    "averaged": ("batch.averaged",),
    "breakdown": ("noise.breakdown",),
    "budget": ("batch.budget", "batch.samples_needed"),
    "coupon": ("draws.coupon_collector",),
    "dulmage_mendelsohn": ("patterns.dulmage_mendelsohn",),
    "errors": ("numerics.checks",),
    "failure": ("batch.failure",),
    "forecasting": ("batch.forecasting",),
    "formulas": ("exact.formulas", "exact.latex"),
    "hall": ("patterns.hall_bounds",),
    "identifiability": ("batch.identifiability",),
    "inverses": ("batch.inverse_queries",),
    "leverage": ("samplers.leverage",),
    "logmath": ("numerics.logmath", "numerics.binomial"),
    "measured": ("batch.zero_counts",),
    "mixtures": ("acceptance.mixtures",),
    "prefix_tree": ("samplers.prefix_tree",),
    "rank": ("patterns.rank_failure", "patterns.dulmage_mendelsohn", "patterns.hall_bounds"),
    "sample": ("draws.one_draw", "draws.uneven_rows"),
    "separation": ("acceptance.row_span",),
    "simulate": ("draws.simulation",),
    "symbolic": ("exact.polynomials",),
    "threshold": ("draws.threshold",),
    "tolerance": ("noise.tolerance",),
}
"""Old name of each module, and the rooms that its content is in now."""

RENAMED = {"log_false_acceptance": "acceptance.certificate.log_certificate_acceptance"}
"""Old name of each function, and where it is now."""


class MovedModule(ModuleType):
    """Looks like the old module and reads from the new ones."""

    def __init__(self, name: str, rooms: tuple[str, ...]) -> None:
        super().__init__(f"theory.{name}", f"Moved to {' and '.join(f'theory.{room}' for room in rooms)}.")
        self._rooms = rooms

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):  # those are asked for by whoever lists all modules
            for room in self._rooms:
                module = importlib.import_module(f"theory.{room}")
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def stand_in() -> dict[str, ModuleType]:
    """Register a stand-in for every module that has moved, and return them by their old names."""
    modules: dict[str, ModuleType] = {name: MovedModule(name, rooms) for name, rooms in MOVED.items()}
    sys.modules.update((module.__name__, module) for module in modules.values())
    return modules


def renamed(name: str) -> Any:
    """Return what an old name of a function stands for, and warn the caller of the caller."""
    room, _, new = RENAMED[name].rpartition(".")
    warnings.warn(f"theory.{name} is now theory.{new}", DeprecationWarning, stacklevel=3)
    return getattr(importlib.import_module(f"theory.{room}"), new)

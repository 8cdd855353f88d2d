"""Enters: a name of version 0.1. Leaves: what it names, from where it lives now.

Old names work for one release, with a DeprecationWarning.
"""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["MODULES", "NAMES", "Finder", "moved"]

PUBLIC = {"plots": "reporting.plots", "defences": "auditing.defences"}  # short names that stay
MODULES = {
    **PUBLIC,
    "data": "updates.images",
    "metrics": "reporting.metrics",
    "search": "strategies",
    "synthetic": "updates.synthetic",
}
NAMES = {
    "Candidate": "candidates.candidate.Candidate",
    "Certificate": "certification.certificate.Certificate",
    "Evidence": "certification.evidence.Evidence",
    "Factorization": "reduction.factorization.Factorization",
    "Gradient": "reduction.gradient.Gradient",
    "Pool": "candidates.pool.Pool",
    "Problem": "reduction.problem.Problem",
    "Recovery": "recovery.samples.SampleSet",
    "certify": "certification.certify.certify",
    "factorize": "reduction.factorization.factorize",
    "filter_directions": "candidates.refit.filter_directions",
    "greedy_selection": "candidates.selection.greedy_selection",
    "matching_score": "candidates.selection.matching_score",
    "recover": "recovery.samples.recover",
    "reduce": "reduction.problem.reduce",
    "refine": "recovery.samples.refine",
    "refit": "candidates.refit.refit",
    "to_inputs": "recovery.samples.to_inputs",
    "validate": "reduction.gradient.validate",
}


def moved(name: str) -> Any:
    """The object that `spear_xp.<name>` was in version 0.1."""
    if name in MODULES:
        return importlib.import_module(f"spear_xp.{name}")
    if name not in NAMES:
        msg = f"module 'spear_xp' has no attribute {name!r}"
        raise AttributeError(msg)
    module, _, attribute = f"spear_xp.{NAMES[name]}".rpartition(".")
    warnings.warn(f"spear_xp.{name} is now {module}.{attribute}", DeprecationWarning, stacklevel=3)
    return getattr(importlib.import_module(module), attribute)


class Finder(MetaPathFinder, Loader):
    """Imports of a module by its old name."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """A spec for the old names, None for all others."""
        package, _, module = name.partition(".")
        return ModuleSpec(name, self) if package == "spear_xp" and module in MODULES else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of today in the place of the old one."""
        new = f"spear_xp.{MODULES[module.__name__.partition('.')[2]]}"
        if new.removeprefix("spear_xp.") not in PUBLIC.values():
            warnings.warn(f"{module.__name__} is now {new}", DeprecationWarning, stacklevel=2)
        sys.modules[module.__name__] = importlib.import_module(new)

"""Libraries that some tests need and the library does not.

Where one is missing its tests are skipped. With SPEAR_REQUIRE_ALL=1 that is a failure, so that a machine that
installs them cannot pass over them.
"""

import importlib
import os
import warnings
from typing import Any

import pytest

__all__ = ["need"]


def need(name: str) -> Any:
    """The module of that name; skips the test, or the file, that asks for it where it is not installed."""
    if os.environ.get("SPEAR_REQUIRE_ALL") == "1":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)

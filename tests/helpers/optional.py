"""Libraries and programs that some tests need and the library does not.

Where one is missing its tests are skipped. With SPEAR_REQUIRE_ALL=1 that is a failure, so that a machine that
installs them cannot pass over them.
"""

import importlib.util
import os
import shutil
import warnings
from pathlib import Path
from typing import Any, NoReturn

import pytest

__all__ = ["missing", "need", "need_program", "need_wheel"]


def need(name: str) -> Any:
    """The module of that name; skips the test, or the file, that asks for it where it is not installed."""
    if os.environ.get("SPEAR_REQUIRE_ALL") == "1":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)


def missing(what: str) -> NoReturn:
    """Skip the test, or let it fail where everything has to be there."""
    if os.environ.get("SPEAR_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


def need_program(name: str) -> Path:
    """Where a program is."""
    found = shutil.which(name)
    return Path(found) if found else missing(name)


def need_wheel(package: str, pattern: str) -> Path:
    """A file in a namespace package, such as a shared library of a wheel without any Python."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    places = (spec.submodule_search_locations or []) if spec else []
    found = [path for place in places for path in sorted(Path(place).rglob(pattern)) if path.is_file()]
    return found[0] if found else missing(f"{pattern} of {package}")

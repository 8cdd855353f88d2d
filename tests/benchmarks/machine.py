"""Enters: nothing. Leaves: the facts about this machine that a table of timings needs, and tables."""

import datetime as dt
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import scipy

import spear_xp

__all__ = ["facts", "markdown_row", "markdown_table", "write_page"]


def facts() -> str:
    """Date, cores, threads and versions in one line."""
    load = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return (
        f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}; {len(os.sched_getaffinity(0))} cores of "
        f"{processor()}, BLAS threads {blas_threads()}{load}; "
        f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, "
        f"spear_xp {spear_xp.__version__}."
    )


def processor() -> str:
    """Model of the processor, where the system tells."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def blas_threads() -> str:
    """Threads of the BLAS that NumPy uses."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return os.environ.get("OMP_NUM_THREADS", "unknown")
    return "/".join(
        sorted({str(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"})
    )


def markdown_row(cells: Iterable[object]) -> str:
    """One line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def markdown_table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table with its header."""
    return "\n".join([markdown_row(header), "|" + "---|" * len(header), *map(markdown_row, rows)])


def write_page(path: str, title: str, *parts: str) -> None:
    """A page of the documentation."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n\n".join([f"# {title}", *parts]) + "\n", encoding="utf-8")
    print(f"written: {target}")

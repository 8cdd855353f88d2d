"""Enters: options that speak of files and pages. Leaves: where results go, and pages written."""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from spear_xp.errors import ArgumentRangeError, FileError
from spear_xp.numerics.backend import Host
from spear_xp.solver.saving.results import load_result
from spear_xp.updates.adapters.files import DAMAGED, why

__all__ = ["add_page", "checked_out", "lines_in", "of_page", "page_beside", "records_in", "write_page"]


def add_page(command: argparse.ArgumentParser) -> None:
    """Arguments that say what a page shows."""
    command.add_argument(
        "--no-samples", action="store_true", help="leave recovered samples out of what is written"
    )
    command.add_argument(
        "--original",
        type=Path,
        metavar="FILE",
        help="the true batch for the page, one sample a row: .npy, or .npz with an array inputs",
    )
    command.add_argument(
        "--shape", type=_shape, help="of images on the page, such as 28x28 or 32x32x3 (default: a guess)"
    )
    command.add_argument(
        "--features", type=Path, metavar="FILE", help="names of features for the page, one a line"
    )


def checked_out(path: Path | None, option: str = "--out") -> Path | None:
    """Where a result or page goes, asked before a search."""
    if path is not None and (path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)):
        msg = f"{option} {path}: need a file in a folder that exists and can be written to"
        raise ArgumentRangeError(msg)
    return path


def write_page(options: argparse.Namespace) -> int:
    """`spear-xp report`."""
    result = load_result(options.result)
    result.report(options.out, **of_page(options))
    print(f"page: {options.out.resolve()}")
    return 0 if result.success else 1


def page_beside(options: argparse.Namespace) -> dict[str, Any] | None:
    """What a page beside a search is to show; None where no page was asked for."""
    if options.report is not None:
        return of_page(options)
    for name in ("original", "shape", "features"):
        if getattr(options, name) is not None:
            msg = f"--{name} is for a page: need --report HTML, too"
            raise ArgumentRangeError(msg)
    return None


def of_page(options: argparse.Namespace) -> dict[str, Any]:
    """What a page is to show beside the result."""
    import jinja2  # noqa: F401  # a search is not to end in the news that it is missing
    import matplotlib as mpl  # noqa: F401

    option = "report" if "report" in options else "out"
    checked_out(getattr(options, option), f"--{option}")
    names = None if options.features is None else lines_in(options.features)
    original = None if options.original is None else records_in(options.original)
    samples = not options.no_samples
    return {"original": original, "shape": options.shape, "feature_names": names, "samples": samples}


def records_in(path: Path) -> Host:
    """Samples, one a row, of an `.npy`, or of an `.npz` that names them inputs or holds nothing else."""
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            names = found.files
            name = "inputs" if "inputs" in names else names[0] if len(names) == 1 else ""
            records: Host | None = found[name] if name else None
    except DAMAGED as error:
        msg = f"{path} cannot be read: {why(error)}"
        raise FileError(msg) from error
    if records is None:
        msg = f"{path} holds {', '.join(names) or 'nothing'}: need an array inputs, one sample a row"
        raise FileError(msg)
    return records


def lines_in(path: Path) -> list[str]:
    """Lines of a text file."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        msg = f"{path} is no text file: need words, one a line"
        raise FileError(msg) from error


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(side) for side in text.split("x"))

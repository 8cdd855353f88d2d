"""Enters: the words of `spear-xp sweep`. Leaves: what it prints, and the files that it was asked to write."""

import argparse
import dataclasses
from pathlib import Path

from spear_xp.auditing.defences import DEFENCES, sweep
from spear_xp.cli.page import records_in
from spear_xp.reporting.text import describe_sweep, to_json

__all__ = ["add_sweep", "sweep_defences"]

FACES = 100  # cosmetic: photographs to draw batches from


def add_sweep(parser: argparse.ArgumentParser) -> None:
    """The arguments that are its own."""
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="RECORDS",
        help=".npy, or .npz with an array inputs: one record a row (default: photographs of faces)",
    )
    parser.add_argument("--defence", action="append", choices=list(DEFENCES), help="one of several, or all")
    parser.add_argument("--strength", type=float, action="append", help="of each, instead of its own five")
    parser.add_argument("--batch", type=int, default=12, help="records in a batch (default 12)")
    parser.add_argument("--width", type=int, default=300, help="neurons of a hidden layer (default 300)")
    parser.add_argument("--seeds", type=int, default=3, help="batches and networks for each (default 3)")
    parser.add_argument("--csv", type=Path, help="CSV to write, a line for each update")
    parser.add_argument("--plot", type=Path, help="PNG to write")


def sweep_defences(options: argparse.Namespace) -> int:
    """`spear-xp sweep`."""
    if options.file is None:
        from spear_xp.updates.images import faces

        records = faces(FACES, rng=0)
    else:
        records = records_in(options.file)
    found = sweep(
        records,
        defences={name: options.strength or DEFENCES[name].strengths for name in options.defence or DEFENCES},
        batch_size=options.batch,
        width=options.width,
        seeds=range(options.seeds),
        time_limit=options.time_limit,
    )
    if options.csv is not None:
        found.to_csv(options.csv)
    if options.plot is not None:
        from spear_xp.reporting.leaks import draw_leaks

        draw_leaks(found, options.plot)
    if options.json:
        print(to_json({"leaks": [dataclasses.asdict(leak) for leak in found.leaks]}))
        return 0
    written = [path for path in (options.csv, options.plot) if path is not None]
    print("\n".join([*describe_sweep(found), *(f"written: {path.resolve()}" for path in written)]))
    return 0

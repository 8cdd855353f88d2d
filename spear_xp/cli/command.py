"""Enters: command-line words. Leaves: an exit code, 0 exact, 1 not exact, 2 bad input."""

import argparse
import sys
from argparse import RawDescriptionHelpFormatter as AsItIs
from collections.abc import Sequence
from pathlib import Path

from spear_xp import __version__
from spear_xp.cli.forecast import forecast
from spear_xp.cli.given import add_accuracy, add_kinds, add_update, hints
from spear_xp.cli.page import add_page, write_page
from spear_xp.cli.search import BAD_INPUT, audit_model, demo, invert_layer
from spear_xp.cli.sweep import add_sweep, sweep_defences
from spear_xp.errors import SpearError
from spear_xp.strategies.portfolio import STRATEGIES

__all__ = ["NEEDS", "main"]

NEEDS = {  # what to install for a command that misses a library
    "demo": "matplotlib scikit-image scikit-learn rich",
    "page": "jinja2 matplotlib",
}
START = """\
begin with
  spear-xp demo                                          a gradient, and the photographs in it
  spear-xp audit UPDATE WEIGHTS --report page.html       what an update reveals, on a page for others
  spear-xp COMMAND --help                                what a command takes

docs/reading-a-result.md says which command fits what you have, and what every answer means.
Exit codes: 0 every sample is certified (estimate, sweep: done), 1 not every sample is, 2 bad input."""
FILES = """\
UPDATE holds arrays by name, as .npz, .safetensors or .pt:
  gradients of a model (fc1.weight, fc1.bias, ...), or its weights after training (then --lr as well), with
  WEIGHTS, the weights before, under the same names; or
  one layer in one file: grad_w (neurons x inputs), grad_b, weight (as grad_w), bias."""
FOLDER = """

UPDATE may be a folder: every file in it is audited, a line each.
Exit codes: 0 every sample of every update came back, 1 not all did, 2 nothing could be read."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `spear-xp`; returns the exit code."""
    parser = _parser()
    if not (sys.argv[1:] if argv is None else argv):
        parser.print_help(sys.stderr)
        raise SystemExit(BAD_INPUT)
    options = parser.parse_args(argv)
    try:
        return int(options.run(options))
    except (SpearError, ValueError, OSError, TypeError) as error:
        print("\n".join([f"spear-xp: {error}", *hints(str(error))]), file=sys.stderr)
    except MemoryError:
        print("spear-xp: this takes more memory than there is", file=sys.stderr)
    except ModuleNotFoundError as error:
        needed = NEEDS["demo" if options.run is demo else "page"]
        print(f"spear-xp: {error}: pip install {needed}", file=sys.stderr)
    return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spear-xp",
        description="Audit what the gradient of a fully connected ReLU layer reveals.",
        epilog=START,
        formatter_class=AsItIs,
    )
    parser.add_argument("--version", action="version", version=f"spear-xp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    first = commands.add_parser("demo", help="recover 12 face photographs from one gradient and draw them")
    first.add_argument("--batch", type=int, default=12, help="faces in the batch (default 12)")
    first.add_argument("--width", type=int, default=200, help="neurons of the layer (default 200)")
    first.add_argument(
        "--out", type=Path, metavar="PNG", default=Path("spear_xp_demo.png"), help="picture to write"
    )
    first.set_defaults(run=demo)

    check = commands.add_parser(
        "audit",
        help="say what each layer of an update, or all in a folder, reveals",
        epilog=FILES + FOLDER,
        formatter_class=AsItIs,
    )
    check.add_argument("--workers", type=int, default=1, help="processes for a folder of updates (default 1)")
    check.add_argument("--csv", type=Path, help="CSV to write about a folder, a line for each update")
    check.add_argument(
        "--batch", type=int, help="batch size, if known: the layers behind are asked as well, then"
    )
    check.set_defaults(run=audit_model)

    run = commands.add_parser(
        "invert", help="recover the batch behind one layer", epilog=FILES, formatter_class=AsItIs
    )
    run.add_argument("--layer", help="name of the layer (default: the first that can be searched)")
    run.add_argument("--batch", type=int, help="batch size, if known: the layers behind are asked, then")
    run.add_argument(
        "--out", type=Path, metavar="NPZ", help="to save the result in (`spear-xp report` reads it)"
    )
    run.add_argument(
        "--checkpoint",
        type=Path,
        metavar="NPZ",
        help="to keep the state of the search in, and to go on from",
    )
    run.set_defaults(run=invert_layer)
    for command in (check, run):
        command.add_argument("--report", type=Path, metavar="HTML", help="page to write about what was found")

    page = commands.add_parser("report", help="an HTML page about a saved result, without a new search")
    page.add_argument(
        "result",
        type=Path,
        metavar="RESULT",
        help="file that `spear-xp invert --out` or Result.save has written",
    )
    page.add_argument(
        "--out", type=Path, metavar="HTML", default=Path("spear_xp_report.html"), help="page to write"
    )
    page.set_defaults(run=write_page)
    for command in (check, run, page):
        add_page(command)

    cost = commands.add_parser(
        "estimate",
        help="what a search will recover and take, before it runs",
        epilog="Give --batch and --width, or an update:\n" + FILES,
        formatter_class=AsItIs,
    )
    cost.add_argument("--batch", type=int, help="batch size b")
    cost.add_argument("--width", type=int, help="neurons m of the layer")
    cost.add_argument("--features", type=int, help="entries n of an input: for noise and accuracy")
    cost.add_argument("--noise", type=float, help="noise of an entry of grad_w over their root mean square")
    cost.add_argument(
        "--centred", action=argparse.BooleanOptionalAction, help="whether inputs have mean zero, roughly"
    )
    cost.add_argument("--update", "--file", type=Path, metavar="UPDATE", help="the same as UPDATE alone")
    cost.add_argument("--measure", action="store_true", help="measure the speed of this machine first")
    cost.add_argument(
        "--rate", type=float, help="row subsets a second of the published search; measured if not given"
    )
    cost.add_argument(
        "--heatmap", type=Path, metavar="PNG", help="what is feasible, open, impossible over sizes"
    )
    cost.set_defaults(run=forecast, feature_kinds=None)

    leaks = commands.add_parser("sweep", help="what defences change, on data of your own")
    add_sweep(leaks)
    leaks.set_defaults(run=sweep_defences)

    for command in (check, run):
        add_accuracy(command)
        add_kinds(command)
    for command in (check, run, cost):
        add_update(command, needed=command is not cost)
    for command in (first, check, run, cost):
        command.add_argument(
            "--search",
            metavar="NAME",
            default="auto",
            help=f"strategy: {', '.join(STRATEGIES)} (default auto; sampling is the published attack)",
        )
    for command in (first, check, run, cost, leaks):
        command.add_argument("--time-limit", type=float, metavar="SECONDS", default=60.0, help="(default 60)")
        command.add_argument("--json", action="store_true", help="print one line of JSON instead of text")
    for command in (first, check, run):
        command.add_argument("--seed", type=int, default=0, help="seed of the search (default 0)")
    return parser

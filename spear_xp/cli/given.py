"""Enters: what a command was told of an update. Leaves: the update as the library takes it."""

import argparse
import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from spear_xp.cli.page import lines_in
from spear_xp.errors import ArgumentRangeError, FileError, UpdateError
from spear_xp.reduction.problem import ACCURACY
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.adapters.files import read_arrays
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.model_update import ModelUpdate

__all__ = ["add_accuracy", "add_kinds", "add_update", "hints", "layer_of", "reading_of", "update_of"]


OPTIONS = {  # what messages call an argument, and how it is given here
    "weights=None": "weights= is the second file",
    "training=": "training=Training(lr=0.1, steps=5) is --lr 0.1 --steps 5",
    "kind=": "kind= is --kind",
    "layout=": "layout= is --layout",
    "example=": "example= is --example FILE, together with --model",
    "time_limit": "time_limit is --time-limit",
    "feature_kinds": "feature_kinds is --feature-kinds",
    "batch_size=None": "sizes are --batch and --width; an update is a file",
    "no saved result": "`spear-xp invert UPDATE --out RESULT` saves one",
}


def hints(message: str) -> list[str]:
    """How the command line gives what a message asks for by the name of an argument."""
    return [f"  here: {how}" for name, how in OPTIONS.items() if name in message]


def add_accuracy(command: argparse.ArgumentParser) -> None:
    """The argument that says how accurate a certified sample has to be."""
    command.add_argument(
        "--accuracy",
        type=float,
        default=ACCURACY,
        help=f"relative error of a certified sample (default {ACCURACY:g}; up to .3 for noisy updates)",
    )


def add_kinds(command: argparse.ArgumentParser) -> None:
    """The argument that says which columns of a table are what."""
    command.add_argument(
        "--feature-kinds",
        metavar="WORDS",
        help="kind of each feature: real, integer or one-hot:GROUP, in a text file with one a line, or with "
        "commas between them; one-hot:sex*2 stands for two of them",
    )


def add_update(command: argparse.ArgumentParser, *, needed: bool = True) -> None:
    """Arguments that say what was sent."""
    formats = ".npz, .safetensors or .pt"
    command.add_argument(
        "file",
        type=Path,
        metavar="UPDATE",
        nargs=None if needed else "?",
        help=f"{formats}: gradients, weights after training, or one layer's four arrays",
    )
    command.add_argument(
        "weights", type=Path, metavar="WEIGHTS", nargs="?", help=f"{formats}: the weights before the step"
    )
    command.add_argument(
        "--model", metavar="MODULE:NAME", help="torch or Keras model, or what returns it; its code is run"
    )
    command.add_argument(
        "--example",
        type=Path,
        metavar="FILE",
        help=f"{formats}: what the torch model is called with, to see what layers do",
    )
    command.add_argument("--kind", choices=("gradient", "weights", "difference"), help="what the file holds")
    command.add_argument("--lr", type=float, help="learning rate, for weights after training")
    command.add_argument("--steps", type=int, default=1, help="local steps (default 1)")
    command.add_argument("--optimizer", default="sgd", help="optimiser of the client (default sgd)")
    command.add_argument("--momentum", type=float, default=0.0, help="its momentum (default 0)")
    command.add_argument("--layout", choices=("torch", "keras"), help="for square weights without names")


def update_of(options: argparse.Namespace) -> ModelUpdate:
    """What the files of a command hold."""
    if options.file.is_dir():
        msg = f"{options.file} is a folder: need a file; `spear-xp audit` takes folders"
        raise FileError(msg)
    return read(options.file, options.weights, **reading_of(options))


def reading_of(options: argparse.Namespace) -> dict[str, Any]:
    """How files of updates are read."""
    if options.lr is None and options.optimizer != "sgd":
        msg = f"--optimizer {options.optimizer}: need --lr too"
        raise ArgumentRangeError(msg)
    training = None
    if options.lr is not None:
        training = Training(options.lr, options.steps, options.optimizer, options.momentum)
    model = None if options.model is None else _model(options.model)
    example = None if options.example is None else tuple(read_arrays(options.example).values())
    given = {"kind": options.kind, "training": training, "model": model}
    kinds = None if options.feature_kinds is None else _kinds(options.feature_kinds)
    return {**given, "layout": options.layout, "example": example, "feature_kinds": kinds}


def _kinds(given: str) -> list[str]:
    """Kinds of features from a file, or from words with commas; WORD*COUNT is as many of them."""
    words = lines_in(Path(given)) if Path(given).is_file() else given.split(",")
    kinds: list[str] = []
    for word in filter(None, map(str.strip, words)):
        kind, times, count = word.rpartition("*")
        if times and not (count.isdecimal() and int(count)):
            msg = f"--feature-kinds {word}: need a number of features >= 1 behind *"
            raise ArgumentRangeError(msg)
        kinds += [kind] * int(count) if times else [word]
    return kinds


def _model(name: str) -> Any:
    """A model as MODULE:NAME; functions and classes are called without arguments."""
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        msg = f"--model {name}: {error}: need MODULE:NAME of something that can be imported"
        raise UpdateError(msg) from error
    return found() if inspect.isroutine(found) or inspect.isclass(found) else found


def layer_of(update: ModelUpdate, name: str | None = None) -> LayerUpdate:
    """The layer of that name, or the first that can be searched."""
    found = {one.name: one for one in update}
    if not found or (name is not None and name not in found):
        reasons = "".join(f"; {layer}: {reason}" for layer, reason in update.skipped.items())
        msg = f"layer {name or 'to search'} is not there: need one of {', '.join(found) or 'none'}{reasons}"
        raise UpdateError(msg)
    return found[name] if name is not None else next(iter(found.values()))

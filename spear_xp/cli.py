"""Enters: command-line words. Leaves: an exit code, 0 exact, 1 not exact, 2 bad input."""

import argparse
import dataclasses
import importlib
import inspect
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spear_xp import __version__
from spear_xp.auditing.audit import audit
from spear_xp.auditing.verdict import Exposure
from spear_xp.certification.false_acceptance import false_acceptance
from spear_xp.errors import ArgumentRangeError, SpearError, UpdateError
from spear_xp.forecasting.calibration import measure_rate
from spear_xp.forecasting.default import SAMPLING, estimate
from spear_xp.forecasting.forecast import Forecast
from spear_xp.forecasting.published import median_map
from spear_xp.numerics.backend import to_host
from spear_xp.reporting.progress import progress_bar
from spear_xp.reporting.text import describe, summary, to_json
from spear_xp.solver.invert import invert
from spear_xp.solver.result import Result
from spear_xp.strategies.portfolio import STRATEGIES
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.model_update import ModelUpdate

__all__ = ["main"]

EXACT, NOT_EXACT, BAD_INPUT = 0, 1, 2  # chosen: exit codes of the command; scripts rely on them


def main(argv: Sequence[str] | None = None) -> int:
    """Run `spear-xp`; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except (SpearError, ValueError, OSError, TypeError) as error:
        print(f"spear-xp: {error}", file=sys.stderr)
        return BAD_INPUT
    except ModuleNotFoundError as error:
        print(f'spear-xp: {error}: pip install "spear-xp[demo]"', file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spear-xp", description="Audit what the gradient of a fully connected ReLU layer reveals."
    )
    parser.add_argument("--version", action="version", version=f"spear-xp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="recover 12 face photographs from one gradient and draw them")
    demo.add_argument("--batch", type=int, default=12, help="faces in the batch (default 12)")
    demo.add_argument("--width", type=int, default=200, help="neurons of the layer (default 200)")
    demo.add_argument("--out", type=Path, default=Path("spear_xp_demo.png"), help="picture to write")
    demo.set_defaults(run=_demo)

    check = commands.add_parser("audit", help="say what each layer of an update reveals")
    check.set_defaults(run=_audit)

    run = commands.add_parser("invert", help="recover the batch behind one layer")
    run.add_argument("--layer", help="name of the layer (default: the first that can be searched)")
    run.add_argument("--batch", type=int, help="batch size, if known")
    run.add_argument("--out", type=Path, help=".npz to write inputs, certified and error_bars to")
    run.set_defaults(run=_invert)

    cost = commands.add_parser("estimate", help="what a search will recover and take, before it runs")
    cost.add_argument("--batch", type=int, help="batch size b")
    cost.add_argument("--width", type=int, help="neurons m of the layer")
    cost.add_argument("--features", type=int, help="entries n of an input: for noise and accuracy")
    cost.add_argument("--noise", type=float, help="noise of an entry of grad_w over their root mean square")
    cost.add_argument(
        "--centred", action=argparse.BooleanOptionalAction, help="whether inputs have mean zero, roughly"
    )
    cost.add_argument("--update", "--file", type=Path, help=".npz with an update, to run a pilot on it")
    cost.add_argument("--measure", action="store_true", help="measure the speed of this machine first")
    cost.add_argument(
        "--rate", type=float, help="samples a second of the published search; measured if not given"
    )
    cost.add_argument("--heatmap", type=Path, help="PNG: what is feasible, open, impossible over sizes")
    cost.set_defaults(run=_estimate)

    for command in (check, run):
        _add_update(command)
    for command in (demo, check, run, cost):
        command.add_argument(
            "--search",
            default="auto",
            help=f"strategy: {', '.join(STRATEGIES)} (default auto; sampling is the published attack)",
        )
        command.add_argument("--time-limit", type=float, default=60.0, help="seconds (default 60)")
        command.add_argument("--json", action="store_true", help="print one line of JSON instead of text")
    for command in (demo, check, run):
        command.add_argument("--seed", type=int, default=0, help="seed of the search (default 0)")
    return parser


def _add_update(command: argparse.ArgumentParser) -> None:
    """Arguments that say what was sent."""
    formats = ".npz, .safetensors or .pt"
    command.add_argument(
        "file", type=Path, help=f"{formats}: gradients, weights after training, or one layer's four arrays"
    )
    command.add_argument("weights", type=Path, nargs="?", help=f"{formats}: the weights before the step")
    command.add_argument(
        "--model", metavar="MODULE:NAME", help="torch or Keras model, or what returns it; its code is run"
    )
    command.add_argument("--kind", choices=("gradient", "weights", "difference"), help="what the file holds")
    command.add_argument("--lr", type=float, help="learning rate, for weights after training")
    command.add_argument("--steps", type=int, default=1, help="local steps (default 1)")
    command.add_argument("--optimizer", default="sgd", help="optimiser of the client (default sgd)")
    command.add_argument("--momentum", type=float, default=0.0, help="its momentum (default 0)")
    command.add_argument("--layout", choices=("torch", "keras"), help="for square weights without names")


def _read(options: argparse.Namespace) -> ModelUpdate:
    if options.lr is None and options.optimizer != "sgd":
        msg = f"--optimizer {options.optimizer}: need --lr too"
        raise ArgumentRangeError(msg)
    training = None
    if options.lr is not None:
        training = Training(options.lr, options.steps, options.optimizer, options.momentum)
    model = None if options.model is None else _model(options.model)
    given = {"kind": options.kind, "training": training, "model": model, "layout": options.layout}
    return read(options.file, options.weights, **given)


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


def _layer(update: ModelUpdate, name: str | None) -> LayerUpdate:
    found = {one.name: one for one in update}
    if not found or (name is not None and name not in found):
        reasons = "".join(f"; {layer}: {reason}" for layer, reason in update.skipped.items())
        msg = f"layer {name or 'to search'} is not there: need one of {', '.join(found) or 'none'}{reasons}"
        raise UpdateError(msg)
    return found[name] if name is not None else next(iter(found.values()))


def _checked_out(path: Path | None) -> Path | None:
    """Where results go, asked before a search: NumPy appends the ending that is missing."""
    if path is None:
        return None
    path = path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        msg = f"--out {path}: need a file in a folder that exists and can be written to"
        raise ArgumentRangeError(msg)
    return path


def _search(options: argparse.Namespace, update: LayerUpdate, batch: int | None = None) -> Result:
    with progress_bar(quiet=options.json) as bar:
        return invert(
            update,
            batch_size=batch,
            search=options.search,
            time_limit=options.time_limit,
            rng=options.seed,
            on_progress=bar,
        )


def _report(options: argparse.Namespace, result: Result, extra: dict[str, object], lines: list[str]) -> int:
    if options.json:
        plain = {name: getattr(result, name) for name in ("batch_size", "reasons", "missing")}
        traced = ("samples_drawn", "candidates", "noise_level", "noise_model")
        plain |= {name: getattr(result.trace, name) for name in traced}
        print(
            to_json(
                {
                    "status": result.status.name,
                    "certified": int(result.certified.sum()),
                    "log10_false_acceptance": false_acceptance(result).tolist(),
                    **plain,
                    **extra,
                    "seconds": result.trace.seconds,
                }
            )
        )
    else:
        print("\n".join([*summary(result), *lines]))
    return EXACT if result.success else NOT_EXACT


def _demo(options: argparse.Namespace) -> int:
    from spear_xp.reporting.metrics import compare
    from spear_xp.reporting.plots import draw_reconstructions
    from spear_xp.updates.images import faces
    from spear_xp.updates.synthetic import mlp_gradient

    inputs = faces(options.batch, rng=options.seed)
    truth = mlp_gradient(inputs, width=options.width, depth=3, rng=options.seed)
    forecast = estimate(truth.observed, time_limit=options.time_limit)
    if not options.json:
        print(
            f"The gradient of a ReLU layer of {options.width} neurons, for {options.batch} face photographs."
        )
        print(forecast.summary() + "\n")
    result = _search(options, LayerUpdate(*truth.observed))
    extra: dict[str, object] = {"verdict": forecast.verdict.name}
    lines = []
    if len(result.inputs):
        comparison = compare(inputs, result.inputs)
        draw_reconstructions(inputs, result.inputs, comparison, options.out, shape=(25, 25))
        extra |= {"picture": str(options.out), "psnr_min": float(comparison.psnr.min())}
        lines = [
            f"against the truth: PSNR {comparison.psnr.min():.0f} to {comparison.psnr.max():.0f} dB",
            f"picture: {options.out.resolve()}",
        ]
    return _report(options, result, extra, lines)


def _invert(options: argparse.Namespace) -> int:
    out = _checked_out(options.out)
    result = _search(options, _layer(_read(options), options.layer), options.batch)
    lines = []
    if out is not None:
        inputs, certified, bars = map(to_host, (result.inputs, result.certified, result.error_bars))
        np.savez(out, inputs=inputs, certified=certified, error_bars=bars)
        lines = [f"written: {out.resolve()}"]
    return _report(options, result, {}, lines)


def _audit(options: argparse.Namespace) -> int:
    update = _read(options)
    with progress_bar(quiet=options.json) as bar:
        found = audit(
            update,
            time_limit=options.time_limit,
            search=options.search,
            rng=options.seed,
            on_progress=bar,
        )
    print(to_json(found.to_dict()) if options.json else found.summary())
    return EXACT if found.verdict is Exposure.EXPOSED else NOT_EXACT


def _estimate(options: argparse.Namespace) -> int:
    forecast = estimate(
        options.batch,
        options.width,
        update=None if options.update is None else _layer(read(options.update), None),
        search=options.search,
        features=options.features,
        noise=options.noise,
        centred=options.centred,
        time_limit=options.time_limit,
        machine_rate=measure_rate() if options.measure else None,
        samples_per_second=options.rate,
    )
    published = options.search == SAMPLING
    if options.heatmap is not None:
        _heatmap(options.heatmap, forecast, published=published)
    if options.json:
        values = forecast.to_dict()
        if published:
            figures = forecast.published
            values["published"] = {**dataclasses.asdict(figures), "verdict": figures.verdict.name}
        print(to_json(values))
    else:
        print(forecast.summary())
        if published:
            print("\n".join(describe(forecast.published)))
        if options.heatmap is not None:
            print(f"picture: {options.heatmap.resolve()}")
    return EXACT


def _heatmap(path: Path, forecast: Forecast, *, published: bool) -> None:
    from spear_xp.reporting.plots import draw_heatmap, draw_regions

    if not published:
        draw_regions(forecast, path)
        return
    batches, widths = np.arange(2, 62), np.unique(np.geomspace(64, 10_000, 80).astype(int))
    bits = median_map(batches, widths)
    draw_heatmap(
        np.where(np.isfinite(bits), bits, np.nan),
        batches.tolist(),
        widths.tolist(),
        path,
        title="Samples of the published sampler for the whole batch, even odds (iid tier)",
        label="number of samples",
    )


if __name__ == "__main__":
    sys.exit(main())

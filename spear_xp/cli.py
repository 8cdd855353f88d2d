"""Enters: command-line words. Leaves: an exit code, 0 exact, 1 not exact, 2 bad input."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from spear_xp.certification.false_acceptance import false_acceptance
from spear_xp.errors import SpearError
from spear_xp.forecasting.published import estimate, median_map
from spear_xp.reporting.progress import progress_bar
from spear_xp.reporting.sweep_command import add_words, lines_of
from spear_xp.reporting.text import describe, summary, to_json
from spear_xp.solver.invert import invert
from spear_xp.solver.result import Result
from spear_xp.strategies.portfolio import STRATEGIES

__all__ = ["main"]

EXACT, NOT_EXACT, BAD_INPUT = 0, 1, 2  # chosen: exit codes of the command; scripts rely on them
KEYS = ("grad_w", "grad_b", "weight", "bias")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `spear-xp`; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except (SpearError, ValueError, OSError, KeyError, EOFError, TypeError, BadZipFile) as error:
        print(f"spear-xp: {error}", file=sys.stderr)
        return BAD_INPUT
    except ModuleNotFoundError as error:
        print(f'spear-xp: {error}: pip install "spear-xp[demo]"', file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spear-xp", description="Audit what the gradient of a fully connected ReLU layer reveals."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="recover 12 face photographs from one gradient and draw them")
    demo.add_argument("--batch", type=int, default=12, help="faces in the batch (default 12)")
    demo.add_argument("--width", type=int, default=200, help="neurons of the layer (default 200)")
    demo.add_argument("--out", type=Path, default=Path("spear_xp_demo.png"), help="picture to write")
    demo.set_defaults(run=_demo)

    run = commands.add_parser(
        "invert", help="recover a batch from grad_w, grad_b, weight, bias in an .npz file"
    )
    run.add_argument("file", type=Path, help=".npz with arrays grad_w, grad_b, weight, bias")
    run.add_argument("--batch", type=int, help="batch size, if known")
    run.add_argument("--out", type=Path, help=".npz to write inputs, certified and error_bars to")
    run.set_defaults(run=_invert)

    cost = commands.add_parser("estimate", help="what a search will cost, before it runs")
    cost.add_argument("--batch", type=int, help="batch size b")
    cost.add_argument("--width", type=int, help="neurons m of the layer")
    cost.add_argument("--file", type=Path, help=".npz with a gradient, for figures measured on it")
    cost.add_argument("--rate", type=float, help="samples per second; measured on this machine if not given")
    cost.add_argument("--heatmap", type=Path, help="PNG with the median cost over batch sizes and widths")
    cost.set_defaults(run=_estimate)

    leaks = commands.add_parser("sweep", help="what defences change, on data of your own")
    add_words(leaks)
    leaks.set_defaults(run=_sweep)

    for command in (demo, run):
        command.add_argument(
            "--search",
            default="auto",
            help=f"strategy: {', '.join(STRATEGIES)} (default auto; sampling is the published attack)",
        )
        command.add_argument("--seed", type=int, default=0, help="seed of the search (default 0)")
    for command in (demo, run, cost, leaks):
        command.add_argument("--time-limit", type=float, default=60.0, help="seconds (default 60)")
        command.add_argument("--json", action="store_true", help="print one line of JSON instead of text")
    return parser


def _load(path: Path) -> tuple[Any, ...]:
    with path.open("rb") as stream, np.load(stream) as file:
        missing = [key for key in KEYS if key not in file]
        if missing:
            msg = f"{path} has arrays {', '.join(file)}: need {', '.join(KEYS)}"
            raise ValueError(msg)
        return tuple(file[key] for key in KEYS)


def _search(options: argparse.Namespace, gradient: tuple[Any, ...], batch: int | None = None) -> Result:
    with progress_bar(quiet=options.json) as bar:
        return invert(
            *gradient,
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
        plain["diagnosis"] = [dataclasses.asdict(one) for one in result.diagnosis]
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
    forecast = estimate(gradient=truth.observed, time_limit=options.time_limit)
    if not options.json:
        print(
            f"The gradient of a ReLU layer of {options.width} neurons, for {options.batch} face photographs."
        )
        print("\n".join(describe(forecast)) + "\n")
    result = _search(options, truth.observed)
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
    result = _search(options, _load(options.file), options.batch)
    lines = []
    if options.out is not None:
        np.savez(options.out, inputs=result.inputs, certified=result.certified, error_bars=result.error_bars)
        lines = [f"written: {options.out.resolve()}"]
    return _report(options, result, {}, lines)


def _estimate(options: argparse.Namespace) -> int:
    forecast = estimate(
        options.batch,
        options.width,
        gradient=None if options.file is None else _load(options.file),
        time_limit=options.time_limit,
        samples_per_second=options.rate,
    )
    if options.heatmap is not None:
        _heatmap(options.heatmap)
    if options.json:
        print(to_json({**dataclasses.asdict(forecast), "verdict": forecast.verdict.name}))
    else:
        print("\n".join(describe(forecast)))
        if options.heatmap is not None:
            print(f"picture: {options.heatmap.resolve()}")
    return EXACT


def _sweep(options: argparse.Namespace) -> int:
    print("\n".join(lines_of(options)))
    return EXACT


def _heatmap(path: Path) -> None:
    from spear_xp.reporting.plots import draw_heatmap

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

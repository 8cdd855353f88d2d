"""Enters: command-line words. Leaves: an exit code, 0 exact, 1 not exact, 2 bad input."""

import argparse
import dataclasses
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from spear_xp.certification.false_acceptance import false_acceptance
from spear_xp.errors import SpearError
from spear_xp.forecasting.published import estimate, median_map
from spear_xp.reporting.progress import progress_bar
from spear_xp.reporting.text import describe, summary, to_json
from spear_xp.solver.invert import invert
from spear_xp.solver.result import Result
from spear_xp.solver.saving.results import load_result
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
    except MemoryError:
        print("spear-xp: this takes more memory than there is", file=sys.stderr)
        return BAD_INPUT
    except ModuleNotFoundError as error:
        extra = "demo" if options.run is _demo else "report"
        print(f'spear-xp: {error}: pip install "spear-xp[{extra}]"', file=sys.stderr)
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
    run.add_argument("--out", type=Path, help=".npz to save the result in (spear_xp.load_result reads it)")
    run.add_argument(
        "--checkpoint", type=Path, help="file to keep the state of the search in, and to go on from"
    )
    run.add_argument("--report", type=Path, help="HTML page to write about the result")
    run.set_defaults(run=_invert)

    page = commands.add_parser("report", help="an HTML page about a saved result, without a new search")
    page.add_argument(
        "result", type=Path, help="file that `spear-xp invert --out` or Result.save has written"
    )
    page.add_argument("--out", type=Path, default=Path("spear_xp_report.html"), help="page to write")
    page.set_defaults(run=_page)
    for command in (run, page):
        command.add_argument(
            "--no-samples", action="store_true", help="leave recovered samples out of what is written"
        )
        command.add_argument(
            "--original", type=Path, help="the true batch for the page: .npy or .npz (inputs)"
        )
        command.add_argument("--shape", type=_shape, help="of images on the page, such as 28x28 or 32x32x3")
        command.add_argument("--features", type=Path, help="text file with one feature name a line")

    cost = commands.add_parser("estimate", help="what a search will cost, before it runs")
    cost.add_argument("--batch", type=int, help="batch size b")
    cost.add_argument("--width", type=int, help="neurons m of the layer")
    cost.add_argument("--file", type=Path, help=".npz with a gradient, for figures measured on it")
    cost.add_argument("--rate", type=float, help="samples per second; measured on this machine if not given")
    cost.add_argument("--heatmap", type=Path, help="PNG with the median cost over batch sizes and widths")
    cost.set_defaults(run=_estimate)

    for command in (demo, run):
        command.add_argument(
            "--search",
            default="auto",
            help=f"strategy: {', '.join(STRATEGIES)} (default auto; sampling is the published attack)",
        )
        command.add_argument("--seed", type=int, default=0, help="seed of the search (default 0)")
    for command in (demo, run, cost):
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


def _search(
    options: argparse.Namespace,
    gradient: tuple[Any, ...],
    batch: int | None = None,
    checkpoint: Path | None = None,
) -> Result:
    with progress_bar(quiet=options.json) as bar, _sigterm_as_ctrl_c():
        return invert(
            *gradient,
            batch_size=batch,
            search=options.search,
            time_limit=options.time_limit,
            rng=options.seed,
            on_progress=bar,
            checkpoint=checkpoint,
        )


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """End a search as Ctrl-C does where a scheduler wants the machine back."""
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
    page = None if options.report is None else _of_page(options)  # what is wrong with it is said at once
    result = _search(options, _load(options.file), options.batch, options.checkpoint)
    lines = []
    if options.out is not None:
        result.save(options.out, samples=not options.no_samples)
        lines.append(f"written: {options.out.resolve()}")
    if page is not None:
        result.report(options.report, **page)
        lines.append(f"page: {options.report.resolve()}")
    return _report(options, result, {}, lines)


def _page(options: argparse.Namespace) -> int:
    result = load_result(options.result)
    result.report(options.out, **_of_page(options))
    print(f"page: {options.out.resolve()}")
    return EXACT if result.success else NOT_EXACT


def _of_page(options: argparse.Namespace) -> dict[str, Any]:
    """What a page is to show beside the result."""
    import jinja2  # noqa: F401  # a search is not to end in the news that it is missing
    import matplotlib as mpl  # noqa: F401

    names = None if options.features is None else options.features.read_text().splitlines()
    original = None
    if options.original is not None:
        with options.original.open("rb") as stream:
            found = np.load(stream)
            original = found if isinstance(found, np.ndarray) else found["inputs"]
    samples = not options.no_samples
    return {"original": original, "shape": options.shape, "feature_names": names, "samples": samples}


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(side) for side in text.split("x"))


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

"""Enters: options of a command that searches. Leaves: what was found, printed, and an exit code."""

import argparse
import dataclasses
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from spear_xp.auditing.audit import audit
from spear_xp.auditing.folder import audit_folder
from spear_xp.auditing.verdict import Exposure
from spear_xp.certification.false_acceptance import false_acceptance
from spear_xp.cli.given import layer_of, reading_of, update_of
from spear_xp.cli.page import checked_out, page_beside
from spear_xp.errors import ArgumentRangeError
from spear_xp.forecasting.default import estimate
from spear_xp.reduction.problem import ACCURACY
from spear_xp.reporting.progress import progress_bar
from spear_xp.reporting.text import summary, to_json
from spear_xp.solver.invert import invert
from spear_xp.solver.result import Result
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["BAD_INPUT", "EXACT", "NOT_EXACT", "audit_model", "demo", "invert_layer"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # of BLAS, where nobody has said
EXACT, NOT_EXACT, BAD_INPUT = 0, 1, 2  # chosen: exit codes of the command; scripts rely on them


def demo(options: argparse.Namespace) -> int:
    """`spear-xp demo`."""
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


def invert_layer(options: argparse.Namespace) -> int:
    """`spear-xp invert`."""
    out = checked_out(options.out)
    page = page_beside(options)  # what is wrong with it is said at once
    model = update_of(options)
    layer = layer_of(model, options.layer)
    whole = options.batch is not None and layer is model.layers[0].update
    result = _search(
        options,
        layer,
        options.batch,
        options.checkpoint,
        accuracy=options.accuracy,
        behind=model.behind if whole else None,
    )
    lines = []
    if out is not None:
        result.save(out, samples=not options.no_samples)
        lines.append(f"written: {out.resolve()}")
    if page is not None:
        result.report(options.report, **page)
        lines.append(f"page: {options.report.resolve()}")
    return _report(options, result, {}, lines)


def audit_model(options: argparse.Namespace) -> int:
    """`spear-xp audit`."""
    page = page_beside(options)
    if options.file.is_dir():
        return _audit_round(options)
    if options.csv is not None or options.workers != 1:
        msg = f"{options.file}: --csv and --workers are for a folder of updates"
        raise ArgumentRangeError(msg)
    update = update_of(options)
    with progress_bar(quiet=options.json) as bar, _sigterm_as_ctrl_c():
        found = audit(
            update,
            time_limit=options.time_limit,
            search=options.search,
            accuracy=options.accuracy,
            rng=options.seed,
            batch_size=options.batch,
            on_progress=bar,
        )
    if page is not None and found.worst is not None:
        found.report(options.report, **page)
    print(to_json(found.to_dict()) if options.json else found.summary())
    if page is not None and not options.json:
        told = "not written: no layer was searched" if found.worst is None else options.report.resolve()
        print(f"page: {told}")
    return EXACT if found.verdict is Exposure.EXPOSED else NOT_EXACT


def _audit_round(options: argparse.Namespace) -> int:
    """`spear-xp audit` of a folder; exit code 2 where no file could be read."""
    words: dict[str, Any] = {
        "time_limit": options.time_limit,
        "search": options.search,
        "accuracy": options.accuracy,
        "rng": options.seed,
        "batch_size": options.batch,
        **reading_of(options),
    }
    if options.workers < 1:
        msg = f"--workers {options.workers}: need at least 1"
        raise ArgumentRangeError(msg)
    if options.report is not None:
        msg = f"{options.file} is a folder: --report is for one update; --csv has a line for each of a folder"
        raise ArgumentRangeError(msg)
    tell = None if options.json else lambda one: print(one, flush=True)
    with _workers(options.workers) as executor, _sigterm_as_ctrl_c():
        found = audit_folder(options.file, options.weights, executor=executor, on_update=tell, **words)
    if options.csv is not None:
        found.to_csv(options.csv)
    lines = found.summary().splitlines()[len(found.updates) :]  # those of the files are on the screen
    if options.csv is not None:
        lines.append(f"written: {options.csv.resolve()}")
    print(to_json(found.to_dict()) if options.json else "\n".join(lines))
    if not any(one.verdict for one in found.updates):
        return BAD_INPUT
    return EXACT if set(found.verdicts) == {Exposure.EXPOSED.name} else NOT_EXACT


@contextmanager
def _workers(count: int) -> Iterator[Executor | None]:
    """Processes that audit files side by side; none for one."""
    if count == 1:
        yield None
        return
    for name in THREADS:  # processes that each use all processors wait for each other
        os.environ.setdefault(name, "1")
    # A process that is forked may hold locks of BLAS or torch; one that is started afresh does not.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as executor:
        yield executor


def _search(
    options: argparse.Namespace,
    update: LayerUpdate,
    batch: int | None = None,
    checkpoint: Path | None = None,
    accuracy: float = ACCURACY,
    behind: tuple[tuple[Any, Any], ...] | None = None,
) -> Result:
    with progress_bar(quiet=options.json) as bar, _sigterm_as_ctrl_c():
        return invert(
            update,
            batch_size=batch,
            search=options.search,
            time_limit=options.time_limit,
            rng=options.seed,
            on_progress=bar,
            checkpoint=checkpoint,
            accuracy=accuracy,
            behind=behind,
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

"""First run on a device: is everything right, what does each part of the model take, what do searches take.

`python -m tests.benchmarks.device [--backend cupy] [--out device.json] [--small] [--again]`

Correctness comes first, against float64 on the host, then seconds by the device's own clock, after warm-up.
Each part is written to the file as soon as it is done, and a later call goes on with what is missing; no part
starts once the budget is used, which is under five minutes. Beside the file stands a page with the tables.
`--backend numpy` runs the same on the host, to try the script out; its seconds say nothing of a device.
"""

import argparse
import datetime as dt
import importlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spear_xp import invert, warm_up
from spear_xp.numerics.backend import libraries, space_of, to_host
from tests.benchmarks.device_checks import checked, habits
from tests.benchmarks.device_model import COLUMN, LAUNCH, MEMORY, RATE, SYNC
from tests.benchmarks.device_timing import calibrated
from tests.benchmarks.launches import CASES, WORK
from tests.benchmarks.machine import markdown_table, processor
from tests.benchmarks.problems import gaussian

__all__ = ["main"]

SMALL = {"Gaussian 8/140": lambda seed: gaussian(seed, 8, 140)}
BUDGET, REPEATS = 280.0, 3  # seconds of all parts together; searches of each case, of which the median counts
TIME_LIMIT = 30.0  # seconds of one search
COLD = "from array_api_compat import {0} as xp; import spear_xp; spear_xp.warm_up(xp.ones(1))"
MODELLED = {"launch": LAUNCH, "wait": SYNC, "byte in memory": 1 / MEMORY, "flop, float64": 1 / RATE}
MODELLED |= {f"column of {name}": COLUMN[name] for name in ("svd", "qr", "eigh", "inv", "solve", "cholesky")}
MODELLED["column of stacked inv"] = COLUMN["stacked"]


@dataclass(frozen=True)
class Machine:
    """A library, what puts arrays there, and a clock that waits for the device."""

    name: str
    xp: Any
    timed: Callable[[Callable[[], Any]], float]

    def put(self, array: Any, kind: str) -> Any:
        """A host array in this precision, on the device."""
        return self.xp.asarray(np.asarray(array, dtype=kind))


def machine_of(backend: str) -> Machine:
    """CuPy with its events, or NumPy with the clock of the host in its place."""
    xp = importlib.import_module(f"array_api_compat.{backend}")
    if backend == "numpy":

        def by_clock(run: Callable[[], Any]) -> float:
            start = time.perf_counter()
            run()
            return time.perf_counter() - start

        return Machine(processor(), xp, by_clock)
    cuda = importlib.import_module("cupy").cuda

    def by_events(run: Callable[[], Any]) -> float:
        start, end = cuda.Event(), cuda.Event()
        start.record()
        run()
        end.record()
        end.synchronize()
        return float(cuda.get_elapsed_time(start, end)) / 1e3

    name = cuda.runtime.getDeviceProperties(cuda.Device().id)["name"]
    return Machine(name.decode() if isinstance(name, bytes) else str(name), xp, by_events)


def facts(machine: Machine) -> dict[str, Any]:
    """Date, device, commit, versions."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = (
        os.environ.get("COMMIT") or subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    )
    return {
        "date": f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}",
        "device": machine.name,
        "commit": commit.strip() or "unknown",
        "versions": libraries(space_of(machine.xp.ones(1))),
    }


def searched(machine: Machine, build: Callable[[int], Any], work: float | None) -> dict[str, Any]:
    """One case: the search on the host and on the device, with errors against the truth."""
    truth = build(0)
    limits = {"rng": 0, "time_limit": TIME_LIMIT, "work_limit": work}
    start = time.perf_counter()
    host = invert(*truth.observed, **limits)
    on_host = time.perf_counter() - start
    arrays = [machine.xp.asarray(array) for array in truth.observed]
    kept = [invert(*arrays, **limits)]  # compiles what warm_up has not
    seconds = [machine.timed(lambda: kept.append(invert(*arrays, **limits))) for _ in range(REPEATS)]
    result = kept[-1]
    certified = to_host(result.certified)
    inputs = to_host(result.inputs)[certified]
    size = np.linalg.norm(truth.inputs, axis=1).mean()
    apart = [np.linalg.norm(truth.inputs - one, axis=1).min() / size for one in inputs]
    return {
        "host": {"status": host.status.name, "certified": int(host.certified.sum()), "seconds": on_host},
        "status": result.status.name,
        "certified": int(certified.sum()),
        "batch size": result.batch_size,
        "largest error": float(max(apart, default=0.0)),
        "seconds": float(np.median(seconds)),
    }


def cold_start(backend: str, most: float) -> float:
    """Seconds of a fresh process that has to compile everything, with an empty folder of kernels."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        environment = os.environ | {"CUPY_CACHE_DIR": folder}
        subprocess.run(
            [sys.executable, "-c", COLD.format(backend)], env=environment, check=True, timeout=most
        )
        return time.perf_counter() - start


def failed(part: Any) -> bool:
    """Whether a part has ended with an error."""
    return isinstance(part, dict) and "failed" in part


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All parts that are missing in the file, while there is time."""
    begun = time.perf_counter()
    done: dict[str, Any] = {}
    if options.out.exists() and not options.again:
        done = json.loads(options.out.read_text(encoding="utf-8"))
    machine = machine_of(options.backend)
    size, seed = (8, 48)[not options.small], secrets.randbits(32)
    cases = SMALL if options.small else CASES
    arguments = (machine.xp, machine.put, to_host, seed)
    about = facts(machine)
    if done.setdefault("facts", about) | {"date": ""} != about | {"date": ""}:
        msg = f"{options.out} is of another device, commit or library: begin --again, or with another --out"
        raise SystemExit(msg)
    parts: dict[str, Callable[[], Any]] = {
        "correctness": lambda: {"seed": seed, "functions": checked(*arguments, size)},
        "habits": lambda: habits(*arguments, min(size, 24)),
        "warm start": lambda: [machine.timed(lambda: warm_up(machine.xp.ones(1))) for _ in range(2)][-1],
        "calibration": lambda: calibrated(
            machine.xp, machine.put, machine.timed, (16, 128)[not options.small]
        ),
    }
    parts |= {f"case {n}": lambda b=b, n=n: searched(machine, b, WORK.get(n)) for n, b in cases.items()}
    parts["cold start"] = lambda: cold_start(options.backend, options.budget - time.perf_counter() + begun)
    for name, part in parts.items():
        if (name in done and not failed(done[name])) or time.perf_counter() - begun > options.budget:
            continue
        try:
            done[name] = part()
        except Exception:  # noqa: BLE001  # the other parts are worth having
            done[name] = {"failed": traceback.format_exc()}
        options.out.write_text(json.dumps(done, indent=1), encoding="utf-8")
        print(f"{name}: {time.perf_counter() - begun:.0f} s after the start", flush=True)
    options.out.with_suffix(".md").write_text(page(done), encoding="utf-8")
    left = [name for name in parts if name not in done or failed(done[name])]
    print(f"written: {options.out}" + (f"; left for the next call: {', '.join(left)}" if left else ""))
    return done


def page(done: dict[str, Any]) -> str:
    """The tables, as far as there are any."""
    errors = {name: part["failed"] for name, part in done.items() if failed(part)}
    done = {name: part for name, part in done.items() if not failed(part)}
    about = done["facts"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [
        "# First run on a device",
        f"{about['date']}, {about['device']}, commit {about['commit']}; {versions}.",
    ]
    if "correctness" in done:
        functions = done["correctness"]["functions"]
        wrong = [name for name, found in functions.items() if not found["right"]]
        lines.append(f"Wrong beside float64 on the host: {', '.join(wrong) or 'nothing'}.")
        rows = [
            (n, found.get("raised") or f"{found['error']:.1e}", "yes" if found["right"] else "NO")
            for n, found in functions.items()
        ]
        lines.append(markdown_table(("function", "relative error", "right"), rows))
    if "habits" in done:
        lines.append(markdown_table(("habit", "found"), done["habits"].items()))
    if "calibration" in done:
        rows = [
            (n, f"{s:.2e}", f"{MODELLED[n]:.2e}" if n in MODELLED else "")
            for n, s in done["calibration"].items()
        ]
        lines.append(markdown_table(("part", "seconds a unit", "in the model"), rows))
    starts = [f"{name} {done[name]:.1f} s" for name in ("cold start", "warm start") if name in done]
    lines.append("; ".join(starts))
    head = (
        "search",
        "status",
        "certified",
        "largest error",
        "seconds",
        "host: status",
        "certified",
        "seconds",
    )
    rows = [
        (
            name.removeprefix("case "),
            found["status"],
            found["certified"],
            f"{found['largest error']:.1e}",
            f"{found['seconds']:.3f}",
            *(found["host"][key] for key in ("status", "certified")),
            f"{found['host']['seconds']:.3f}",
        )
        for name, found in done.items()
        if name.startswith("case ")
    ]
    lines.append(markdown_table(head, rows))
    lines += [f"Failed: {name}\n\n```\n{error}```" for name, error in errors.items()]
    return "\n\n".join(line for line in lines if line) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=("cupy", "numpy"), default="cupy")
    parser.add_argument("--out", type=Path, default=Path("device.json"))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--again", action="store_true", help="begin anew, whatever the file holds")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds after which no part begins")
    run(parser.parse_args(arguments))


if __name__ == "__main__":
    main()

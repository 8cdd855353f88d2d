"""Bytes that a fuzzer finds by what they reach in the code, beside those that Hypothesis draws.

`python -m tests.benchmarks.fuzz [--scale 1] [--seconds 480] [--only NAMES] [--seed 1] [--write FILE]`.
Needs atheris, which is no dependency of this library or its tests. A case is right if it ends in a result or
a `SpearError`, within five seconds of a processor and a gibibyte of memory; anything else ends the run, and
the bytes are printed. A page that is there keeps its runs: a new one is added, and the sum is made anew.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = {  # of each target: 100,000 in all
    "file_of_arrays": 25_000,
    "file_of_a_result": 25_000,
    "layer": 18_000,
    "searched": 2_000,
    "forecast": 5_000,
    "update_by_names": 25_000,
}
SAYS = (
    "Cases that [atheris](https://github.com/google/atheris) makes, led by what they reach in `spear_xp`. "
    "Each ends in a result or in an error that is documented; what ends otherwise, takes five seconds of a "
    "processor or lets the process grow beyond 1 GiB is a failure. "
    "Written by `python -m tests.benchmarks.fuzz --write FILE`, a run after the other. A target may end "
    "early, by its seconds."
)
HEADER = ("target", "seed", "cases", "seconds", "branches reached", "failures")
LONGEST = {"file_of_arrays": 4000, "file_of_a_result": 20_000}  # bytes of a case, room for whole files
LONG = 5.0  # processor seconds of a case; those of the clock below are for one that waits
BOUNDS = ("-timeout=100", "-rss_limit_mb=1024")


def fuzz(name: str, folder: Path, cases: int, seconds: int, seed: int) -> None:
    """Run one target in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["spear_xp"]):
        from tests.helpers import fuzzing

    def bounded(data: bytes) -> None:
        since = time.process_time()
        fuzzing.TARGETS[name](data)
        if time.process_time() - since > LONG:
            msg = "a case took too long"
            raise TimeoutError(msg)

    for k, content in enumerate(fuzzing.whole_archives()):
        (folder / f"seed-{k}").write_bytes(content)
    words = [
        f"-runs={cases}",
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={LONGEST.get(name, 400)}",
    ]
    atheris.Setup(
        [sys.argv[0], *words, *BOUNDS, f"-artifact_prefix={folder}/", str(folder)],
        bounded,
    )
    atheris.Fuzz()


def measured(name: str, cases: int, seconds: int, seed: int) -> tuple[str, ...]:
    """Name, seed, cases, seconds, code reached, failures."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "tests.benchmarks.fuzz", "--target", name, "--folder", folder, "--cases", str(cases)]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *words, "--seconds", str(seconds), "--seed", str(seed)],
            capture_output=True,
            text=True,
            check=False,
        )
        text = done.stderr + done.stdout
        ran = re.search(r"Done (\d+) runs in (\d+) second", text)
        reached = re.findall(r"cov: (\d+)", text) or ["unknown"]
        if ran is None or done.returncode:
            print(text[-4000:])
            for path in Path(folder).glob("*-*"):
                if path.name.startswith(("crash", "timeout", "oom")):
                    print(name, path.name, path.read_bytes())
            begun = re.findall(r"^#(\d+)\s", text, re.MULTILINE) or ["0"]
            return name, str(seed), begun[-1], "ended", reached[-1], "1"
        return name, str(seed), ran[1], ran[2], reached[-1], "0"


def page(path: Path, run: str) -> tuple[str, ...]:
    """What a page says once a run is added to those that it has."""
    before = path.read_text(encoding="utf-8").split("\n## ")[1:] if path.exists() else []
    runs = [f"## {one.strip()}" for one in before] + [f"## Run {len(before) + 1}\n\n{run}"]
    rows = [line.split("|")[1:-1] for one in runs for line in one.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0].strip() in CASES]
    cases, failures = (sum(int(row[k]) for row in rows) for k in (2, 5))
    return SAYS, f"**{cases:,} cases in {len(runs)} runs; failures: {failures}.**", *runs


def main() -> None:
    """Print a table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="times 100,000 cases in all")
    parser.add_argument("--seconds", type=int, default=480, help="after which a target ends with fewer cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--write", type=Path)
    parser.add_argument("--target", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cases", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.target:
        fuzz(options.target, options.folder, options.cases, options.seconds, options.seed)
        return
    from tests.benchmarks.machine import (
        facts,
        markdown_table,
        write_page,
    )  # not before a target is instrumented

    rows = [
        measured(name, round(options.scale * cases), options.seconds, options.seed)
        for name, cases in CASES.items()
        if name in options.only
    ]
    table = markdown_table(HEADER, rows)
    print(table)
    if options.write:
        write_page(str(options.write), "Fuzzing", *page(options.write, f"{facts()}\n\n{table}"))


if __name__ == "__main__":
    main()

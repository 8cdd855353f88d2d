"""Enters: lists of problems. Leaves: what pilot and search did on each, a line of a table.

The laws of the forecast are fitted to one list and judged by another, of other sizes, seeds and data. Seconds
are those of the processor, so that a machine with other work does not change them much.

    python -m tests.benchmarks.forecast_runs [--only fit|held_out|hits] [--file FILE] [--again | --pilots]

goes on where the file ends, and takes about an hour on one core.
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

from spear_xp.candidates.pool import Pool
from spear_xp.errors import SpearError
from spear_xp.forecasting.activity import row_zero_probability
from spear_xp.forecasting.calibration import until
from spear_xp.forecasting.pilot import run_pilot
from spear_xp.geometry.deflation import LayerModel, deflated
from spear_xp.numerics.irls import sharpen
from spear_xp.numerics.linalg import normalize
from spear_xp.numerics.random import Stream, generator
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.reporting.metrics import compare
from spear_xp.solver.invert import invert
from spear_xp.solver.runtime.clock import Clock
from spear_xp.strategies.descent import TEMPERATURES, descend
from spear_xp.updates.synthetic import LayerGradient
from tests.benchmarks import problems
from tests.benchmarks.oracle import consult

__all__ = ["KINDS", "TABLE", "Run", "build", "read_runs", "time_limit"]

TABLE = Path(__file__).parent / "data" / "forecast-runs.csv"
KINDS: dict[str, Callable[..., LayerGradient]] = {
    "gaussian": problems.gaussian,
    "faces": problems.faces,
    "faces_raw": partial(problems.faces, standardized=False),
    "digits": problems.digits,
    "tabular": problems.tabular,
    "crops": problems.crops,
    "crops_raw": partial(problems.crops, standardized=False),
}
HIT = 0.9999  # cosine with a true direction from which a start has arrived
EXACT = 90.0  # dB

# kind, width, batch sizes, seeds; the seed chooses depth and classes of the network, too
Spec = tuple[str, int, tuple[int, ...], tuple[int, ...]]
LISTS: dict[str, tuple[Spec, ...]] = {
    "hits": tuple(
        ("gaussian", round(ratio * b), (b,), (0, 1))
        for b in (10, 15, 20, 30, 40, 60)
        for ratio in (2.4, 3.0, 4.0, 5.5, 7.5)
    ),
    "fit": (
        ("gaussian", 60, (14, 18, 20, 22, 24, 27), (0, 1, 2)),
        ("gaussian", 100, (22, 28, 32, 35, 38, 42), (0, 1, 2)),
        ("faces", 100, (24, 29, 32, 35, 40), (0, 1)),
        ("faces_raw", 100, (11, 15, 18, 21, 25), (0, 1)),
        ("gaussian", 200, (36, 48, 55, 60, 66, 72), (0, 1, 2)),
        ("faces", 200, (40, 49, 55, 61, 68), (0, 1)),
        ("faces_raw", 200, (22, 30, 36, 43, 52), (0, 1)),
        ("digits", 200, (20, 30, 40, 50), (0, 1)),
        ("gaussian", 400, (62, 82, 92, 102, 112, 122), (0, 1)),
        ("faces", 400, (68, 83, 93, 99), (0,)),
        ("faces_raw", 400, (48, 63, 75, 85, 97), (0,)),
        ("tabular", 80, (14, 18, 22), (0, 1)),
        ("tabular", 120, (20, 25, 28), (0, 1)),
        ("crops_raw", 120, (18, 26), (1,)),
        ("crops_raw", 200, (30, 44, 58), (0,)),
        ("crops", 250, (56, 70), (2,)),
        ("gaussian", 600, (112, 126, 140, 155), (0,)),
        ("gaussian", 1000, (104, 140, 165, 190), (0,)),
        ("faces_raw", 80, (9, 12, 15, 18), (3, 4)),
        ("faces_raw", 160, (20, 26, 32, 38, 44), (5, 6)),
        ("faces_raw", 250, (36, 46, 56), (7, 8)),
        ("crops_raw", 80, (12, 16, 20), (3, 4)),
        ("crops_raw", 160, (22, 30, 38, 46), (5, 6)),
        ("crops_raw", 260, (40, 54, 66), (7,)),
        ("digits", 100, (14, 18, 22, 26), (2, 3)),
        ("digits", 160, (24, 32, 40), (4, 5)),
        ("digits", 280, (34, 44), (6,)),
        ("tabular", 70, (13, 17, 21), (4, 5, 6)),
        ("tabular", 110, (20, 25, 30), (7, 8)),
        ("tabular", 140, (24, 29), (9,)),
        ("crops", 130, (32, 40, 46), (3, 4)),
        ("crops", 280, (70, 80, 90), (5,)),
    ),
    "held_out": (
        ("tabular", 60, (12, 16, 20, 24), (100, 101)),
        ("gaussian", 80, (24, 29, 33), (102,)),
        ("tabular", 100, (18, 23, 28), (103, 104)),
        ("gaussian", 120, (34, 41, 47), (105,)),
        ("gaussian", 150, (40, 50, 57), (106,)),
        ("faces", 150, (38, 46, 53), (107,)),
        ("faces_raw", 150, (20, 28, 36), (108,)),
        ("digits", 150, (20, 30, 42), (109,)),
        ("crops", 150, (36, 46, 54), (110,)),
        ("crops_raw", 150, (20, 28, 36), (111,)),
        ("tabular", 60, (22, 26), (105,)),
        ("gaussian", 200, (64, 72), (120,)),
        ("faces", 200, (64, 74), (121,)),
        ("crops", 200, (60, 70), (122,)),
        ("faces_raw", 200, (40, 50), (123,)),
        ("crops_raw", 200, (52, 64), (124,)),
        ("gaussian", 300, (66, 82, 92), (112,)),
        ("faces", 300, (62, 78, 90), (113,)),
        ("faces_raw", 300, (42, 58, 72), (114,)),
        ("digits", 300, (28, 42, 56), (115,)),
        ("crops", 300, (60, 80, 92), (116,)),
        ("crops_raw", 300, (42, 58, 74), (117,)),
        ("gaussian", 500, (100, 124, 140), (118,)),
        ("gaussian", 800, (120, 150, 175), (119,)),
        ("faces_raw", 120, (14, 20, 26), (130,)),
        ("faces_raw", 220, (34, 44), (131,)),
        ("crops_raw", 130, (22, 30), (132,)),
        ("crops_raw", 220, (40, 50), (133,)),
        ("digits", 120, (20, 28), (134,)),
        ("digits", 220, (36, 46), (135,)),
        ("tabular", 90, (18, 24), (136, 137)),
        ("crops", 170, (46, 56), (138,)),
    ),
}


def time_limit(width: int) -> float:
    """Seconds of the processor that a search of the table has."""
    return min(20.0, 4 + width / 50)


@dataclass(frozen=True, slots=True)
class Run:
    """One problem: sizes, what the update shows, what the pilot found, what the search did."""

    group: str
    kind: str
    batch_size: int
    width: int
    seed: int
    limit: float
    features: int
    rank: int
    live: int
    zero_share: float
    zero_spread: float  # standard deviation over rows of the probability of a zero, as the update tells
    identifiable: int = -1  # samples that a solver with all masks recovers
    first: int = 0
    found: int = 0
    pilot_work: float = 0.0
    pilot_seconds: float = 0.0
    closeness: float = 0.0  # of the nearest samples, as the update tells
    hits: float = -1.0  # share of starts of descent that arrive at a true direction
    exact: int = -1
    status: str = ""
    seconds: float = 0.0
    work: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether everything identifiable came back."""
        return self.exact >= self.identifiable > 0

    @property
    def key(self) -> tuple[str, str, int, int, int]:
        """What tells it from others."""
        return self.group, self.kind, self.width, self.batch_size, self.seed


def build(kind: str, batch_size: int, width: int, seed: int) -> LayerGradient:
    """The problem of a line."""
    return KINDS[kind](seed, batch_size=batch_size, width=width)


def hits_per_start(problem: Problem, truth: LayerGradient, starts: int = 128) -> float:
    """Share of the starts of one descent on all rows that arrive at a true direction."""
    extended = np.c_[np.asarray(truth.inputs, float), np.ones(len(truth.inputs))]
    directions = np.linalg.inv((problem.right @ extended.T) / problem.singular_values[:, None]).T
    rest = deflated(problem, Pool(problem).known)
    true = np.linalg.solve(rest.lift, directions)
    begin = problem.space.normal(generator(0, Stream.DESCENT, 0), (rest.rows.shape[1], starts))
    end = descend(
        np,
        rest.rows.astype("float32"),
        LayerModel(*(part.astype("float32") for part in rest.layer)),
        normalize(np, begin).astype("float32"),
        temperature=TEMPERATURES[0],
    )
    arrived = sharpen(np, rest.rows, end.astype(float))
    cosines = np.abs((true / np.linalg.norm(true, axis=0)).T @ arrived)
    return float((cosines.max(axis=0) > HIT).mean())


def begun(problem: Problem, seed: int) -> dict[str, float]:
    """What a pilot does on a problem."""
    start = time.process_time()
    with patch("spear_xp.forecasting.pilot.until", partial(until, now=time.process_time)):
        pilot = run_pilot(problem, seed=seed)
    spent = time.process_time() - start
    found = {"first": pilot.first, "found": pilot.found, "closeness": pilot.closeness}
    return found | {"pilot_work": pilot.work, "pilot_seconds": spent}


def begun_again(run: Run) -> Run:
    """A line with its pilot anew, and its search as it was."""
    if run.group == "hits" or not run.rank:
        return run
    truth = build(run.kind, run.batch_size, run.width, run.seed)
    return replace(run, **begun(reduce(validate(*truth.observed)), run.seed))  # type: ignore[arg-type]


def measure(group: str, kind: str, batch_size: int, width: int, seed: int) -> Run:
    """Build a problem, run pilot and search on it."""
    truth, limit = build(kind, batch_size, width, seed), time_limit(width)
    about = {"group": group, "kind": kind, "batch_size": batch_size, "width": width, "seed": seed}
    about |= {"limit": limit, "features": truth.grad_w.shape[1], "zero_share": truth.zero_pattern.mean()}
    try:
        problem = reduce(validate(*truth.observed))
    except SpearError as error:
        nothing = {"rank": 0, "live": 0, "zero_spread": np.nan, "status": type(error).__name__}
        return Run(**about, **nothing, identifiable=consult(truth).identifiable(EXACT), exact=0)
    zero = np.asarray(row_zero_probability(problem))
    about |= {"rank": problem.rank, "live": problem.width, "zero_spread": zero.std()}
    if group == "hits":
        hits = hits_per_start(problem, truth) if problem.rank == batch_size else -1.0
        return Run(**about, hits=hits)
    about |= begun(problem, seed)
    with patch("spear_xp.solver.invert.Clock", partial(Clock, now=time.process_time)):
        result = invert(*truth.observed, time_limit=limit, rng=seed)
    psnr = compare(np.asarray(truth.inputs), result.inputs).psnr if len(result.inputs) else np.zeros(0)
    return Run(
        **about,
        identifiable=consult(truth).identifiable(EXACT),
        exact=int((psnr > EXACT).sum()),
        status=result.status.name,
        seconds=result.trace.seconds["total"],
        work=result.trace.work,
    )


def read_runs(path: Path = TABLE) -> list[Run]:
    """The lines of a table."""
    if not path.exists():
        return []
    kinds = {field.name: field.type for field in fields(Run)}
    with path.open(encoding="utf-8") as file:
        return [
            Run(**{name: kinds[name](text) for name, text in line.items()}) for line in csv.DictReader(file)
        ]


def wanted(only: str | None) -> Iterator[tuple[str, str, int, int, int]]:
    """Keys of all lines, or of one list."""
    for group, specs in LISTS.items():
        for kind, width, batches, seeds in specs if only in {None, group} else ():
            yield from ((group, kind, width, b, seed) for b in batches for seed in seeds)


def add(run: Run, path: Path) -> None:
    """Put a line at the end of a table, and show it."""
    line = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in asdict(run).items()}
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(line))
        if new:
            writer.writeheader()
        writer.writerow(line)
    print(*line.values(), flush=True)


def main() -> None:
    """Add the lines that are not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(LISTS))
    parser.add_argument("--file", type=Path, default=TABLE)
    parser.add_argument("--again", action="store_true", help="measure all lines anew")
    parser.add_argument(
        "--pilots", action="store_true", help="measure the pilots anew, and keep the searches"
    )
    options = parser.parse_args()
    runs = [] if options.again else read_runs(options.file)
    if options.pilots:
        runs = [begun_again(run) for run in runs]
    if options.again or options.pilots:
        options.file.unlink(missing_ok=True)
    for run in runs if options.pilots else ():
        add(run, options.file)
    done = {run.key for run in runs}
    for group, kind, width, batch_size, seed in wanted(options.only):
        if (group, kind, width, batch_size, seed) in done:
            continue
        add(measure(group, kind, batch_size, width, seed), options.file)


if __name__ == "__main__":
    main()

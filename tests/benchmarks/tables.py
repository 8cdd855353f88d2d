"""Batches with more samples than features: how many come back, and whether a certificate is ever false.

`python -m tests.benchmarks.tables [--only PATTERN] [--seeds 0,1,2] [--write FILE]` prints the table, with
processor seconds. The min-max scaled one-hot table comes with its `feature_kinds`.
`python -m tests.benchmarks.tables --campaign 1000 [--seed 0] [--write FILE]` solves small random problems
full of traps and counts false certificates, by the rule of `verdicts.py`; `--replay SEED` shows one of them.
"""

import argparse
import itertools
import os
import re
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from spear_xp import Result, SpearError, invert
from tests.benchmarks.changes import Varied
from tests.benchmarks.machine import facts, markdown_table, write_page
from tests.benchmarks.verdicts import Judged, judged
from tests.helpers.networks import Floats, network
from tests.helpers.tables import KINDS, TABLES, Table, scaled, table, table_gradient

LIMIT = 30.0  # seconds for each problem of the table; more on a machine with other work
CAMPAIGN_LIMIT, CAMPAIGN_WORK = 20.0, 1e10  # seconds, and work, for each problem of a campaign
FOUND = 1e-3  # relative error of a sample that counts as found
CENTRED = 100_000  # seeds of a campaign that has batches for zero hyperplanes
HIDDEN: tuple[tuple[int, ...], ...] = ((), (20,), (64,), (200,), (64, 64))
TRAPS = (
    "none",
    "none",
    "near-duplicates",
    "duplicates",
    "affine combinations",
    "other weights",
    "weights of a later step",
    "noise",
    "equal neurons",
    "row pair",
    "outliers",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    name: str
    scaling: str
    batch: int
    width: int
    dtype: str

    @property
    def kinds(self) -> list[str] | None:
        """Kinds of its features, where groups are 0 and 1."""
        return KINDS if (self.name, self.scaling) == ("one-hot", "min-max") else None

    @property
    def title(self) -> str:
        """Its words."""
        return f"{self.name}, {self.scaling}, b={self.batch}, m={self.width}, {self.dtype}"


CASES = [
    Case(name, scaling, batch, width, dtype)
    for name, (scaling, batch, width, dtype) in itertools.product(
        TABLES,
        (
            ("min-max", 64, 1000, "float32"),
            ("min-max", 64, 4000, "float32"),
            ("min-max", 64, 4000, "float64"),
            ("min-max", 128, 4000, "float32"),
            ("standard", 64, 4000, "float32"),
        ),
    )
]
CASES += [
    Case(name, "standard", batch, 1000, dtype)
    for name, batch in (("breast cancer", 34), ("wine", 17))
    for dtype in ("float32", "float64")
]
CASES += [
    Case(name, "standard", dimension + more, 1000, "float32")
    for name, dimension in (("breast cancer", 30), ("wine", 13))
    for more in (6, 8, 12)
]


def solve(case: Case, seed: int, limit: float, *, behind: bool = False) -> tuple[int, int, int, float, str]:
    """Found, certified, false, processor seconds and status."""
    problem = table_gradient(
        case.name, case.batch, case.width, seed=seed, scaling=case.scaling, dtype=case.dtype
    )
    more = {"behind": problem.behind, "batch_size": case.batch} if behind else {}
    start = time.process_time()
    result = invert(*problem.observed, time_limit=limit, rng=seed, feature_kinds=case.kinds, **more)
    seconds = time.process_time() - start
    found = np.asarray(result.inputs, dtype=float)
    apart = np.linalg.norm(found[:, None] - problem.inputs[None].astype(float), axis=2)
    near = apart < FOUND * np.linalg.norm(problem.inputs.astype(float), axis=1)
    verdict = judged(_as_varied(problem), result)
    return (
        int(near.any(axis=0).sum()),
        int(np.asarray(result.certified).sum()),
        int(verdict.false.sum()),
        seconds,
        result.status.name,
    )


def table_of(cases: list[Case], seeds: list[int], limit: float, *, behind: bool = False) -> str:
    """The table, a row for each case."""
    rows = []
    for case in cases:
        runs = [solve(case, seed, limit, behind=behind) for seed in seeds]
        found, certified, false, seconds, status = zip(*runs, strict=True)
        row = (
            case.title,
            _list(found),
            f"{statistics.median(found) / case.batch:.0%}",
            _list(certified),
            sum(false),
            _list(f"{value:.1f}" for value in seconds),
            _list(dict.fromkeys(status)),
        )
        print(*row, sep=" | ", flush=True)
        rows.append(row)
    header = ("problem", "found", "median", "certified", "false", "processor s", "status")
    return markdown_table(header, rows)


def _list(values: object) -> str:
    return ", ".join(str(value) for value in values)  # type: ignore[attr-defined]


def _as_varied(problem: Table, parts: tuple[str, ...] = ()) -> Varied:
    return Varied(*problem.observed, problem.inputs, None, parts)


def varied_table(seed: int) -> Varied:
    """A small random problem with more samples than dimensions, perhaps with a trap.

    From `CENTRED` on every second one has a few samples more than dimensions.
    """
    return varied_network(seed)[0]


def varied_network(seed: int) -> tuple[Varied, list[tuple[Floats, Floats]]]:
    """The same, and the layers behind."""
    rng, centred = np.random.default_rng(seed), seed >= CENTRED and seed % 2 == 0
    inputs, kind = _inputs(rng)
    features = inputs.shape[1]
    batch = int(rng.integers(features + 1, features + 7 if centred else 4 * features + 8))
    inputs = inputs[rng.choice(len(inputs), batch, replace=False)]
    labels = rng.integers(0, classes := int(rng.choice([2, 2, 3, 10])), batch)
    trap = str(rng.choice(TRAPS))
    inputs, labels = _spoiled(rng, inputs, labels, trap)
    dtype = str(rng.choice(["float32", "float64"]))
    width, hidden = int(rng.integers(300, 2500)), HIDDEN[rng.integers(len(HIDDEN))]
    net = network((features, width, *hidden, classes), rng, dtype)
    if trap == "equal neurons":
        net.weights[0][1::2] = net.weights[0][: width // 2 * 2 : 2]
        net.biases[0][1::2] = net.biases[0][: width // 2 * 2 : 2]
    inputs = inputs.astype(dtype)
    grad_w, grad_b, weight, bias = net.observed(inputs, labels)
    if trap == "other weights":
        weight, bias = network((features, width), rng, dtype).weights[0], rng.permutation(bias)
    if trap == "weights of a later step":
        later = net.step(inputs, labels, 10 ** rng.uniform(-3, 0))
        weight, bias = later.weights[0], later.biases[0]
    if trap == "noise":
        size = 10 ** rng.uniform(-8, -3)
        noise = rng.standard_normal((width, features + 1)) * size * np.abs(grad_b).mean()
        grad_w, grad_b = (grad_w + noise[:, :-1]).astype(dtype), (grad_b + noise[:, -1]).astype(dtype)
    if trap == "row pair":
        pair = rng.choice(width, 2, replace=False)
        sample = rng.standard_normal(features)
        grad_w[pair], grad_b[pair] = (rng.standard_normal((2, 1)) * np.r_[sample, 1]).T[:-1].T, 1.0
        grad_w[pair] = sample
    more = ("few more",) if centred else ()
    parts = (*more, kind, f"{len(hidden)} hidden", f"{classes} classes", dtype, trap)
    behind = list(zip(net.weights[1:], net.biases[1:], strict=True))
    return Varied(grad_w, grad_b, weight, bias, inputs, None, parts), behind


def _inputs(rng: np.random.Generator) -> tuple[Floats, str]:
    """A table of a kind, perhaps some of its columns, scaled in some way."""
    kind = str(rng.choice(["uniform", "Gaussian", "integers", "groups", *TABLES]))
    count, features = 600, int(rng.integers(3, 16))
    if kind in TABLES:
        inputs, _ = table(kind)
        chosen = rng.choice(inputs.shape[1], min(features, inputs.shape[1]), replace=False)
        inputs = np.unique(inputs[:, chosen] if kind != "one-hot" else inputs[:, -features:], axis=0)
    elif kind == "integers":
        inputs = rng.integers(0, 6, (count, features)).astype(float)
    elif kind == "groups":
        inputs = rng.uniform(size=(4, features))[rng.integers(4, size=count)]
        inputs = inputs + 0.05 * rng.standard_normal((count, features))
    else:
        inputs = (
            rng.uniform(size=(count, features)) if kind == "uniform" else rng.normal(size=(count, features))
        )
    inputs = scaled(inputs, str(rng.choice(["min-max", "min-max", "standard"])))
    inputs = np.unique(inputs, axis=0)
    while len(inputs) < 4 * features + 8:  # few distinct rows: repeat them with small changes
        inputs = np.concatenate([inputs, inputs + 0.1 * rng.standard_normal(inputs.shape)])
    return inputs + float(rng.choice([0.0, 0.0, 0.5])), kind


def _spoiled(rng: np.random.Generator, inputs: Floats, labels: Floats, trap: str) -> tuple[Floats, Floats]:
    """The batch with a trap in it."""
    inputs, labels, half = inputs.copy(), labels.copy(), len(inputs) // 2 - 1
    if trap in {"near-duplicates", "duplicates"}:
        apart = 0.0 if trap == "duplicates" else 10 ** rng.uniform(-4, -1)
        count = int(rng.integers(1, half + 1))
        inputs[-count:] = inputs[:count] + apart * inputs.std() * rng.standard_normal(inputs[:count].shape)
        labels[-count:] = np.where(rng.random(count) < 0.8, labels[:count], labels[-count:])
    if trap == "affine combinations":
        for k in range(int(rng.integers(1, half + 1))):
            mix = rng.dirichlet(np.ones(3)) * rng.choice([1.0, 1.0, 2.0])
            mix[0] += 1 - mix.sum()
            inputs[k] = mix @ inputs[rng.choice(np.arange(half, len(inputs)), 3, replace=False)]
    if trap == "outliers":
        inputs[: int(rng.integers(1, 4))] *= 10 ** rng.uniform(0, 2)
    return inputs, labels


def campaign(count: int, first: int, *, behind: bool = False) -> str:
    """Solve so many problems and count; with the layers behind and the size of the batch, or without."""
    rows: dict[str, list[int]] = {}
    endings, bars, total = Counter[str](), [], [0, 0, 0, 0]
    for seed in range(first, first + count):
        problem, more = known_of(seed, behind=behind)
        try:
            result = invert(
                *problem.observed, time_limit=CAMPAIGN_LIMIT, work_limit=CAMPAIGN_WORK, rng=seed, **more
            )
        except SpearError:
            endings["refused"] += 1
            continue
        verdict = judged(problem, result)
        endings[result.status.name.lower()] += 1
        sure = ~(verdict.false | verdict.merged)
        bars += verdict.bars[sure].tolist()
        numbers = (
            len(problem.inputs),
            len(verdict.false),
            int(verdict.false.sum()),
            int(verdict.merged.sum()),
        )
        for part in problem.parts:
            row = rows.setdefault(part, [0, 0, 0, 0, 0])
            rows[part] = [row[0] + 1, *(a + b for a, b in zip(row[1:], numbers, strict=True))]
        total = [a + b for a, b in zip(total, numbers, strict=True)]
        for note in verdict.notes:
            print(f"seed {seed}: {note} [{'; '.join(problem.parts)}]", flush=True)
        if (seed - first + 1) % 100 == 0:
            print(f"{seed - first + 1} problems, {total[1]} certified, {total[2]} false", flush=True)
    within = ", ".join(f"{np.mean(np.array(bars) <= k):.4f} within {k}" for k in (1, 2, 3, 6))
    lines = [
        f"{count} problems from seed {first}, {total[0]} samples, {total[1]} certified.",
        f"**{total[2]} false certificates**, {total[3]} certified samples stand for several.",
        f"Error bars: {within}; largest error {max(bars, default=0):.1f} bars.",
        "Endings: " + ", ".join(f"{name} {number}" for name, number in endings.most_common()) + ".",
    ]
    header = ("part", "problems", "samples", "certified", "false", "merged")
    return "\n\n".join([*lines, markdown_table(header, ((part, *rows[part]) for part in sorted(rows)))])


def known_of(seed: int, *, behind: bool) -> tuple[Varied, dict[str, Any]]:
    """One problem of a campaign, and what is known beside the gradient."""
    problem, layers = varied_network(seed)
    return problem, {"behind": layers, "batch_size": len(problem.inputs)} if behind else {}


def replay(seed: int, *, behind: bool = False) -> tuple[Varied, Result, Judged]:
    """One problem of a campaign."""
    problem, more = known_of(seed, behind=behind)
    result = invert(*problem.observed, time_limit=CAMPAIGN_LIMIT, work_limit=CAMPAIGN_WORK, rng=seed, **more)
    verdict = judged(problem, result)
    print(problem.parts, problem.inputs.shape, result)
    print("\n".join(verdict.notes), Counter(result.reasons), sep="\n")
    return problem, result, verdict


def main() -> None:
    """Print the table, run a campaign, or replay one of its problems."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose title holds this pattern")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for each problem of the table")
    parser.add_argument("--campaign", type=int, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=0, help="of the first problem of a campaign")
    parser.add_argument("--replay", type=int, metavar="SEED")
    parser.add_argument("--behind", action="store_true", help="with the layers behind, and the batch size")
    parser.add_argument("--write", metavar="FILE")
    options = parser.parse_args()
    if options.replay is not None:
        replay(options.replay, behind=options.behind)
        return
    if options.campaign:
        title, body = (
            "Tables: false certificates",
            campaign(options.campaign, options.seed, behind=options.behind),
        )
    else:
        cases = [case for case in CASES if re.search(options.only, case.title)]
        title, body = (
            "Tables",
            table_of(
                cases,
                [int(seed) for seed in options.seeds.split(",")],
                options.limit,
                behind=options.behind,
            ),
        )
    print(body)
    if options.write:
        write_page(options.write, title, facts(), body)


if __name__ == "__main__":
    main()

"""Tables with one-hot groups, with and without `feature_kinds`.

`python -m tests.benchmarks.categories [--seeds 0,1,2]` prints found, certified and false of a table like
"adult". `python -m tests.benchmarks.categories --campaign 100 [--seed 0]` counts false certificates on small
random tables full of traps.
"""

import argparse
import os
from collections import Counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from spear_xp import invert
from tests.benchmarks.changes import Varied
from tests.benchmarks.machine import markdown_table
from tests.benchmarks.tables import FOUND, HIDDEN
from tests.benchmarks.verdicts import judged
from tests.helpers.networks import network
from tests.helpers.tables import KINDS, table_gradient

LIMIT, WORK, CAMPAIGN_WORK = 60.0, 1.5e11, 5e9  # seconds, and work, for each problem
CASES = ((64, 4000, "float32"), (64, 4000, "float64"), (64, 1000, "float32"), (128, 4000, "float32"))
FAINT = (1.0, 1.0, 1.0, 0.1, 0.01, 0.0)


def counts(
    problem: Varied, kinds: list[str] | None, seed: int, work: float = WORK
) -> tuple[int, int, int, int]:
    """Found, certified, false, and certified for several that nothing tells apart."""
    result = invert(*problem.observed, feature_kinds=kinds, time_limit=LIMIT, work_limit=work, rng=seed)
    truth, found = problem.inputs.astype(float), np.asarray(result.inputs, dtype=float)
    apart = np.linalg.norm(found[:, None] - truth[None], axis=2)
    near = apart < FOUND * np.linalg.norm(truth, axis=1)
    verdict = judged(problem, result)
    certified = int(np.asarray(result.certified).sum())
    return int(near.any(axis=0).sum()), certified, int(verdict.false.sum()), int(verdict.merged.sum())


def table_of(seeds: list[int]) -> str:
    """A row for each case."""
    rows = []
    for batch, width, dtype in CASES:
        row = [f"b={batch}, m={width}, {dtype}"]
        for kinds in (None, KINDS):
            runs = []
            for seed in seeds:
                step = table_gradient("one-hot", batch, width, seed=seed, dtype=dtype)
                runs.append(counts(Varied(*step.observed, step.inputs, None, ()), kinds, seed))
            row += [", ".join(str(value) for value in column) for column in zip(*runs, strict=True)]
        print(*row, sep=" | ", flush=True)
        rows.append(row)
    names = ("found", "certified", "false", "merged")
    return markdown_table(("problem", *(f"{name} without" for name in names), *names), rows)


def varied_categories(seed: int) -> tuple[Varied, list[str]]:
    """A small random table of groups and numbers, with pairs of equal categories, and its kinds.

    Kinds are wrong now and then: a number is said to be an integer, or two groups to be one.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 8, int(rng.integers(3, 9)))
    numbers, same = int(rng.integers(0, 4)), int(rng.choice([0, 0, 1, 2, 5]))
    batch = int(rng.integers(8, 2 * sizes.sum() + 6)) + same
    chosen = np.stack([rng.integers(size, size=batch) for size in sizes], axis=1)
    chosen[batch - same :] = chosen[:same]
    whole = rng.random() < 0.3
    others = rng.integers(0, 9, (batch, numbers)) if whole else rng.uniform(size=(batch, numbers))
    blocks = [np.eye(size)[chosen[:, k]] for k, size in enumerate(sizes)]
    dtype, faint = str(rng.choice(["float32", "float64"])), float(rng.choice(FAINT))
    inputs, classes = np.column_stack([*blocks, others]), int(rng.choice([2, 3, 10]))
    inputs = np.unique(inputs, axis=0).astype(dtype)  # a record twice is one of twice the gradient
    labels = rng.integers(0, classes, len(inputs))
    hidden = HIDDEN[rng.integers(len(HIDDEN))]
    net = network((inputs.shape[1], int(rng.integers(400, 2500)), *hidden, classes), rng, dtype)
    if numbers:
        net.weights[0][:, -numbers:] *= faint
    kinds = [f"one-hot:{k}" for k, size in enumerate(sizes) for _ in range(size)]
    kinds += ["integer" if whole else "real"] * numbers
    wrong = str(rng.choice(["right", "right", "right", "integers", "one group"]))
    if wrong == "integers" and numbers:
        kinds[-1] = "integer"
    if wrong == "one group":
        kinds = ["one-hot:0" if kind == "one-hot:1" else kind for kind in kinds]
    parts = (
        f"{same} equal pairs",
        f"faint {faint:g}",
        f"{hidden} hidden, {classes} classes",
        f"kinds {wrong}",
    )
    return Varied(*net.observed(inputs, labels), inputs, None, parts), kinds


def campaign(count: int, first: int) -> str:
    """Solve so many problems and count."""
    total = Counter[str]()
    for seed in range(first, first + count):
        problem, kinds = varied_categories(seed)
        total["samples"] += len(problem.inputs)
        for name, known in (("", kinds), (" without", None)):
            values = counts(problem, known, seed, CAMPAIGN_WORK)
            for word, value in zip(("found", "certified", "false", "merged"), values, strict=True):
                total[f"{word}{name}"] += value
            certified, wrong = values[1], values[2] + values[3]
            if wrong:
                print(
                    f"seed {seed}{name}: {wrong} of {certified} wrong [{'; '.join(problem.parts)}]",
                    flush=True,
                )
    return f"{count} problems from seed {first}: " + ", ".join(f"{n} {name}" for name, n in total.items())


def main() -> None:
    """Print the table, or run a campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--campaign", type=int, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=0, help="of the first problem of a campaign")
    options = parser.parse_args()
    if options.campaign:
        print(campaign(options.campaign, options.seed))
    else:
        print(table_of([int(seed) for seed in options.seeds.split(",")]))


if __name__ == "__main__":
    main()

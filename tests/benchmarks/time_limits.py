"""How well time limits are held: twenty problems whose search would take longer, or which are long to read.

`python -m tests.benchmarks.time_limits [--only PATTERN]`. A limit is held where a run takes a tenth
more, or a quarter of a second more, whatever is longer. Run it on an idle machine: other work counts, too.
"""

import argparse
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spear_xp import invert
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.benchmarks import problems
from tests.benchmarks.machine import facts, markdown_row, markdown_table

HEADER = ["problem", "limit, s", "took, s", "over, s", "allowed, s", "certified", "held"]
P = problems
RAW = {"standardized": False}


def long_rows(seed: int, dtype: str = "float64") -> LayerGradient:
    """Twelve Gaussian inputs of 224 x 224 x 3 features behind 200 neurons."""
    return mlp_gradient(gaussian_inputs(12, 150_528, rng=seed).astype(dtype), width=200, rng=seed)


PROBLEMS: list[tuple[str, Callable[[], Any], float]] = [
    ("Gaussian 150/300", lambda: P.gaussian(0, 150, 300), 1.0),
    ("Gaussian 150/300", lambda: P.gaussian(0, 150, 300), 3.0),
    ("crops raw 100/400", lambda: P.crops(0, 100, 400, **RAW), 2.0),
    ("crops 24/300, 10 local steps", lambda: P.crops_averaged(0, 24, 300), 2.0),
    ("long rows, float64", lambda: long_rows(0), 5.0),
    ("long rows, float64", lambda: long_rows(0), 1.0),
    ("long rows, float32", lambda: long_rows(0, "float32"), 0.5),
    ("Gaussian 200/2000", lambda: P.gaussian(0, 200, 2000), 5.0),
    ("Gaussian 128/1000", lambda: P.gaussian(0, 128, 1000), 2.0),
    ("Gaussian 128/1000", lambda: P.gaussian(0, 128, 1000), 4.0),
    ("Gaussian 70/200", lambda: P.gaussian(0, 70, 200), 2.0),
    ("Gaussian 60/120", lambda: P.gaussian(0, 60, 120), 1.0),
    ("crops raw, near-duplicates 64/1000", lambda: P.crops(0, 64, 1000, distinct=0.0, **RAW), 5.0),
    ("crops, near-duplicates 64/1000", lambda: P.crops(1, 64, 1000, distinct=0.0), 3.0),
    ("crops raw 128/1000", lambda: P.crops(0, 128, 1000, **RAW), 3.0),
    ("crops, Adam 32/512", lambda: P.trained_crops(0, 32, 512, optimizer="adam"), 3.0),
    ("digits, Adam 20/1000", lambda: P.trained_digits(0, 20, 1000, optimizer="adam"), 1.0),
    ("faces, noise 1e-5 20/400", lambda: P.faces_noisy(0, 20, 400, size=1e-5), 1.0),
    ("Gaussian 300/4000", lambda: P.gaussian(0, 300, 4000), 10.0),
    ("Gaussian 40/160, published", lambda: P.gaussian(0, 40, 160), 1.0),
]


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression on the names of the problems")
    options = parser.parse_args()
    invert(*P.gaussian(0, 4, 40, 20).observed, rng=0)  # imports and caches
    print(markdown_table(HEADER, []), flush=True)
    missed = 0
    for name, build, limit in PROBLEMS:
        if not re.search(options.only, name):
            continue
        truth = build()
        search = "sampling" if "published" in name else "auto"
        start = time.perf_counter()
        result = invert(*truth.observed, rng=0, time_limit=limit, search=search)
        took = time.perf_counter() - start
        allowed = max(0.1 * limit, 0.25)
        held = took - limit <= allowed
        missed += not held
        certified = f"{int(np.sum(result.certified))} of {len(truth.inputs)}"
        cells = [name, f"{limit:g}", f"{took:.2f}", f"{took - limit:.2f}", f"{allowed:.2f}", certified]
        print(markdown_row([*cells, "✓" if held else "✗"]), flush=True)
    print(f"\n{missed} of {len(PROBLEMS)} limits missed. {facts()}")


if __name__ == "__main__":
    main()

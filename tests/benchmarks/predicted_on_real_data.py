"""Median samples of the library's own sampler on faces and digits, against both tiers of the estimate.

python tests/benchmarks/predicted_on_real_data.py
"""

import argparse
import math
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np

import theory
from spear_xp.forecasting.default import estimate
from spear_xp.updates.images import digits, faces
from spear_xp.updates.synthetic import mlp_gradient
from tests.benchmarks.predicted_against_measured import STEPS, fill
from tests.helpers.real_sampler import search_until_found

DATA = {
    "faces, raw": partial(faces, standardized=False),
    "faces, standardised": faces,
    "digits, raw": digits,
}
BATCHES, WIDTH, RUNS = range(8, 13), 200, 20
MOST_SAMPLES = 2**19  # of one run
PAGE = Path(__file__).parents[2] / "docs" / "theory" / "tiers.md"
COLUMNS = (
    "data",
    "b",
    "measured",
    "from the gradient",
    "from the true zeros",
    "iid",
    "runs that found everything",
)


def one_run(seed: int, *, data: str, batch_size: int) -> tuple[float, ...]:
    """Bits: samples that one search took, and medians by gradient, by true zeros, and by sizes alone."""
    truth = mlp_gradient(DATA[data](batch_size, rng=seed), width=WIDTH, rng=seed)
    forecast = estimate(truth.observed, search="sampling", samples_per_second=1e5).published
    live = truth.zero_pattern[~truth.zero_pattern.all(axis=1)]
    known = theory.forecast_from_zeros(live, threshold=forecast.threshold / len(live))
    chunk = 2 ** int(np.clip(known.log_samples[1] / math.log(2) - math.log2(STEPS), 2, 11))
    samples = search_until_found(truth, chunk_size=chunk, budget=MOST_SAMPLES, seed=seed)
    iid = theory.log_sample_quantile(batch_size, WIDTH, 0.5)
    return (
        math.log2(samples),
        *(x / math.log(2) for x in (forecast.log_samples[0.5], known.log_samples[1], iid)),
    )


def line(data: str, batch_size: int, bits: np.ndarray) -> str:
    """A row of the table: medians over the runs, as powers of two."""
    limit = math.log2(MOST_SAMPLES)
    middle = np.sort(bits, axis=0)[(len(bits) - 1) // 2]
    measured = f"2^{middle[0]:.1f}" if middle[0] <= limit else f"> 2^{limit:.0f}"
    predicted = [f"2^{value:.1f}" if value < math.inf else "never" for value in middle[1:]]
    share = f"{int(np.isfinite(bits[:, 0]).sum())} of {len(bits)}"
    return "| " + " | ".join([data, str(batch_size), measured, *predicted, share]) + " |"


def main() -> None:
    """Measure, print the table, put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs per row (default {RUNS})")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--no-page", action="store_true", help="print only")
    options = parser.parse_args()
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    print("\n".join(lines))
    with Pool(options.workers) as pool:
        for data in DATA:
            for batch_size in BATCHES:
                run = partial(one_run, data=data, batch_size=batch_size)
                bits = np.array(pool.map(run, range(options.runs), chunksize=1))
                lines.append(line(data, batch_size, bits))
                print(lines[-1], flush=True)
    if not options.no_page:
        fill(PAGE, lines)


if __name__ == "__main__":
    main()

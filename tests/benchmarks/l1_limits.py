"""Limits of the l1 norm at planted columns, predicted and measured: prints a table, some minutes.

python -m tests.benchmarks.l1_limits
"""

import numpy as np

from tests.benchmarks.machine import markdown_table
from tests.theory.limits.l1_minimum import measured_limit
from theory.limits.descent_cone import statistical_dimension

WIDTH, TRIALS = 400, 400


def main() -> None:
    """Print the table of docs/theory/limits-of-descent.md."""
    rng = np.random.default_rng(0)
    plain = np.ones(1)
    cases = [(f"all rows alike, {p:.0%} zeros", p, plain, plain) for p in (0.4, 0.5, 0.6)]
    for wrong in (5, 10, 20):
        active = np.arange(100) < wrong
        cases.append((f"mask wrong on {wrong} %", 0.5, active.astype(float), 1.0 - active))
    cases.append(("weights .3 and 1 at random", 0.5, np.array([0.3, 1.0]), np.array([0.3, 1.0])))
    rows = []
    for name, p, active, zeros in cases:
        predicted = 1 - statistical_dimension(active, zeros, p)
        measured = measured_limit(p, active, zeros, WIDTH, TRIALS, rng)
        rows.append((name, f"{predicted:.4f}", f"{measured:.4f}", f"{measured - predicted:+.4f}"))
    print(markdown_table(("weights", "b/m predicted", "measured", "difference"), rows))


if __name__ == "__main__":
    main()

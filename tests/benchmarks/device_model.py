"""Enters: counts. Leaves: seconds that one H200 would take for them, by a model that no device has seen.

A call waits for its launches; a wait of the host costs a round trip; bytes and operations pass at the rates
of large arrays; LAPACK's panels walk through columns one after the other, which small matrices cannot hide.
`tests/benchmarks/device.py` measures each of these numbers on the day that a device answers.
"""

from tests.helpers.counting import Cost

__all__ = ["COLUMN", "LAUNCH", "SLOW_LAUNCH", "SYNC", "seconds"]

LAUNCH, SLOW_LAUNCH = 5e-6, 10e-6  # seconds of one kernel, from Python to the end: two guesses
SYNC = 18e-6  # of a round trip to the host
MEMORY, BUS, RATE = 4e12, 2e10, 3.4e13  # bytes a second, twice, and operations in double precision
# Seconds for each column of a matrix: gesvd, geqrf and orgqr, syevd, getrf and getri, potrf; batched ones
COLUMN = {"svd": 110e-6, "svdvals": 60e-6, "qr": 14e-6, "eigh": 45e-6, "inv": 5e-6, "solve": 5e-6}
COLUMN |= {"cholesky": 4e-6, "stacked": 3e-6, "pinv": 110e-6, "matrix_norm": 0.0}


def seconds(cost: Cost, launch: float = LAUNCH) -> float:
    """Modelled seconds of what was counted."""
    panels = sum(COLUMN[name] * columns for name, columns in cost.columns.items())
    through = max(cost.memory / MEMORY, 2 * cost.flops / RATE)
    return cost.launches * launch + cost.syncs * SYNC + through + panels + cost.bus / BUS

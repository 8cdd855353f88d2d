"""Enters: nothing. Leaves: constants of the forecast, as a command fitted them.

python -m tests.benchmarks.fit_forecast --write
"""

__all__ = [
    "EDGE",
    "FITTED",
    "MACHINE_RATE",
    "NARROWEST",
    "PILOT",
    "PILOT_SPREAD",
    "PILOT_TIME",
    "STRATEGIES",
    "TIME",
    "TIME_SPREAD",
    "WIDEST",
]

FITTED = "2026-11-30, spear_xp 0.2.0.dev0, 210 problems"
STRATEGIES = "35d2f99c6fa8fc74"  # digest of the strategies that were measured
NARROWEST, WIDEST = 60, 1000  # measured: widths of the runs (lab.md, "Forecast")
# measured: edge of completion: factor, power of m, steepness in b
# (errors 0.052, 0.015, 3.9; 92 runs) (lab.md, "Forecast")
EDGE = (0.6684, 0.8685, 32.01)
# measured: ln seconds: constant, of ln m, of ln b, of (b / edge)³
# (errors 1, 0.8, 0.94, 0.79; 73 runs) (lab.md, "Forecast")
TIME = (-10.12, 1.093, 0.5897, 3.374)
# measured: standard deviation of ln seconds
# (errors 0.042; 73 runs) (lab.md, "Forecast")
TIME_SPREAD = 0.5019
# measured: logit of the whole batch after a pilot: constant, of ln odds of its share, of ln m
# (errors 4.1, 0.27, 0.84; 150 runs) (lab.md, "Forecast")
PILOT = (-14.51, 1.225, 2.976)
# measured: ln seconds after a pilot: constant, of ln work, of ln share
# (errors 1.2, 0.053, 0.13; 102 runs) (lab.md, "Forecast")
PILOT_TIME = (-22.81, 0.9469, -0.3762)
# measured: standard deviation of ln seconds after a pilot
# (errors 0.071; 102 runs) (lab.md, "Forecast")
PILOT_SPREAD = 0.5509
# measured: multiply-adds a second of pilots, median
# (errors 1.8e+10; 134 runs) (lab.md, "Forecast")
MACHINE_RATE = 39520000000.0

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
STRATEGIES = "1757b9e930ce8484"  # digest of the strategies that were measured
NARROWEST, WIDEST = 60, 1000  # measured: widths of the runs (lab.md, "Forecast")
# measured: edge of completion: factor, power of m, steepness in b
# (errors 0.15, 0.031, 4.4; 92 runs) (lab.md, "Forecast")
EDGE = (0.9749, 0.7839, 21.72)
# measured: ln seconds: constant, of ln m, of ln b, of (b / edge)³
# (errors 0.53, 0.54, 0.67, 0.49; 66 runs) (lab.md, "Forecast")
TIME = (-8.632, 0.5287, 1.167, 2.086)
# measured: standard deviation of ln seconds
# (errors 0.042; 66 runs) (lab.md, "Forecast")
TIME_SPREAD = 0.3621
# measured: logit of the whole batch after a pilot: constant, of ln odds of its share, of ln m
# (errors 4.6, 0.29, 0.94; 150 runs) (lab.md, "Forecast")
PILOT = (-14.69, 1.251, 2.974)
# measured: ln seconds after a pilot: constant, of ln work, of ln share
# (errors 1.3, 0.054, 0.09; 93 runs) (lab.md, "Forecast")
PILOT_TIME = (-24.25, 1.002, -0.4777)
# measured: standard deviation of ln seconds after a pilot
# (errors 0.045; 93 runs) (lab.md, "Forecast")
PILOT_SPREAD = 0.4593
# measured: multiply-adds a second of pilots, median
# (errors 1.3e+10; 134 runs) (lab.md, "Forecast")
MACHINE_RATE = 41280000000.0

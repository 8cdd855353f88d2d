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
    "PILOT_WHOLE",
    "STRATEGIES",
    "TIME",
    "TIME_SPREAD",
    "WIDEST",
]

FITTED = "2026-11-30, spear_xp 0.2.0.dev0, 293 problems"
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
# measured: logit of the whole batch after a pilot: constant, of ln odds of share, of ln m, of closeness
# (errors 3.5, 0.37, 0.8, 0.81; 133 runs) (lab.md, "Forecast")
PILOT = (-14.41, 1.557, 3.51, 3.039)
# measured: probability of the whole batch after a pilot that found it
# (errors 0.015; 100 runs) (lab.md, "Forecast")
PILOT_WHOLE = 0.9752
# measured: ln seconds after a pilot: constant, of ln work, of ln odds of share, of closeness if whole
# (errors 1, 0.043, 0.039, 0.14; 138 runs) (lab.md, "Forecast")
PILOT_TIME = (-20.88, 0.8873, -0.24, -0.4407)
# measured: standard deviation of ln seconds after a pilot
# (errors 0.047; 138 runs) (lab.md, "Forecast")
PILOT_SPREAD = 0.5047
# measured: multiply-adds a second of pilots, median
# (errors 1.9e+10; 187 runs) (lab.md, "Forecast")
MACHINE_RATE = 39500000000.0

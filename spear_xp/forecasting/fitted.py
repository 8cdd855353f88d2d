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
STRATEGIES = "32cb23effdcd1a55"  # digest of the strategies that were measured
NARROWEST, WIDEST = 60, 1000  # measured: widths of the runs (lab.md, "Forecast")
# measured: edge of completion: factor, power of m, steepness in b
# (errors 0.097, 0.021, 3.5; 92 runs) (lab.md, "Forecast")
EDGE = (0.8714, 0.8105, 28.06)
# measured: ln seconds: constant, of ln m, of ln b, of (b / edge)³
# (errors 0.6, 0.63, 0.79, 0.58; 70 runs) (lab.md, "Forecast")
TIME = (-9.232, 0.7965, 0.8752, 2.895)
# measured: standard deviation of ln seconds
# (errors 0.034; 70 runs) (lab.md, "Forecast")
TIME_SPREAD = 0.3939
# measured: logit of the whole batch after a pilot: constant, of ln odds of its share, of ln m
# (errors 4.9, 0.37, 1; 150 runs) (lab.md, "Forecast")
PILOT = (-13.57, 1.195, 2.784)
# measured: ln seconds after a pilot: constant, of ln work, of ln share
# (errors 0.87, 0.038, 0.1; 98 runs) (lab.md, "Forecast")
PILOT_TIME = (-24.53, 1.023, -0.4152)
# measured: standard deviation of ln seconds after a pilot
# (errors 0.041; 98 runs) (lab.md, "Forecast")
PILOT_SPREAD = 0.4708
# measured: multiply-adds a second of pilots, median
# (errors 1.7e+10; 134 runs) (lab.md, "Forecast")
MACHINE_RATE = 36150000000.0

"""Enters: the table of `forecast_runs`. Leaves: the constants of the forecast with their errors.

    python -m tests.benchmarks.fit_forecast [--write]

prints them, and with --write puts them into spear_xp/forecasting/fitted.py. Only the lists "fit" and "hits"
are used; `tests.benchmarks.forecast` judges the laws by the list "held_out".
"""

import argparse
import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import spear_xp
from spear_xp.forecasting import laws
from tests.benchmarks.forecast_runs import Run, read_runs
from tests.helpers.networks import Floats

TARGET = Path(spear_xp.__file__).parent / "forecasting" / "fitted.py"
CENTRED = {"gaussian", "faces"}
RESAMPLED = 60  # fits for the errors
ENDED = 0.9  # share of the limit before which a search ended by itself
NOTE = '(lab.md, "Forecast")'


@dataclass(frozen=True, slots=True)
class Law:
    """Fitted constants, and their standard deviation over resampled problems."""

    name: str
    what: str
    values: tuple[float, ...]
    errors: tuple[float, ...]
    count: int

    @property
    def line(self) -> str:
        """Its assignment, with where it comes from."""
        rounded = [float(f"{value:.4g}") for value in self.values]
        value = rounded[0] if len(rounded) == 1 else tuple(rounded)
        errors = ", ".join(f"{error:.2g}" for error in self.errors)
        return (
            f"# measured: {self.what}\n# (errors {errors}; {self.count} runs) {NOTE}\n{self.name} = {value}"
        )


def law(name: str, what: str, runs: list[Run], fit: Callable[[list[Run]], Floats]) -> Law:
    """Fit, and fit again to runs drawn with replacement."""
    rng, values = np.random.default_rng(0), np.atleast_1d(fit(runs))
    again = [
        np.atleast_1d(fit([runs[i] for i in rng.integers(0, len(runs), len(runs))])) for _ in range(RESAMPLED)
    ]
    return Law(name, what, tuple(values.tolist()), tuple(np.std(again, axis=0).tolist()), len(runs))


def logistic(features: Floats, hits: Floats) -> Floats:
    """Coefficients of the most likely logistic law, slightly held back where the data are separable."""

    def loss(coefficients: Floats) -> float:
        x = features @ coefficients
        return float(np.sum(np.logaddexp(0, x) - hits * x) + 1e-3 * coefficients @ coefficients)

    return np.asarray(minimize(loss, np.zeros(features.shape[1]), method="BFGS").x)


def edge(runs: list[Run]) -> Floats:
    """Factor, power and steepness of the completion of determined batches."""
    features = np.array([(1, math.log(r.width), -math.log(r.batch_size)) for r in runs])
    constant, power, steepness = logistic(features, np.array([float(r.complete) for r in runs]))
    return np.array([math.exp(constant / steepness), power / steepness, steepness])


def hits(runs: list[Run]) -> Floats:
    """Logit of the hits per start."""
    features = np.array([(1, math.log(r.width), math.log(r.batch_size)) for r in runs])
    return logistic(features, np.array([r.hits for r in runs]))


def residual(runs: list[Run], features: Callable[[Run], tuple[float, ...]]) -> tuple[Floats, float]:
    """Least squares of ln seconds, and the standard deviation of what is left."""
    table, seconds = np.array([features(r) for r in runs]), np.log([r.seconds for r in runs])
    found = np.linalg.lstsq(table, seconds, rcond=None)[0]
    left = math.sqrt(((seconds - table @ found) ** 2).sum() / max(1, len(runs) - table.shape[1]))
    return found, left


def share_odds(run: Run) -> float:
    """Logarithm of the odds of the share that a pilot found."""
    return math.log((run.found + 0.5) / (max(0, run.batch_size - run.found) + 0.5))


def fits(runs: list[Run]) -> list[Law]:
    """All laws of the module, in its order."""
    determined = [r for r in runs if r.group == "fit" and r.identifiable == r.batch_size == r.rank]
    tried = [r for r in runs if r.group == "fit" and r.rank == r.batch_size]  # determined or not
    centred = [r for r in determined if r.kind in CENTRED]
    done = [r for r in determined if r.complete and r.seconds < ENDED * r.limit]
    done_centred = [r for r in done if r.kind in CENTRED]
    factor, power, _ = edge(centred)

    def of_sizes(run: Run) -> tuple[float, ...]:
        ratio = run.batch_size / (factor * run.width**power)
        return 1, math.log(run.width), math.log(run.batch_size), ratio**3

    def of_pilot(run: Run) -> tuple[float, ...]:
        to_prove = run.closeness if run.found >= run.batch_size else 0.0
        return 1, math.log(run.pilot_work), share_odds(run), to_prove

    def pilot(these: list[Run]) -> Floats:
        features = np.array([(1, share_odds(r), math.log(r.live), r.closeness) for r in these])
        return logistic(features, np.array([float(r.exact >= r.batch_size) for r in these]))

    def whole(these: list[Run]) -> Floats:
        return np.array((sum(r.exact >= r.batch_size for r in these) + 0.5) / (len(these) + 1))

    rates = np.array([r.pilot_work / r.pilot_seconds for r in determined])
    return [
        law("EDGE", "edge of completion: factor, power of m, steepness in b", centred, edge),
        law(
            "TIME",
            "ln seconds: constant, of ln m, of ln b, of (b / edge)³",
            done_centred,
            lambda these: residual(these, of_sizes)[0],
        ),
        law(
            "TIME_SPREAD",
            "standard deviation of ln seconds",
            done_centred,
            lambda these: np.array(residual(these, of_sizes)[1]),
        ),
        law(
            "PILOT",
            "logit of the whole batch after a pilot: constant, of ln odds of share, of ln m, of closeness",
            [r for r in tried if r.found < r.batch_size],
            pilot,
        ),
        law(
            "PILOT_WHOLE",
            "probability of the whole batch after a pilot that found it",
            [r for r in tried if r.found >= r.batch_size],
            whole,
        ),
        law(
            "PILOT_TIME",
            "ln seconds after a pilot: constant, of ln work, of ln odds of share, of closeness if whole",
            done,
            lambda these: residual(these, of_pilot)[0],
        ),
        law(
            "PILOT_SPREAD",
            "standard deviation of ln seconds after a pilot",
            done,
            lambda these: np.array(residual(these, of_pilot)[1]),
        ),
        Law(
            "MACHINE_RATE",
            "multiply-adds a second of pilots, median",
            (float(np.median(rates)),),
            (float(rates.std()),),
            len(rates),
        ),
    ]


def module(runs: list[Run]) -> str:
    """Text of the module."""
    found, count = fits(runs), len(runs)
    widths = [run.width for run in runs if run.group == "fit"]
    narrowest, widest = min(widths), max(widths)
    names = ["NARROWEST", "WIDEST", *(one.name for one in found)]
    today = f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"
    listed = "\n".join(f'    "{name}",' for name in sorted([*names, "FITTED", "STRATEGIES"]))
    return "\n".join(
        (
            '"""Enters: nothing. Leaves: constants of the forecast, as a command fitted them.',
            "",
            "python -m tests.benchmarks.fit_forecast --write",
            '"""',
            "",
            f"__all__ = [\n{listed}\n]",
            "",
            f'FITTED = "{today}, spear_xp {spear_xp.__version__}, {count} problems"',
            f'STRATEGIES = "{laws.strategies_digest()}"  # digest of the strategies that were measured',
            f"NARROWEST, WIDEST = {narrowest}, {widest}  # measured: widths of the runs {NOTE}",
            *(one.line for one in found),
            "",
        )
    )


def main() -> None:
    """Print the constants, or write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into the module of the library")
    runs = [run for run in read_runs() if run.group != "held_out"]
    text = module(runs)
    if parser.parse_args().write:
        TARGET.write_text(text, encoding="utf-8")
    print(text)
    of_hits = [run for run in runs if run.hits >= 0]
    print(law("HITS", "logit of hits per start of descent: constant, of ln m, of ln b", of_hits, hits).line)


if __name__ == "__main__":
    main()

"""Constants that belong to the strategies of today."""

import pytest

from spear_xp.forecasting import fitted, laws
from tests.benchmarks.fit_forecast import CENTRED, edge
from tests.benchmarks.forecast_runs import read_runs, wanted


def test_the_laws_were_fitted_to_the_strategies_that_run() -> None:
    """If this fails the default search has changed, and its forecast has not.

    Run `python -m tests.benchmarks.forecast_runs --again`, which takes an hour of one core, then
    `python -m tests.benchmarks.fit_forecast --write` and `python -m tests.benchmarks.forecast`.
    """
    assert laws.strategies_digest() == fitted.STRATEGIES


def test_the_constants_make_sense() -> None:
    factor, power, steepness = fitted.EDGE
    assert 0.3 < factor < 3
    assert 0.6 < power < 1.05
    assert steepness > 5
    assert 0.1 < fitted.TIME_SPREAD < 1
    assert 0.1 < fitted.PILOT_SPREAD < 2
    assert min(fitted.PILOT[1:]) > 0
    assert 0.9 < fitted.PILOT_WHOLE < 1
    assert fitted.PILOT_TIME[1] > 0 > max(fitted.PILOT_TIME[2:])
    assert fitted.NARROWEST < fitted.WIDEST


def test_the_constants_are_those_of_the_table() -> None:
    """`python -m tests.benchmarks.fit_forecast --write` was run after the table was written."""
    centred = [run for run in read_runs() if run.group == "fit" and run.kind in CENTRED]
    determined = [run for run in centred if run.identifiable == run.batch_size == run.rank]
    assert edge(determined).tolist() == pytest.approx(fitted.EDGE, rel=1e-2)


def test_the_table_has_the_problems_of_the_lists() -> None:
    assert {run.key for run in read_runs()} == set(wanted(None))

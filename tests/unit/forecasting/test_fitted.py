"""Constants that belong to the strategies of today."""

from spear_xp.forecasting import fitted, laws


def test_the_laws_were_fitted_to_the_strategies_that_run() -> None:
    """If this fails the default search has changed, and its forecast has not.

    Run `python -m tests.benchmarks.forecast_runs --again`, which takes half an hour of one core, then
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
    assert fitted.PILOT_TIME[1] > 0 > fitted.PILOT_TIME[2]
    assert fitted.NARROWEST < fitted.WIDEST

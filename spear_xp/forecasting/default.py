"""Enters: sizes, or an update. Leaves: what a search will recover and take, and what none can.

`estimate` is the public call. From sizes alone it applies laws; given an update, it runs a pilot on it.
"""

import math
import warnings
from dataclasses import replace
from functools import partial
from typing import Any

import theory
from spear_xp.errors import ArgumentRangeError
from spear_xp.forecasting import fitted, laws
from spear_xp.forecasting.activity import preactivation_law, row_zero_probability
from spear_xp.forecasting.forecast import Forecast, Later, Seconds
from spear_xp.forecasting.outlook import (
    HALF,
    IMPROBABLE,
    ROUNDING,
    Layer,
    Outlook,
    Terms,
    forecast_of,
    identifiable_of_sizes,
    largest_batch,
    layer_of_sizes,
    outlook_of_sizes,
    verdict_of,
)
from spear_xp.forecasting.pilot import Pilot, run_pilot
from spear_xp.forecasting.published import published_from_problem, published_from_sizes
from spear_xp.numerics.backend import Array, enter, to_host
from spear_xp.reduction.decay import without_decay
from spear_xp.reduction.gradient import checked
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.strategies.portfolio import Search, strategies_of
from spear_xp.updates.layer_update import LayerUpdate

__all__ = ["estimate", "largest_safe_width", "smallest_safe_batch"]

SELDOM = 0.05  # chosen: share of a few draws that zeros determine, below which exact recovery is impossible
FEWEST = 0.05  # chosen: share of zeros, and of active entries, that a layer is taken to have at least
# measured: standard deviation over rows of the probability of a zero, and share of live rows, that tell
# centred inputs (lab.md, "Forecast")
EVEN, FULL = 0.2, 0.95
MOST_DRAWS = 20  # chosen: batches that a bootstrap of masks draws; more tell no more than the normal law does
SAMPLING, LAWFUL = "sampling", {"auto", "sampling"}
BOOTSTRAP = 3e9  # chosen: multiply-adds of a bootstrap, about a fifth of a second

Update = LayerUpdate | tuple[Array, Array, Array, Array]
Published = tuple[float, float | None, float]

GENERIC = "general position; noise as given, or the rounding of float32"
CENTRED = "inputs are centred: every neuron is active on about half of them"
UNSURE = (
    "sizes alone do not show whether inputs are centred; on raw pixels searches end earlier: give an update"
)
UNCENTRED = "no law from sizes holds for inputs that are not centred: give an update"
NO_LAW = "no law was fitted for this search: its limits hold, its probability is not known"
OUTSIDE = f"the laws were fitted on {fitted.NARROWEST} to {fitted.WIDEST} neurons: beyond, they are a guess"
UNEVEN = (
    "some neurons are active on most samples or on few: zeros may determine less than `identifiable` says"
)
CUT = "this machine is slow or busy and cut the pilot short: nothing is said of the search"
PILOTED = "the search goes on as its first second did"


def estimate(
    batch_size: int | Update | None = None,
    width: int | None = None,
    *,
    update: Update | None = None,
    search: Search = "auto",
    features: int | None = None,
    noise: float | None = None,
    centred: bool | None = None,
    pilot_seconds: float = 1.0,
    time_limit: float = 60.0,
    machine_rate: float | None = None,
    samples_per_second: float | None = None,
    false_rejection: float = 1e-9,
    gradient: Update | None = None,
) -> Forecast:
    """Say what a search will recover and how long it takes, before it runs.

    Parameters
    ----------
    batch_size : int, LayerUpdate or tuple of four arrays
        b >= 1, found from the rank of an update where not given; or the update itself.
    width : int, optional
        m >= 1 neurons; with an update, found from it.
    update : LayerUpdate or tuple of four arrays, optional
        As for `invert`: a pilot is run on it.
    search : str, Strategy, or a sequence of them
        As for `invert`. Laws were fitted for "auto"; "sampling" is the published attack.
    features : int, optional
        n >= 1 entries of an input; needed for noise and accuracy from sizes alone.
    noise : float, optional
        Standard deviation of the error of an entry of grad_w over the root mean square entry; the rounding of
        float32 where not given. With an update it is measured.
    centred : bool, optional
        Whether inputs have mean zero, roughly. False gives no probability from sizes alone.
    pilot_seconds : float
        What a pilot takes, at most three times as long, positive; the laws were fitted for 1.
    time_limit : float
        Seconds that the verdict is about, positive.
    machine_rate : float, optional
        Multiply-adds a second, as `spear_xp.forecasting.calibration.measure_rate` finds them here; by default
        those of the machine on which the laws were fitted.
    samples_per_second, false_rejection : float
        Of the published search: its rate, measured where not given, and its sparsity threshold.
    gradient : tuple of four arrays, optional
        Old name of `update`.

    Returns
    -------
    Forecast

    Raises
    ------
    ArgumentRangeError, theory.ParameterError
        On bad sizes; on a bad update what `validate` and `factorize` raise.

    Examples
    --------
    >>> forecast = estimate(30, 200, centred=True)
    >>> forecast.verdict.name, forecast.exact_limit, forecast.safe_batch, forecast.visual_limit
    ('FEASIBLE', 84, 91, 132)
    >>> estimate(100, 200, centred=True).verdict.name
    'EXACT_IMPOSSIBLE'
    """
    positive = {
        "time_limit": time_limit,
        "samples_per_second": samples_per_second,
        "machine_rate": machine_rate,
        "pilot_seconds": pilot_seconds,
    }
    for name, value in positive.items():
        if value is not None and not (0 < value < math.inf):
            msg = f"{name}={value!r}: need a positive number"
            raise ArgumentRangeError(msg)
    strategies_of(search)  # raises where there is no such search
    terms = Terms(_name(search), time_limit, fitted.MACHINE_RATE if machine_rate is None else machine_rate)
    of_published = (time_limit, samples_per_second, false_rejection)
    if gradient is not None:
        warnings.warn("estimate(gradient=) is now estimate(update=)", DeprecationWarning, stacklevel=2)
        update = gradient
    if isinstance(batch_size, LayerUpdate | tuple):
        update, batch_size = batch_size, None
    if update is not None:
        for name, value in {"features": features, "noise": noise, "centred": centred}.items():
            if value is not None:
                msg = f"{name}={value!r} is given beside an update, which shows it: need one of them"
                raise ArgumentRangeError(msg)
        given = update if isinstance(update, LayerUpdate) else LayerUpdate(*update)
        return _from_update(given, batch_size, terms, of_published, pilot_seconds)
    if batch_size is None or width is None:
        msg = f"batch_size={batch_size}, width={width}: need both, or an update"
        raise ArgumentRangeError(msg)
    return _from_sizes(batch_size, width, terms, of_published, features, noise, centred)


def smallest_safe_batch(width: int) -> int:
    """Smallest batch of which signs and zeros together leave more than half of every sample open.

    Parameters
    ----------
    width : int
        m >= 1 neurons.

    Returns
    -------
    int

    Notes
    -----
    One more than `theory.visual_limit`, for centred inputs. It is not safe against what the attacker knows
    otherwise, nor from rows that a single sample activates. Exact recovery ends far below, see
    `theory.safe_batch`.

    Examples
    --------
    >>> smallest_safe_batch(200)
    133
    """
    return int(theory.visual_limit(width)) + 1


def largest_safe_width(batch_size: int) -> int:
    """Largest width at which a batch is still as large as `smallest_safe_batch`.

    Parameters
    ----------
    batch_size : int
        b >= 2.

    Returns
    -------
    int
        0 where no width is.

    Examples
    --------
    >>> largest_safe_width(133)
    200
    """
    return int(theory.largest_safe_width(batch_size))


def _name(search: Search) -> str:
    if isinstance(search, str):
        return search
    parts: list[Any] = list(search) if isinstance(search, list | tuple) else [search]
    return " + ".join(part if isinstance(part, str) else part.name for part in parts)


def _from_sizes(
    batch_size: int,
    width: int,
    terms: Terms,
    of_published: Published,
    features: int | None,
    noise: float | None,
    centred: bool | None,
) -> Forecast:
    check = theory.numerics.checks
    b = check.check_scalar_integer("batch_size", batch_size, 1)
    m = check.check_scalar_integer("width", width, 1)
    n = None if features is None else check.check_scalar_integer("features", features, 1)
    level = ROUNDING if noise is None else check.check_scalar_real("noise", noise, 0, math.inf)
    published = Later(partial(published_from_sizes, b, m, *of_published))
    remarks = () if centred else (UNSURE,) if centred is None else (UNCENTRED,)
    if not fitted.NARROWEST <= m <= fitted.WIDEST:
        remarks = (*remarks, OUTSIDE)
    layer = layer_of_sizes(b, m, n, level)
    outlook = outlook_of_sizes(layer, terms, lawful=centred is not False and terms.search in LAWFUL)
    if terms.search not in LAWFUL:
        remarks = (*remarks, NO_LAW)
    assumptions = (GENERIC,) if centred is False else (CENTRED, GENERIC)
    forecast = forecast_of(
        layer, outlook, terms, tier="iid", assumptions=assumptions, remarks=remarks, published=published
    )
    return _by_sampling(forecast, layer, outlook) if terms.search == SAMPLING else forecast


def _by_sampling(forecast: Forecast, layer: Layer, outlook: Outlook) -> Forecast:
    """The same for the published search, whose figures have laws of their own."""
    figures = forecast.published
    chance = figures.success_probability
    return replace(
        forecast,
        verdict=verdict_of(layer, outlook, chance),
        success_probability=chance,
        seconds=Seconds(
            {level: figures.seconds(level) for level in laws.PROBABILITIES}, Later(lambda: figures)
        ),
        expected_recovered=layer.batch_size * chance,
        largest_batch=figures.largest_batch,
        limited_by=forecast.limited_by if outlook.identifiable < HALF else "time",
        remarks=(*forecast.remarks, *figures.remarks),
    )


def _from_update(
    update: LayerUpdate, batch_size: int | None, terms: Terms, of_published: Published, seconds: float
) -> Forecast:
    m, n = (int(size) for size in update.grad_w.shape)
    if batch_size is not None and batch_size > n + 1:  # there is no row space to search in
        return _from_sizes(batch_size, m, terms, of_published, n, None, None)
    space, arrays, _ = enter(**update.arrays)
    gradient, factors, _ = without_decay(checked(space, arrays), batch_size, noise=update.noise)
    problem = reduce(gradient, factors)
    zero = to_host(row_zero_probability(problem))
    zeros = min(max(float(zero.mean()), FEWEST), 1 - FEWEST)
    published = Later(partial(published_from_problem, problem, *of_published))
    pilot = None if terms.search == SAMPLING else run_pilot(problem, seconds=seconds)
    noise = problem.relative_noise
    drowning = math.nan if pilot is None else noise * pilot.snr
    layer = Layer(problem.rank, problem.width, n, zeros, noise, drowning)
    outlook = _outlook_after(problem, pilot, layer, lawful=terms.search == "auto")
    remarks = update.assumptions if terms.search in LAWFUL else (*update.assumptions, NO_LAW)
    if float(zero.std()) < EVEN and problem.width > FULL * m:  # neurons as for centred inputs
        outlook = replace(outlook, largest_batch=largest_batch(layer, terms))
    else:
        remarks = (*remarks, UNEVEN)
    if pilot is not None and pilot.cut:
        remarks = (*remarks, CUT)
    if not fitted.NARROWEST <= problem.width <= fitted.WIDEST:
        remarks = (*remarks, OUTSIDE)
    assumptions = (GENERIC,) if pilot is None else (PILOTED, GENERIC)
    forecast = forecast_of(
        layer, outlook, terms, tier="measured", assumptions=assumptions, remarks=remarks, published=published
    )
    return _by_sampling(forecast, layer, outlook) if pilot is None else forecast


def _outlook_after(problem: Problem, pilot: Pilot | None, layer: Layer, *, lawful: bool) -> Outlook:
    """What a pilot says of the rest of the search."""
    identifiable, improbable = _identifiable_after(problem, pilot, layer.zeros)
    completion = log_seconds = math.nan
    if pilot is not None and lawful and not pilot.cut:  # what is not determined a pilot does not find, either
        completion = min(1.0, laws.completion_after(pilot) / identifiable) if identifiable else 0.0
        log_seconds = laws.log_seconds_after(pilot)
    found = None if pilot is None else pilot.found
    return Outlook(identifiable, completion, improbable, log_seconds, fitted.PILOT_SPREAD, None, found)


def _identifiable_after(problem: Problem, pilot: Pilot | None, zeros: float) -> tuple[float, float]:
    """Probability that zeros determine the batch, and from which value on that is called impossible."""
    b, m = problem.rank, problem.width
    if b == 1 or (pilot is not None and pilot.found >= b):
        return 1.0, IMPROBABLE
    one_draw = b * (m * b**2 / 2 + 9 * b**3)
    draws = int(min(MOST_DRAWS, BOOTSTRAP / one_draw))
    if draws < MOST_DRAWS:  # so large a problem is as the normal law says
        return identifiable_of_sizes(b, m, zeros), IMPROBABLE
    mean, factor = (to_host(part) for part in preactivation_law(problem))
    return float(theory.bootstrap_determined(mean, factor, b, draws=draws, rng=0).whole), SELDOM

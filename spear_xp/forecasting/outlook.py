"""Enters: what decides about a search, part by part. Leaves: the `Forecast` that follows from it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import theory
from spear_xp.forecasting import fitted, laws
from spear_xp.forecasting.forecast import Forecast, Seconds, Verdict
from spear_xp.forecasting.published import Estimate
from spear_xp.reduction.problem import TOLERANCE

__all__ = [
    "HALF",
    "IMPROBABLE",
    "ROUNDING",
    "Layer",
    "Outlook",
    "Terms",
    "forecast_of",
    "identifiable_of_sizes",
    "largest_batch",
    "layer_of_sizes",
    "outlook_of_sizes",
    "verdict_of",
]

ROUNDING = theory.noise.ROUNDING_LEVEL["float32"]
HALF = 0.5  # chosen: share of zeros of a layer of which nothing is known
IMPROBABLE = 1e-3  # chosen: probability that a batch is determined, from which exact recovery is impossible
RANGE = 6.0  # chosen: of inputs, in standard deviations, for decibels
WHOLE = 2.5  # measured: SNR that whole batches need, over that of half of the directions (lab.md, "Forecast")
# measured: width of the zero test for which the law of the filter tells where noise ends searches, though its
# first count is narrower by now (lab.md, "Noise edge")
FILTER = 14.0
STEEP = 3.0  # chosen: power with which noise ends searches around its edge
LOUDEST = 1e50  # cosmetic: noise from which more is the same; its cube is a number
LIKELY, UNLIKELY = 0.9, 0.1  # chosen: probabilities between which a verdict is open
Obstacle = Literal["rank", "identifiability", "search", "noise", "time"]


@dataclass(frozen=True, slots=True)
class Layer:
    """Sizes and what else is known of a layer.

    Attributes
    ----------
    batch_size, width, features : int, int, int or None
        b, m and n.
    zeros : float
        Share of zeros of D.
    noise, drowning : float
        Standard deviation of the error of an entry of grad_w over the root mean square entry: what there is,
        and at which a direction has the signal-to-noise ratio 1; NaN where it is not known.
    """

    batch_size: int
    width: int
    features: int | None
    zeros: float
    noise: float
    drowning: float

    @property
    def most(self) -> int:
        """Most samples that the rank of the gradient can tell."""
        return self.width if self.features is None else min(self.width, self.features + 1)

    @property
    def noise_edge(self) -> float:
        """Noise at which whole batches are lost with even odds; NaN where the SNR is not known."""
        if math.isnan(self.drowning):
            return math.nan
        if self.batch_size < 2:
            return math.inf
        if self.width * self.zeros <= self.batch_size:  # the filter has no spare rows at any noise
            return 0.0
        half = theory.filter_snr(
            self.batch_size,
            self.width,
            widen=FILTER,
            tolerance=TOLERANCE["additive"],
            p=self.zeros,
        )
        return float(self.drowning / (WHOLE * half))

    @property
    def psnr(self) -> float:
        """Decibels of recovered samples whose range is `RANGE` standard deviations: `theory.polish_mse`."""
        if math.isnan(self.drowning) or not self.drowning:
            return math.nan
        active = 1 - self.zeros
        own, mixed = 2 * active * self.batch_size, (self.batch_size - 1) / (self.drowning**2 * self.zeros)
        error = min(self.noise, LOUDEST) ** 2 * (own + mixed) / (active * self.width)
        return float(theory.psnr(error, RANGE)) if error else math.inf


@dataclass(frozen=True, slots=True)
class Outlook:
    """What decides about a search, each part as if the others stood in no way.

    Attributes
    ----------
    identifiable, completion : float
        Probability that zeros determine the batch, and that the search then finds it; NaN where not known.
    improbable : float
        Probability of the first kind below which exact recovery counts as impossible.
    log_seconds, spread : float
        Natural log of the median seconds of searches that complete, and its standard deviation.
    largest_batch : int or None
    directions_found : int or None
    """

    identifiable: float
    completion: float
    improbable: float
    log_seconds: float
    spread: float
    largest_batch: int | None
    directions_found: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What the forecast is asked for: a search, seconds, and the machine that they are for."""

    search: str
    time_limit: float
    machine_rate: float

    def here(self, log_seconds: float) -> float:
        """Natural log of seconds on the machine of the fit, on this one."""
        return log_seconds + math.log(fitted.MACHINE_RATE / self.machine_rate)


def layer_of_sizes(b: int, m: int, n: int | None, noise: float) -> Layer:
    """Of independent standard normal inputs: a sample is √(n - b + 2) away from the span of the others."""
    drowning = math.nan
    if n is not None:  # an entry of D has rms(G) / √((1 - p) b), root mean square over active rows
        drowning = math.sqrt(max(0, n - b + 2) / ((1 - HALF) * b))
    return Layer(b, m, n, HALF, noise, drowning)


def outlook_of_sizes(layer: Layer, terms: Terms, *, lawful: bool) -> Outlook:
    """What laws say of sizes."""
    b, m = layer.batch_size, layer.width
    identifiable = identifiable_of_sizes(b, m, layer.zeros)
    if not lawful:
        return Outlook(identifiable, math.nan, IMPROBABLE, math.nan, fitted.TIME_SPREAD, None)
    largest = largest_batch(layer, terms)
    return Outlook(
        identifiable, laws.completion(b, m), IMPROBABLE, laws.log_seconds(b, m), fitted.TIME_SPREAD, largest
    )


def identifiable_of_sizes(b: int, m: int, zeros: float) -> float:
    """Probability that zeros determine a batch (iid tier)."""
    if b == 1:
        return 1.0
    return float(theory.unlimited_success(b, m, p=zeros)) if b <= m + 1 else 0.0


def largest_batch(layer: Layer, terms: Terms) -> int:
    """Largest batch with even odds within the time limit, by laws alone."""
    m = layer.width

    def found(b: int) -> bool:
        in_time = laws.in_time(terms.here(laws.log_seconds(b, m)), fitted.TIME_SPREAD, terms.time_limit)
        return bool(laws.completion(b, m) * in_time >= HALF)

    def determined(b: int) -> bool:
        return found(b) and identifiable_of_sizes(b, m, layer.zeros) >= HALF

    low = _last(found, m + 1)
    return low if determined(low) else _last(determined, low)


def _last(holds: Callable[[int], bool], high: int) -> int:
    """Largest number below `high` for which something holds that does not hold above; 1 at least."""
    low = 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def survives_noise(layer: Layer) -> float:
    """Probability that noise leaves the whole batch; one where the SNR is not known."""
    edge = layer.noise_edge
    if math.isnan(edge) or edge in {0, math.inf}:  # without spare rows zeros determine nothing anyway
        return 1.0
    return float(1 / (1 + (min(layer.noise, LOUDEST) / edge) ** STEEP))


def forecast_of(
    layer: Layer,
    outlook: Outlook,
    terms: Terms,
    *,
    tier: Literal["iid", "measured"],
    assumptions: tuple[str, ...],
    remarks: tuple[str, ...],
    published: Callable[[], Estimate],
) -> Forecast:
    """Put a forecast together."""
    b, m, n = layer.batch_size, layer.width, layer.features
    log_seconds = terms.here(outlook.log_seconds)
    parts: dict[Obstacle, float] = {
        "rank": float(b <= layer.most),
        "identifiability": outlook.identifiable,
        "noise": survives_noise(layer),
        "search": outlook.completion,
        "time": laws.in_time(log_seconds, outlook.spread, terms.time_limit),
    }
    in_the_end = math.prod(value for name, value in parts.items() if name != "time")
    chance = in_the_end * parts["time"] if in_the_end else 0.0
    seconds = laws.quantiles(log_seconds, outlook.spread, in_the_end)
    memory = laws.working_memory(b, m, b if n is None else n)
    return Forecast(
        search=terms.search,
        verdict=verdict_of(layer, outlook, chance),
        success_probability=chance,
        seconds=Seconds(seconds, published),
        expected_recovered=b * chance,
        largest_batch=outlook.largest_batch,
        exact_limit=theory.exact_limit(m, layer.zeros),
        safe_batch=theory.safe_batch(m, layer.zeros),
        visual_limit=theory.visual_limit(m, layer.zeros),
        identifiable=outlook.identifiable,
        psnr=layer.psnr,
        noise=layer.noise,
        noise_edge=layer.noise_edge,
        limited_by=_obstacle(parts),
        batch_size=b,
        width=m,
        features=n,
        tier=tier,
        capacity=theory.equations_over_unknowns(b, m, n, layer.zeros) if n and b > 1 else math.nan,
        memory={"host": memory, "device": memory},
        time_limit=terms.time_limit,
        machine_rate=terms.machine_rate,
        directions_found=outlook.directions_found,
        assumptions=assumptions,
        remarks=remarks,
        _published=published,
    )


def _obstacle(parts: dict[Obstacle, float]) -> Obstacle:
    """The first part, from gradient to clock, with less than even odds; without any, the least.

    Where all are certain it is the search: larger batches come to its edge first.
    """
    known = {name: value for name, value in parts.items() if not math.isnan(value)}
    least: Obstacle = min(known, key=lambda name: (known[name], name != "search"))
    return next((name for name, value in known.items() if value < HALF), least)


def verdict_of(layer: Layer, outlook: Outlook, chance: float) -> Verdict:
    """The verdict on a search that recovers the whole batch in time with such a chance."""
    if layer.features is not None and layer.batch_size > layer.features + 1:
        return Verdict.OVERCOMPLETE
    if layer.batch_size > layer.width or outlook.identifiable < outlook.improbable:
        return Verdict.EXACT_IMPOSSIBLE
    if chance > LIKELY:
        return Verdict.FEASIBLE
    if outlook.identifiable < 0.5 or not chance < UNLIKELY:
        return Verdict.UNCERTAIN
    return Verdict.INFEASIBLE_FOR_THIS_SEARCH

"""Enters: the figures of a forecast. Leaves: one frozen object, its verdict, and lines for a person."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import Enum
from functools import partial
from typing import Any, Literal

from spear_xp.forecasting.published import Estimate

__all__ = ["Forecast", "Later", "Seconds", "Verdict", "describe_bytes", "describe_seconds"]


class Verdict(Enum):
    """What a forecast comes to; each value is a sentence."""

    FEASIBLE = "The search recovers the whole batch within the time limit with probability above 90 %."
    UNCERTAIN = "The search may recover the whole batch within the time limit, or may not."
    INFEASIBLE_FOR_THIS_SEARCH = (
        "The search recovers the whole batch with probability below 10 %; the gradient determines it, and "
        "another search may."
    )
    EXACT_IMPOSSIBLE = (
        "The gradient does not determine the whole batch, whatever the search. That is not privacy: samples "
        "are hidden from sight only above the visual limit."
    )
    OVERCOMPLETE = (
        "The batch has more samples than the inputs have features and one, and the low-rank method does not "
        "apply; equations over unknowns say whether anything could."
    )


class Later:
    """Figures that are worked out when they are first asked for, or when a process hands them on."""

    def __init__(self, work: Callable[[], Estimate]) -> None:
        self._work = work
        self._known: Estimate | None = None

    def __call__(self) -> Estimate:
        """The figures."""
        if self._known is None:
            self._known = self._work()
        return self._known

    def __reduce__(self) -> tuple[Any, ...]:
        return Later, (partial(_as_it_is, self()),)


def _as_it_is(figures: Estimate) -> Estimate:
    return figures


class Seconds(dict[float, float]):
    """Seconds by probability of success; calling it with a probability is the form of version 0.1."""

    def __call__(self, probability: float = 0.5) -> float:
        """Seconds of the published search, as `Estimate.seconds` of version 0.1 gave them."""
        warnings.warn(
            "estimate(...).seconds(p) is now estimate(...).published.seconds(p)",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.published().seconds(probability)

    def __init__(self, values: dict[float, float], published: Callable[[], Estimate]) -> None:
        super().__init__(values)
        self.published = published


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What a search will achieve and take, and what no search can.

    Attributes
    ----------
    search : str
        The search that the forecast is about.
    verdict : Verdict
        Its value is a sentence.
    success_probability : float
        That the whole batch is recovered within the time limit; NaN where sizes alone do not tell.
    seconds : dict of float to float
        Seconds until the whole batch is recovered with probability .1, .5 and .9; infinite where it is less
        likely than that.
    expected_recovered : float
        Samples expected back. Most searches end with all or with next to nothing.
    largest_batch : int or None
        Largest batch recovered with even odds within the time limit on this width; None where no law holds.
    exact_limit, safe_batch : int
        Batch sizes up to which zeros determine everything with even odds, and with probability 1e-3.
    visual_limit : int
        Batch size above which signs leave more than half of a sample open. No attack is known to reach it.
    identifiable : float
        Probability that zeros determine the whole batch.
    psnr : float
        Decibels to expect of recovered samples, for inputs whose range is six standard deviations; NaN
        where the number of features is not known.
    noise, noise_edge : float
        Standard deviation of the error of an entry of grad_w over the root mean square entry: what there is,
        and where whole batches are lost with even odds. NaN where the number of features is not known.
    limited_by : {"rank", "identifiability", "search", "noise", "time"}
        What stands most in the way, or would first with a larger batch.
    batch_size, width, features : int, int, int or None
        b, m (live rows, where a gradient is given) and n.
    tier : {"iid", "measured"}
        From sizes alone, or from a gradient and a pilot run on it.
    capacity : float
        Equations over unknowns; of interest above n + 1 samples only, NaN where n is not known.
    memory : dict of str to int
        Bytes that the search takes beside its arguments, on the host with NumPy, on the device otherwise.
    time_limit, machine_rate : float
        Seconds that the verdict is about; multiply-adds a second that the seconds are for.
    directions_found : int or None
        What the pilot found, of a whole batch those samples whose masks fit; None without a pilot.
    assumptions : tuple of str
        What the figures take for granted.
    remarks : tuple of str
        What the reader should not miss.
    """

    search: str
    verdict: Verdict
    success_probability: float
    seconds: Seconds
    expected_recovered: float
    largest_batch: int | None
    exact_limit: int
    safe_batch: int
    visual_limit: int
    identifiable: float
    psnr: float
    noise: float
    noise_edge: float
    limited_by: Literal["rank", "identifiability", "search", "noise", "time"]
    batch_size: int
    width: int
    features: int | None
    tier: Literal["iid", "measured"]
    capacity: float
    memory: dict[str, int]
    time_limit: float
    machine_rate: float
    directions_found: int | None
    assumptions: tuple[str, ...]
    remarks: tuple[str, ...]
    _published: Callable[[], Estimate] = field(repr=False)

    @property
    def published(self) -> Estimate:
        """Figures of the published search, ``search="sampling"``; worked out when asked for."""
        return self._published()

    def to_dict(self) -> dict[str, Any]:
        """All figures by name, the verdict by its own; without those of the published search."""
        names = [f.name for f in fields(self) if not f.name.startswith("_")]
        return {name: getattr(self, name) for name in names} | {"verdict": self.verdict.name}

    def summary(self) -> str:
        """Ten lines for a person."""
        neurons = "neurons" if self.tier == "iid" else "neurons with a gradient"
        b, size = self.batch_size, f"{self.batch_size} samples, {self.width} {neurons}"
        source = "sizes alone" if self.tier == "iid" else "this update"
        pilot = "" if self.directions_found is None else f", pilot found {self.directions_found} directions"
        chance = (
            "not told"
            if math.isnan(self.success_probability)
            else (f"{self.success_probability:.0%} within {describe_seconds(self.time_limit)}")
        )
        largest = "not known" if self.largest_batch is None else f"up to {self.largest_batch} samples"
        noise = "noise, accuracy: need the number of features"
        if not math.isnan(self.psnr):
            noise = (
                f"noise is {self.noise:.1e} of a typical entry, the search fails near {self.noise_edge:.1e}; "
                f"samples come back at about {self.psnr:.0f} dB"
            )
        if b > (self.features or math.inf) + 1:
            noise = f"equations over unknowns: {self.capacity:.3g}"
        safe, memory = self.safe_batch, describe_bytes(self.memory["host"])
        times = ", ".join(f"{level:.0%} {_or_never(value)}" for level, value in self.seconds.items())
        return "\n".join(
            (
                f"{self.verdict.name}: {self.verdict.value}",
                f"from {source}: {size}{pilot}; search {self.search!r}, limited by {self.limited_by}",
                f"whole batch: {chance}; expected back: {self.expected_recovered:.3g} of {b}",
                f"time to the whole batch: {times}",
                f"this search behind so many neurons, even odds: {largest}",
                f"any search, exactly: even odds up to {self.exact_limit} samples, improbable above {safe}",
                f"visible in principle: up to {self.visual_limit} samples (no attack is known to come near)",
                noise,
                f"memory beside the given arrays, on their device: {memory}",
                "assumes: " + "; ".join((*self.assumptions, *self.remarks)),
            )
        )

    def __getattr__(self, name: str) -> Any:
        if name not in OLD_NAMES:
            msg = f"'Forecast' object has no attribute {name!r}"
            raise AttributeError(msg)
        warnings.warn(
            f"estimate(...).{name} is now estimate(...).published.{name}", DeprecationWarning, stacklevel=2
        )
        return getattr(self.published, name)


OLD_NAMES = {f.name for f in fields(Estimate)} - {f.name for f in fields(Forecast)}


def describe_seconds(seconds: float) -> str:
    """A duration in the unit that a person would choose."""
    if not math.isfinite(seconds):
        return "longer than the age of the universe"
    for limit, unit, name in (
        (1.0, 1e-3, "ms"),
        (120.0, 1.0, "s"),
        (7200.0, 60.0, "min"),
        (172800.0, 3600.0, "h"),
    ):
        text = f"{seconds / unit:.3g}"
        if float(text) * unit < limit:  # as it is written: 999.6 ms are 1 s
            return f"{text} {name}"
    years = seconds / 31557600
    return f"{seconds / 86400:.3g} days" if years < 2 else f"{years:.3g} years"


def describe_bytes(count: float) -> str:
    """A number of bytes in the unit that a person would choose."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count / 1e3:.3g} kB"


def _or_never(seconds: float) -> str:
    return "never" if seconds == math.inf else describe_seconds(seconds)

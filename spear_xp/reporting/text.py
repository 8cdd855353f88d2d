"""Enters: estimates, progress and results. Leaves: text on the terminal; the library itself never prints."""

import json
import math

from spear_xp.auditing.defences import DEFENCES, Sweep
from spear_xp.certification.false_acceptance import false_acceptance
from spear_xp.forecasting.forecast import describe_seconds
from spear_xp.forecasting.published import Estimate
from spear_xp.solver.result import Result

__all__ = ["BRIEF", "describe", "describe_power", "describe_seconds", "describe_sweep", "summary", "to_json"]

# cosmetic: radians between a wrong sample and the nearest true one, of which a report speaks
ONE_PER_CENT, UNRELATED = 0.01, math.pi / 2
BRIEF = 5e-4  # cosmetic: seconds of a stage that is not worth a word


def describe(forecast: Estimate) -> list[str]:
    """An estimate as lines of text."""

    def powers(logs: dict[float, float]) -> str:
        return ", ".join(f"{u:.0%} {describe_power(value)}" for u, value in logs.items())

    limit = describe_seconds(forecast.time_limit)
    hit, mean = (
        describe_power(x) for x in (forecast.log_direction_probability, forecast.log_expected_samples)
    )
    shape = f"batch size b={forecast.batch_size}, width m={forecast.width}"
    others = 'the default, search="auto", needs far less'
    chances = f"{forecast.success_probability:.3g} within {limit}, {forecast.ceiling:.3g} without a limit"
    durations = ", ".join(
        f"{u:.0%} {'never' if value == math.inf else describe_seconds(forecast.seconds(u))}"
        for u, value in forecast.log_samples.items()
    )
    return [
        f"{shape} ({forecast.tier} tier, share of zeros {forecast.zero_share:.2f})",
        f'all figures are about the published sampler, search="sampling"; {others}',
        f"one row subset finds a given direction with probability {hit}",
        f"subsets for the whole batch: mean H_b/q1 {mean}, quantiles {powers(forecast.log_samples)}",
        f"at least: {powers(forecast.log_samples_low)}",
        f"at most: {powers(forecast.log_samples_high)}; {forecast.interval}",
        f"at {forecast.samples_per_second:.3g} subsets/s: {durations}",
        f"probability of the whole batch: {chances}",
        f"largest batch within {limit} on this width: b={forecast.largest_batch} (even odds, iid tier)",
        f"a direction needs {forecast.threshold} zero rows",
        forecast.verdict.value,
        *(f"note: {text}" for text in forecast.remarks),
        *(f"assumes: {text}" for text in forecast.assumptions),
    ]


def describe_power(log_value: float) -> str:
    """A number given by its natural logarithm, as a power of two."""
    return "never" if log_value == math.inf else f"2^{log_value / math.log(2):.2f}"


def summary(result: Result) -> list[str]:
    """A result as lines of text: its own summary, and below the first two lines how it came about."""
    head, status, *others = result.summary().splitlines()
    trace = result.trace
    effort = f"{trace.samples_drawn} row subsets drawn, {trace.candidates} candidate directions"
    noise = f"noise level {trace.noise_level:.1e} ({trace.noise_model})"
    zeros = f"each with {trace.threshold} zero rows at least"
    told = {stage: value for stage, value in trace.seconds.items() if value > BRIEF}
    seconds = ", ".join(f"{stage} {describe_seconds(value)}" for stage, value in told.items())
    lines = [head, status, f"{effort}, {zeros}, {noise}", f"time: {seconds}"]
    if result.certified.any() and result.evidence is not None:
        near, far = (
            max(value for value in false_acceptance(result, angle).tolist() if not math.isnan(value))
            for angle in (ONE_PER_CENT, UNRELATED)
        )
        chances = f"10^{far:.1f} if it is unrelated to the batch, 10^{near:.1f} if it is 1 % off a true one"
        lines.append(f"bound on the chance that a wrong sample passes: {chances} (docs/reading-a-result.md)")
    return lines + others


def describe_sweep(found: Sweep) -> list[str]:
    """Leaks as a table, and below it what each curve says."""
    head = ("defence", "strength", "records", "certified", "PSNR", "> 30 dB", "ceiling", "> 30 dB", "ends")
    rows = [
        (
            leak.defence,
            f"{leak.strength:g}",
            str(leak.records),
            f"{leak.certified:.0%}",
            f"{leak.psnr:.0f} dB" + (f" of {leak.entries:.0%}" if leak.entries < 1 else ""),
            f"{leak.recovered:.0%}",
            "unknown" if math.isnan(leak.ceiling_psnr) else f"{leak.ceiling_psnr:.0f} dB",
            "unknown" if math.isnan(leak.ceiling_recovered) else f"{leak.ceiling_recovered:.0%}",
            leak.ends,
        )
        for name in found.defences
        for leak in found.curve(name)
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    lines += ["", *(f"- {found.verdict(name)}." for name in found.defences)]
    for name in found.defences:
        end = found.breakdown(name)
        if not math.isnan(end):
            lines.append(f"- {name} is forecast to end recovery at {end:.2g} {DEFENCES[name].unit}.")
    return lines


def to_json(values: dict[str, object]) -> str:
    """One line of JSON; infinities become null, which JSON has no other word for."""

    def clean(value: object) -> object:
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, dict):
            return {str(key): clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [clean(item) for item in value]
        return value

    return json.dumps(clean(values))

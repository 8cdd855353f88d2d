import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp import Result, estimate, false_acceptance, invert
from spear_xp.auditing.defences import Leak, Sweep
from spear_xp.reporting.text import (
    BRIEF,
    describe,
    describe_power,
    describe_seconds,
    describe_sweep,
    summary,
    to_json,
)
from spear_xp.updates.synthetic import LayerGradient

RATE = {"samples_per_second": 1e5}
UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "days": 86400.0, "years": 31557600.0}
words = st.text(max_size=4)
leaves = st.none() | st.booleans() | st.integers() | words | st.floats(allow_nan=False, allow_infinity=False)
nested = st.recursive(leaves, lambda part: st.lists(part) | st.dictionaries(words, part), max_leaves=5)


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


def test_json_has_no_infinities() -> None:
    assert json.loads(to_json({"a": float("inf"), "b": {0.5: float("nan")}, "c": [1, (2.0, None)]})) == {
        "a": None,
        "b": {"0.5": None},
        "c": [1, [2.0, None]],
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0123, "12.3 ms"),
        (1.0, "1 s"),
        (90.0, "90 s"),
        (600.0, "10 min"),
        (10800.0, "3 h"),
        (864000.0, "10 days"),
        (3.2e9, "101 years"),
        (float("inf"), "longer than the age of the universe"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert describe_seconds(seconds) == text


@given(st.floats(1e-3, 1e12))
def test_a_duration_read_back_is_the_duration_to_three_digits(seconds: float) -> None:
    number, unit = describe_seconds(seconds).split()
    assert float(number) * UNITS[unit] == pytest.approx(seconds, rel=0.006)


def test_a_duration_just_below_a_unit_is_written_in_it() -> None:
    assert describe_seconds(0.9996) == "1 s"


@given(st.dictionaries(words, nested, max_size=3))
def test_what_json_can_say_comes_back_as_it_was(values: dict[str, object]) -> None:
    text = to_json(values)
    assert "\n" not in text
    assert json.loads(text) == values


@given(st.floats(-1e4, 1e4))
def test_powers_of_two_are_those_of_the_number(power: float) -> None:
    text = describe_power(power * math.log(2))
    assert text.startswith("2^")
    assert float(text[2:]) == pytest.approx(power, abs=0.006)
    assert describe_power(math.inf) == "never"


def test_the_text_speaks_of_the_published_sampler() -> None:
    lines = describe(estimate(12, 24, **RATE).published)
    assert any('search="sampling"' in line and 'search="auto", needs far less' in line for line in lines)
    assert any("never" in line for line in lines)


def test_the_text_states_the_bound(result: Result, layer: LayerGradient) -> None:
    near = float(false_acceptance(result).max())
    assert any(f"10^{near:.1f} if it is 1 % off" in line for line in summary(result))
    wrong = invert(*layer.observed[:2], -layer.weight, -layer.bias, time_limit=0.3, rng=0)
    assert not any("1 % off" in line for line in summary(wrong))


def test_a_summary_counts_what_is_certified_and_gives_a_reason_for_the_rest(result: Result) -> None:
    head, status, effort, times, *rest = summary(result)
    assert head == "exact: 6 of 6 certified"
    assert status == result.status.value
    trace = result.trace
    assert f"{trace.samples_drawn} row subsets drawn, {trace.candidates} candidate directions" in effort
    assert f"each with {trace.threshold} zero rows at least" in effort
    for stage, value in trace.seconds.items():
        assert (f"{stage} {describe_seconds(value)}" in times) == (value > BRIEF)
    assert len(rest) == 1  # the bound
    some = replace(
        result,
        certified=np.arange(6) < 4,
        reasons=("",) * 4 + ("no mask", "no kernel"),
        missing=("too quiet",),
        batch_size=7,
    )
    head, *_, one, other, more = summary(some)
    assert head == "not exact: 4 of 7 certified"
    assert one == "sample 4: not certified, no mask"
    assert other == "sample 5: not certified, no kernel"
    assert more == "one more sample: too quiet"


def test_an_estimate_is_told_with_its_numbers() -> None:
    forecast = estimate(12, 200, **RATE).published
    text = "\n".join(describe(forecast))
    median = forecast.log_samples[0.5] / math.log(2)
    assert f"50% 2^{median:.2f}" in text
    assert f"50% {describe_seconds(forecast.seconds())}" in text
    assert f"at {forecast.samples_per_second:.3g} subsets/s" in text
    assert f"b={forecast.largest_batch}" in text
    assert forecast.verdict.value in text
    assert re.search(rf"needs {forecast.threshold} zero rows", text)
    for remark in (*forecast.remarks, *forecast.assumptions):
        assert remark in text


def test_a_sweep_is_a_table_and_what_it_says() -> None:
    nothing = Leak("top-k", 0.01, 0, 12, 0.0, 0.0, 0.0, math.nan, math.nan, "TIME_LIMIT", "", 1.0)
    head, rule, row, empty, verdict = describe_sweep(Sweep((nothing,)))
    assert head.count("|") == rule.count("|") == row.count("|")
    assert "| 0.01 | 12 | 0% | 0 dB | 0% | unknown | unknown | TIME_LIMIT |" in row
    assert empty == ""
    assert verdict == "- top-k hides records from this search from 0.01 of the entries kept on."
    forecast = replace(nothing, defence="noise", breakdown=0.123)
    last = describe_sweep(Sweep((forecast,)))[-1]
    assert last == "- noise is forecast to end recovery at 0.12 of the rms entry."

"""What a forecast says of itself."""

import math
import pickle

import pytest

from spear_xp import Verdict, estimate
from spear_xp.forecasting.forecast import Seconds, describe_bytes


def test_verdicts_are_sentences_that_promise_no_privacy() -> None:
    for verdict in Verdict:
        assert verdict.value.endswith(".")
    assert "not privacy" in Verdict.EXACT_IMPOSSIBLE.value


@pytest.mark.parametrize(("count", "text"), [(1.5e9, "1.5 GB"), (2e6, "2 MB"), (12_345, "12.3 kB")])
def test_bytes(count: float, text: str) -> None:
    assert describe_bytes(count) == text


def test_seconds_are_a_dictionary_that_old_code_can_call() -> None:
    forecast = estimate(8, 100)
    seconds = Seconds({0.5: 2.0}, lambda: forecast.published)
    assert seconds == {0.5: 2.0}
    with pytest.warns(DeprecationWarning, match="published"):
        assert seconds(0.9) == forecast.published.seconds(0.9)


@pytest.mark.parametrize("search", ["auto", "sampling"])
def test_a_forecast_can_be_sent_to_another_process(search: str) -> None:
    forecast = estimate(8, 100, search=search, centred=True)
    again = pickle.loads(pickle.dumps(forecast))
    assert repr(again) == repr(forecast)
    assert again.published.seconds(0.9) == forecast.published.seconds(0.9)


def test_the_summary_says_never_and_no_attack_is_known() -> None:
    text = estimate(120, 200, centred=True).summary()
    assert "never" in text
    assert "no attack is known" in text
    assert "EXACT_IMPOSSIBLE" in text


def test_unknown_figures_are_not_a_number() -> None:
    values = estimate(30, 200, centred=False).to_dict()
    assert math.isnan(values["success_probability"])

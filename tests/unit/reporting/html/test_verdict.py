"""The verdict is one sentence, and it never calls an update safe."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp import Result, Status, invert
from spear_xp.reporting.html.verdict import tone_of, verdict_of
from spear_xp.updates.synthetic import LayerGradient


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


def outcome(result: Result, certified: int, directions: int, status: Status = Status.PARTIAL) -> Result:
    numbers = np.arange(6)
    return replace(
        result,
        certified=numbers < certified,
        direction_certified=numbers < directions,
        status=status,
    )


@pytest.mark.parametrize(
    ("certified", "directions", "status", "measured", "words", "tone"),
    [
        (6, 6, Status.EXACT, {}, "gives away its whole batch of 6", "revealed"),
        (2, 2, Status.PARTIAL, {}, "gives away 2 samples of its batch of 6, certified", "partly"),
        (0, 6, Status.SCALE_OPEN, {}, "up to their scale", "partly"),
        (
            0,
            0,
            Status.UNCERTIFIED,
            {0: 45.0, 1: 9.0},
            "and yet 1 sample of the batch of 6 came back",
            "partly",
        ),
        (0, 0, Status.UNCERTIFIED, {0: 9.0}, "does not show that the update is safe", "unproven"),
    ],
)
def test_the_verdict_says_how_much_is_given_away(
    result: Result,
    certified: int,
    directions: int,
    status: Status,
    measured: dict[int, float],
    words: str,
    tone: str,
) -> None:
    found = outcome(result, certified, directions, status)
    sentence = verdict_of(found, measured)
    assert words in sentence
    assert sentence.endswith(".")
    assert sentence.count(".") == 1
    assert tone_of(found, measured) == tone


def test_features_are_not_called_data(result: Result) -> None:
    behind = replace(result, trace=replace(result.trace, features="behind Conv2d 'conv1'"))
    assert "its whole batch of 6, as features of a deeper layer" in verdict_of(behind)


def test_a_batch_of_unknown_size_has_been_read(result: Result) -> None:
    flags = np.arange(6) < 1
    some = replace(result, batch_size=None, status=Status.PARTIAL, certified=flags, direction_certified=flags)
    assert verdict_of(some) == (
        "This update gives away 1 sample of its batch, certified; how many there are in all it does not tell."
    )
    none = replace(outcome(result, 0, 0, Status.HOPELESS), inputs=result.inputs[:0])
    assert "cannot recover the batch of 6 from this update; that does not show it to be safe" in verdict_of(
        none
    )
    assert tone_of(none) == "unproven"
    assert "proved nothing about the batch of 6" in verdict_of(replace(none, status=Status.UNCERTIFIED))


def test_samples_without_a_proof_are_pointed_at(result: Result) -> None:
    found = outcome(result, 0, 0, Status.UNCERTIFIED)
    assert "and yet 6 samples of the batch of 6 came back without a proof" in verdict_of(found)
    assert tone_of(found) == "partly"


def test_of_an_update_that_was_not_read_nothing_is_said(layer: LayerGradient) -> None:
    found = invert(*layer.observed, time_limit=1e-6, rng=0)
    assert "nothing is known" in verdict_of(found)
    assert tone_of(found) == "unproven"

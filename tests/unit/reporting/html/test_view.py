"""What the page says: of every sample its proof, of what is missing the reason, and no more."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp import LayerUpdate, Result, audit, invert
from spear_xp.auditing.chaining import Chained
from spear_xp.auditing.verdict import Audit, Exposure, LayerAudit
from spear_xp.reporting.html.view import view_of
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.optional import need

need("matplotlib")
PLAIN = {"original": None, "shape": None, "feature_names": None, "samples": True}


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


def test_every_sample_has_its_row(result: Result) -> None:
    reasons = ("",) * 4 + ("no mask", "no scale")
    numbers = np.arange(6)
    some = replace(
        result,
        certified=numbers < 4,
        direction_certified=numbers < 5,
        reasons=reasons,
        missing=("quiet",) * 2,
    )
    view = view_of(some, **PLAIN)
    assert [row["identity"] for row in view["rows"]] == ["certified"] * 4 + ["up to scale", "not certified"]
    assert [row["reason"] for row in view["rows"]] == list(reasons)
    assert view["rows"][0]["conditions"] == [True] * 4
    assert view["rows"][0]["psnr"] == f"{result.psnr[0]:.0f} dB"
    assert view["missing"] == [(2, "quiet")]
    assert view["table"]
    assert not view["tiles"]


def test_a_condition_that_failed_is_shown_as_failed(result: Result) -> None:
    conditions = result.trace.conditions | {"kernel": np.arange(6) != 3}
    view = view_of(replace(result, trace=replace(result.trace, conditions=conditions)), **PLAIN)
    assert [row["conditions"] for row in view["rows"]][3] == [True, False, True, True]


def test_with_the_truth_errors_are_measured_and_what_was_not_found_is_shown(
    result: Result, layer: LayerGradient
) -> None:
    fewer = replace(
        result,
        **{name: getattr(result, name)[:4] for name in ("inputs", "certified", "direction_certified")},
        **{name: getattr(result, name)[:4] for name in ("error_bars", "psnr", "reasons")},
        evidence=None,
    )
    view = view_of(fewer, **(PLAIN | {"original": layer.inputs.astype(float), "shape": (5, 8)}))
    assert view["has_measured"]
    assert [len(tile["pictures"]) for tile in view["tiles"]] == [3] * 4
    assert len(view["lost"]) == 2
    assert all(int(row["measured"].removesuffix(" dB")) > 100 for row in view["rows"])


def test_without_samples_no_picture_and_no_value_is_shown(result: Result) -> None:
    view = view_of(result, **(PLAIN | {"samples": False, "shape": (5, 8)}))
    assert not view["tiles"]
    assert view["table"] is None
    assert len(view["rows"]) == 6


def test_the_bound_on_false_certificates_is_told_where_there_is_one(result: Result) -> None:
    assert "at most 10⁻" in view_of(result, **PLAIN)["chance"]
    assert view_of(replace(result, evidence=None), **PLAIN)["chance"] == ""


def test_a_diagnosis_is_shown_where_there_is_one(result: Result) -> None:
    assert view_of(result, **PLAIN)["diagnosis"] == []


def test_what_was_assumed_names_batch_noise_and_what_the_update_says(result: Result) -> None:
    trace = replace(result.trace, assumptions=("one step",), expected=9, weight_decay=0.5, completed=0.25)
    assumed = "\n".join(view_of(replace(result, trace=trace), **PLAIN)["assumed"])
    for words in (
        "90 neurons and 40 inputs",
        "taken for rounding",
        "9 was given",
        "0.5 times",
        "25.0% of",
        "one step",
    ):
        assert words in assumed


def test_a_deeper_layer_is_named_as_one(layer: LayerGradient) -> None:
    update = LayerUpdate(*layer.observed, name="fc1", features="behind Conv2d 'conv1'")
    view = view_of(invert(update, rng=0), **PLAIN)
    assert view["subject"] == "Audit of layer 'fc1', 90 neurons with 40 inputs"
    assert view["features"] == "behind Conv2d 'conv1'"
    assert view["layers"] == []


def test_an_audit_has_a_row_for_each_layer(layer: LayerGradient) -> None:
    found = audit(LayerUpdate(*layer.observed, name="fc1"), rng=0)
    assert found.worst is not None
    view = view_of(found.worst.result, **PLAIN, audit=found)
    (row,) = view["layers"]
    assert row == {"name": "fc1", "shape": "90 × 40", "inputs": "the data", "outcome": "6 of 6 certified"}
    assert view["exposure"] == found.verdict.value
    assert (view["labels"], view["chained"]) == ("", 0)


def test_data_that_were_worked_out_from_features_are_counted(result: Result) -> None:
    numbers = np.arange(6)
    chained = Chained(np.zeros((6, 9)), numbers, numbers < 4, numbers, numbers, ("",) * 6)
    behind = LayerAudit("fc2", (90, 40), "behind Linear 'fc1'", result, chained=chained)
    found = Audit(Exposure.PARTLY_EXPOSED, (behind,), None, (), 0.0)
    assert view_of(result, **PLAIN, audit=found)["chained"] == 4

"""Samples that are no images: values to the digit that their error bar leaves."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp import Result, invert
from spear_xp.reporting.html.table import COLUMNS, FEATURES, SAMPLES, table_of, value_of
from spear_xp.reporting.metrics import compare
from spear_xp.updates.synthetic import LayerGradient


@pytest.mark.parametrize(
    ("value", "bar", "text"),
    [
        (1.23456, 0.01, "1.23"),
        (123.456, 20.0, "120"),
        (1.23456789, 1e-12, "1.23457"),
        (1.5, float("inf"), "1.5"),
        (-0.001, 0.1, "0"),
    ],
)
def test_a_value_has_the_digits_that_are_known(value: float, bar: float, text: str) -> None:
    assert value_of(value, bar) == text


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


def test_every_cell_has_the_value_of_its_sample_and_feature(result: Result, layer: LayerGradient) -> None:
    names = [f"name {j}" for j in range(40)]
    matched = compare(layer.inputs, result.inputs)
    (part,) = table_of(result.inputs, result, layer.inputs, matched, names)["parts"]
    assert [head["number"] for head in part["heads"]] == list(range(6))
    for j, row in enumerate(part["rows"]):
        assert row["name"] == f"name {j}"
        for k, cell in enumerate(row["cells"]):
            assert float(cell["value"]) == pytest.approx(result.inputs[k, j], rel=1e-5, abs=1e-6)
            assert float(cell["true"]) == pytest.approx(result.inputs[k, j], rel=1e-4, abs=1e-5)


def test_what_does_not_fit_is_counted(result: Result) -> None:
    inputs = np.ones((SAMPLES + 3, FEATURES + 5))
    many = replace(
        result, certified=np.ones(len(inputs), dtype=bool), error_bars=np.ones(len(inputs)), inputs=inputs
    )
    table = table_of(inputs, many, None, None, None)
    assert [len(part["heads"]) for part in table["parts"]] == [COLUMNS] * (SAMPLES // COLUMNS)
    assert (table["hidden_samples"], table["hidden_features"]) == (3, 5)
    assert table["parts"][0]["rows"][7]["name"] == "feature 7"
    assert table["parts"][0]["rows"][7]["cells"][0] == {"value": "1", "true": ""}

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp.auditing.chaining import Chained
from spear_xp.auditing.verdict import Audit, Exposure, LayerAudit, verdict_of
from spear_xp.errors import UpdateError
from spear_xp.solver.result import Result, Status, Trace
from tests.helpers.optional import need


def result(
    certified: int, *, directions: int | None = None, batch_size: int = 3, status: Status = Status.PARTIAL
) -> Result:
    flags = [k < certified for k in range(batch_size)]
    proven = [k < (certified if directions is None else directions) for k in range(batch_size)]
    return Result(
        inputs=None,
        certified=flags,
        direction_certified=proven,
        error_bars=[0.0] * batch_size,
        status=status,
        batch_size=batch_size,
        reasons=tuple("" if flag else "it is doubtful" for flag in flags),
        missing=(),
        evidence=None,
        seed=0,
        trace=Trace(seconds={"total": 0.5}),
    )


def layer(name: str = "fc", found: Result | None = None, **options: Any) -> LayerAudit:
    return LayerAudit(name, (30, 20), result=found, **options)


CONV = LayerAudit("conv", (4, 1, 3, 3), reason="no layer of this kind")


@pytest.mark.parametrize(
    ("layers", "verdict"),
    [
        ([layer(found=result(3)), layer(found=result(0), features="behind 'fc'")], Exposure.EXPOSED),
        ([layer(found=result(1))], Exposure.PARTLY_EXPOSED),
        ([layer(found=result(0, directions=3))], Exposure.SCALE_OPEN),
        ([CONV, layer(found=result(3), features="behind 'conv'")], Exposure.FEATURES),
        ([layer(found=result(0)), layer(found=result(2), features="behind 'fc'")], Exposure.FEATURES),
        ([layer(found=result(0))], Exposure.UNPROVEN),
        ([CONV], Exposure.NOT_APPLICABLE),
        ([], Exposure.NOT_APPLICABLE),
    ],
)
def test_data_go_before_features(layers: list[LayerAudit], verdict: Exposure) -> None:
    assert verdict_of(layers) is verdict


def test_outcomes_in_words() -> None:
    assert layer(found=result(3, status=Status.EXACT)).outcome == "3 of 3 certified"
    assert layer(found=result(1)).outcome == "1 of 3 certified, PARTIAL"
    assert layer(found=result(0)).outcome == "0 of 3 certified, PARTIAL: it is doubtful"
    assert "3 up to their scale" in layer(found=result(0, directions=3)).outcome
    unread = replace(result(0), batch_size=None, reasons=())
    assert layer(found=unread).outcome == "0 of an unknown number certified, PARTIAL"
    assert CONV.outcome == "not searched: no layer of this kind"


@pytest.mark.parametrize("known", [0, 2])
def test_what_is_known_up_to_something_is_no_data(known: int) -> None:
    samples, rows = np.arange(known), np.zeros((known, 20))
    reasons = ("", "", "it contradicts") if known else ("it contradicts",) * 3
    chained = Chained(rows, samples, samples > known, samples, samples, reasons, up_to="mean and scale")
    found = layer(found=result(3), features="behind LayerNorm 'norm'", chained=chained)
    assert found.data_certified == 0
    of_them = f"{known} known up to mean and scale" if known else "it contradicts"
    assert found.outcome == f"3 of 3 certified, 0 of them chained to the data ({of_them})"


def audit() -> Audit:
    layers = (CONV, layer("fully.connected", result(3), features="behind 'conv'"))
    return Audit(Exposure.FEATURES, layers, (0, 7), ("the order is known",), 1.5)


def test_the_summary_has_verdict_table_labels_and_assumptions() -> None:
    lines = audit().summary().splitlines()
    assert lines[0] == f"FEATURES: {Exposure.FEATURES.value}"
    head = next(line for line in lines if line.startswith("layer "))
    row = next(line for line in lines if line.startswith("fully.connected"))
    assert row[head.index("outcome") :] == "3 of 3 certified"
    assert row[head.index("inputs") :].startswith("behind 'conv'")
    assert "30 × 20" in row
    assert any(line.endswith("0, 7") for line in lines)
    assert lines[-1] == "assumes: the order is known"


def test_plain_values_are_json_and_hold_no_samples() -> None:
    values = json.loads(json.dumps(audit().to_dict()))
    assert values["verdict"] == "FEATURES"
    assert values["labels"] == [0, 7]
    assert [one["inputs"] for one in values["layers"]] == ["data", "behind 'conv'"]
    assert values["layers"][1]["certified"] == 3
    assert "result" not in values["layers"][1]


def test_a_data_frame_has_a_row_for_each_layer() -> None:
    need("pandas")
    frame = audit().to_dataframe()
    assert frame["name"].tolist() == ["conv", "fully.connected"]
    assert frame["certified"].tolist() == [0, 3]


def test_the_worst_layer_gives_away_most() -> None:
    first, second, third = (
        layer(name, result(count), features=text)
        for name, count, text in (("a", 1, ""), ("b", 3, "behind 'a'"), ("c", 2, "behind 'a'"))
    )
    assert Audit(Exposure.FEATURES, (first, second, third, CONV), None, (), 0.0).worst is first
    assert Audit(Exposure.FEATURES, (CONV, second, third), None, (), 0.0).worst is second
    assert Audit(Exposure.NOT_APPLICABLE, (CONV,), None, (), 0.0).worst is None
    scaled = layer("d", result(0, directions=2))
    assert Audit(Exposure.SCALE_OPEN, (second, scaled), None, (), 0.0).worst is scaled


def test_a_page_needs_a_layer_that_was_searched() -> None:
    with pytest.raises(UpdateError, match="no layer was searched"):
        Audit(Exposure.NOT_APPLICABLE, (CONV,), None, (), 0.0).report("page.html")

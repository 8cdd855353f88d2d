"""What the caller gets: success, summary, one readable line, and the names of version 0.1."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp import Result, Status, invert
from spear_xp.solver.result import OLD_NAMES
from spear_xp.updates.synthetic import LayerGradient


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


def test_a_result_prints_as_one_line(result: Result) -> None:
    assert repr(result).startswith("<Result EXACT: 6 of 6 certified in ")
    assert "\n" not in repr(result)


def test_success_is_every_sample_certified(result: Result) -> None:
    assert result.success
    assert not replace(result, certified=np.arange(6) > 0).success
    assert not replace(result, batch_size=7).success
    assert not replace(result, batch_size=None).success


def test_a_summary_says_what_to_try_and_why(result: Result) -> None:
    assert result.summary().splitlines() == ["exact: 6 of 6 certified", Status.EXACT.value]
    some = replace(
        result,
        certified=np.arange(6) < 5,
        status=Status.PARTIAL,
        reasons=("",) * 5 + ("no mask",),
        missing=("too quiet",),
        batch_size=7,
    )
    assert some.summary().splitlines() == [
        "not exact: 5 of 7 certified",
        Status.PARTIAL.value,
        "sample 5: not certified, no mask",
        "one more sample: too quiet",
    ]


def test_a_summary_calls_exact_what_is_exact_alone(result: Result) -> None:
    certified = replace(result, status=Status.CERTIFIED)
    assert certified.summary().startswith("within the accuracy asked for: 6 of 6 certified\n")
    unknown = replace(result, status=Status.PARTIAL, batch_size=None)
    assert unknown.summary().startswith("not exact: 6 of an unknown number certified\n")


@pytest.mark.parametrize("name", sorted(OLD_NAMES))
def test_old_names_warn_and_work(result: Result, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=OLD_NAMES[name]):
        old = getattr(result, name)
    assert old is (result.missing if name == "unresolved" else getattr(result.trace, name))


def test_other_names_are_no_attributes(result: Result) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = result.nonsense

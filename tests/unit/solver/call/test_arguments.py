"""What the public call checks before it looks at arrays."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.errors import ArgumentRangeError, ShapeError
from spear_xp.solver.call.arguments import check_numbers, kinds_of, renamed, update_of
from spear_xp.strategies.sampling import Sampling
from spear_xp.updates.layer_update import LayerUpdate

ARRAYS = (np.eye(3), np.ones(3), np.zeros((3, 3)), np.zeros(3))
NUMBERS = {"accuracy": 0.01, "rounds": 1}


def test_arrays_become_an_update_and_an_update_stays_what_it_is() -> None:
    update = update_of(*ARRAYS, noise=0.1)
    assert update.noise == 0.1
    assert update.grad_w is ARRAYS[0]
    assert update_of(update, None, None, None, noise=None) is update


@pytest.mark.parametrize("name", ["grad_b", "weight", "bias", "noise", "weight_after"])
def test_nothing_may_stand_beside_an_update(name: str) -> None:
    given = dict.fromkeys(("grad_b", "weight", "bias"))
    known = {"noise": None, "weight_after": None}
    (given if name in given else known)[name] = np.ones(3)
    with pytest.raises(ArgumentRangeError, match=f"{name} is given beside a LayerUpdate"):
        update_of(LayerUpdate(*ARRAYS), *given.values(), **known)


@pytest.mark.parametrize(
    ("name", "value"),
    [("accuracy", 0), ("accuracy", 0.4), ("rounds", 0), ("rounds", True), ("time_limit", -1)],
)
def test_numbers_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(ArgumentRangeError, match=f"{name}={value}"):
        check_numbers(**{**NUMBERS, name: value})
    check_numbers(**NUMBERS, work_limit=None, time_limit=1.0)


def test_an_argument_of_the_first_version_belongs_to_the_published_attack() -> None:
    assert renamed("auto", None) == "auto"
    with pytest.warns(DeprecationWarning, match="Sampling"):
        assert renamed("sampling", 1e-3) == Sampling(false_rejection=1e-3)


def test_kinds_of_features_are_checked() -> None:
    update = LayerUpdate(*ARRAYS)
    assert kinds_of(None, update, ARRAYS[0]) is None
    kinds = ("real", "integer", "one-hot:a")
    assert kinds_of(kinds, update, ARRAYS[0]) == list(kinds)
    own = replace(update, feature_kinds=kinds)
    assert kinds_of(None, own, ARRAYS[0]) == list(kinds)
    with pytest.raises(ArgumentRangeError, match="feature_kinds is given beside a LayerUpdate that has some"):
        kinds_of(kinds, own, ARRAYS[0])
    with pytest.raises(ShapeError, match="feature_kinds has 2 entries: need 3"):
        kinds_of(["real"] * 2, update, ARRAYS[0])
    for wrong in (["real", "real", "whole"], [1, 2, 3], "one"):
        with pytest.raises(ArgumentRangeError, match="feature_kinds"):
            kinds_of(wrong, update, ARRAYS[0])  # type: ignore[arg-type]

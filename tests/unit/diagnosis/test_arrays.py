"""What the four arrays show before a search."""

from typing import Any

import numpy as np
import pytest

from spear_xp import Status, errors, invert
from spear_xp.diagnosis.arrays import of_arrays, too_few_rows
from spear_xp.reduction.decay import without_decay
from spear_xp.reduction.gradient import validate
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.causes import DATA, PLANTED, honest


@pytest.mark.parametrize("data", sorted(DATA))
@pytest.mark.parametrize("name", ["weights after", "transposed"])
def test_arrays_in_the_wrong_place_are_named(name: str, data: str) -> None:
    change, fitting = PLANTED[name]
    checked = validate(*change(honest(data, seed=5)).arrays)
    gradient, factorization, decay = without_decay(checked)
    assert [one.name for one in of_arrays(checked, factorization, decay)] == list(fitting)
    assert gradient.columns == checked.columns


def test_weight_decay_is_named_with_its_size(layer: LayerGradient) -> None:
    decayed = [g + 0.05 * w for g, w in zip(layer.observed[:2], layer.observed[2:], strict=True)]
    checked = validate(*decayed, *layer.observed[2:])
    _, factorization, decay = without_decay(checked)
    (found,) = of_arrays(checked, factorization, decay)
    assert found.name == "weight decay"
    assert found.evidence == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize(("expected", "name"), [(4, "more samples"), (9, "fewer samples")])
def test_another_batch_size_is_named(layer: LayerGradient, expected: int, name: str) -> None:
    checked = validate(*layer.observed)
    _, factorization, decay = without_decay(checked, expected)
    (found,) = of_arrays(checked, factorization, decay)
    assert found.name == name
    assert f"6 samples, {expected} were expected" in found.sentence


def test_where_no_direction_can_be_confirmed_no_search_runs() -> None:
    assert too_few_rows(14, 12) is not None
    assert too_few_rows(15, 12) is None
    assert too_few_rows(3, 1) is None
    truth = mlp_gradient(gaussian_inputs(12, 40, rng=0), width=14, rng=0)
    result = invert(*truth.observed, rng=0, time_limit=20.0)
    assert result.status is Status.HOPELESS
    assert result.trace.work == 0
    assert [one.name for one in result.diagnosis] == ["few rows"]


def test_an_error_says_what_the_arrays_show(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = mlp_gradient(gaussian_inputs(6, 120, rng=0), width=90, rng=0)  # too wide for a table

    def no_rank(*_: Any, **__: Any) -> Any:
        msg = "no low rank"
        raise errors.RankError(msg)

    monkeypatch.setattr("spear_xp.solver.call.factors.without_decay", no_rank)
    with pytest.raises(errors.RankError, match="no low rank; sign-like: "):
        invert(np.sign(layer.grad_w), *layer.observed[1:])


@pytest.mark.parametrize("data", sorted(DATA.keys() - {"crops"}))
def test_a_layer_in_the_place_of_its_gradient_is_refused_with_advice(data: str) -> None:
    case = PLANTED["swapped"][0](honest(data, seed=5))
    with pytest.raises(errors.RankError, match="swapped: weight has rank 12, as a gradient has"):
        invert(*case.arrays, rng=0, time_limit=20.0)


def test_weights_for_an_update_are_refused_with_advice(layer: LayerGradient) -> None:
    with pytest.raises(errors.ZeroGradientError, match="need the gradient, or the weights before minus"):
        invert(layer.weight, layer.bias, layer.weight, layer.bias)


@pytest.mark.parametrize("few", [False, True])
def test_signs_of_low_rank_need_no_search_unless_they_may_be_honest(few: bool) -> None:
    change, fitting = PLANTED["sign"]
    case = honest("digits", 2, 60, 301, depth=2) if few else honest("crops", 8, 150, 343, depth=2, classes=2)
    checked = validate(*change(case).arrays)
    _, factorization, decay = without_decay(checked)
    assert factorization.rank * 4 < checked.live.shape[0]
    assert (factorization.rank <= 4) is few
    (found,) = of_arrays(checked, factorization, decay)
    assert found.name in fitting
    assert found.hopeless is not few


@pytest.mark.parametrize("data", ["faces", "digits"])
def test_signs_of_a_single_sample_end_at_once(data: str) -> None:
    case = PLANTED["sign"][0](honest(data, 1, 40, seed=300, depth=2))
    result = invert(*case.arrays, rng=0, time_limit=20.0, work_limit=1e8)
    assert [one.name for one in result.diagnosis] == ["sign-like"]
    assert result.status is Status.UNCERTIFIED
    assert not result.certified.any()


def test_signs_are_not_blamed_where_binary_inputs_are_certified() -> None:
    rng = np.random.default_rng(2)
    inputs = rng.choice([0.0, 1.0], (1, 40)).astype("float32")
    truth = mlp_gradient(inputs, width=60, rng=1)
    even = [np.sign(part) for part in truth.observed[:2]]  # as behind weights of one size
    result = invert(*even, *truth.observed[2:], rng=0, time_limit=20.0)
    assert result.certified.all()
    assert result.diagnosis == ()

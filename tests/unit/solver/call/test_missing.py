"""Factors of an update of which entries are missing."""

import re
from pathlib import Path

import numpy as np
import pytest

from spear_xp import LayerUpdate, Status, errors, invert, load_result
from spear_xp.reduction.gradient import validate
from spear_xp.reporting.metrics import compare
from spear_xp.solver.call.missing import read_factors
from spear_xp.solver.runtime.clock import Clock
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.causes import PLANTED, honest
from tests.helpers.missing import half_missing
from tests.helpers.networks import Floats
from tests.helpers.truth import relative_errors


def update(truth: LayerGradient, known: Floats, *, told: bool = True, value: float = 0.0) -> LayerUpdate:
    """With one value in the place of what is missing."""
    both = np.where(known, np.c_[truth.grad_w, truth.grad_b], np.float32(value))
    return LayerUpdate(both[:, :-1], both[:, -1], truth.weight, truth.bias, observed=known if told else None)


@pytest.mark.parametrize("told", [True, False])
def test_a_random_half_is_completed(told: bool) -> None:
    truth, known = half_missing()
    result = invert(update(truth, known, told=told), rng=0, time_limit=20.0)
    assert result.status is Status.EXACT
    assert relative_errors(truth.inputs, result.inputs).max() < 1e-4
    assert [one.name for one in result.diagnosis] == ["entries completed"]
    assert result.trace.completed == pytest.approx(0.5, abs=0.05)  # rows of zeros are known
    assert result.trace.seconds["complete"] > 0


def test_columns_of_zeros_are_zeros_where_entries_are_missing_at_random() -> None:
    """Only where small entries were dropped may something have been there."""
    truth, known = half_missing()
    plain = invert(update(truth, known, told=False), rng=0, time_limit=20.0)
    both = np.where(known, np.c_[truth.grad_w, truth.grad_b], np.float32(0))
    weight = np.c_[truth.weight, truth.weight[:, :4]]
    more = np.c_[both[:, :-1], np.zeros((len(both), 4), "float32")]
    result = invert(more, both[:, -1], weight, truth.bias, rng=0, time_limit=20.0)
    assert result.status is Status.EXACT
    assert result.error_bars.max() < 2 * plain.error_bars.max()


@pytest.mark.parametrize("told", [True, False])
def test_a_work_limit_ends_completion_on_the_way(told: bool) -> None:
    truth, known = half_missing()
    given = update(truth, known, told=told)
    whole, limit = invert(given, rng=0).trace.work, 1e7
    result = invert(given, rng=0, work_limit=limit)
    assert result.status is Status.TIME_LIMIT
    assert limit <= result.trace.work < limit + 0.1 * whole


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("biased", [True, False])
def test_without_a_bias_gradient_a_random_half_is_completed_as_well(biased: bool, told: bool) -> None:
    truth, known = half_missing()
    rng = np.random.default_rng(0)
    weight, bias = truth.weight, truth.bias if biased else None
    pattern = truth.inputs @ weight.T + (truth.bias if biased else 0) > 0
    grad_w = ((pattern * rng.standard_normal(pattern.shape)).T @ truth.inputs).astype("float32")
    observed = known[:, :-1]
    given = LayerUpdate(
        np.where(observed, grad_w, 0), None, weight, bias, observed=observed if told else None
    )
    result = invert(given, rng=0, time_limit=20.0)
    assert result.status is Status.SCALE_OPEN
    assert not result.certified.any()
    assert result.direction_certified.all()
    unit, true = (rows / np.linalg.norm(rows, axis=1)[:, None] for rows in (result.inputs, truth.inputs))
    assert ((unit @ true.T).max(axis=1) > 1 - 1e-5).all()


def test_what_stands_in_the_place_of_missing_entries_does_not_matter() -> None:
    truth, known = half_missing()
    first, second = (invert(update(truth, known, value=v), rng=0, time_limit=20.0) for v in (np.nan, 1e3))
    assert second.status is Status.EXACT
    assert np.allclose(first.inputs, second.inputs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["top 50 %", "clipped .1 %", "clipped 5 %"])
@pytest.mark.parametrize("data", ["gaussian", "faces"])
def test_top_k_and_clipping_are_recognised(name: str, data: str) -> None:
    case = PLANTED[name][0](honest(data, seed=4))
    result = invert(*case.arrays, rng=0, time_limit=20.0)
    assert result.status in {Status.EXACT, Status.SCALE_OPEN}
    assert relative_errors(case.inputs, result.inputs).max() < 1e-4
    assert "entries completed" in [one.name for one in result.diagnosis]


def test_an_honest_gradient_is_left_as_it_is(layer: LayerGradient) -> None:
    gradient, clock = validate(*layer.observed), Clock(5.0)
    whole = np.ones(layer.grad_w.shape, dtype=bool)
    for observed in (None, whole):
        reading = read_factors(gradient, LayerUpdate(*layer.observed, observed=observed), None, clock)
        assert reading.whole
        assert reading.gradient is gradient
    assert "complete" not in clock.seconds


def test_a_mask_that_lies_is_hopeless() -> None:
    """Zeros that are said to be observed: no low rank, and nothing is certified."""
    truth, known = half_missing(share=0.7)
    lie = known | (np.random.default_rng(8).random(known.shape) < 0.5)
    both = np.where(known, np.c_[truth.grad_w, truth.grad_b], 0)
    spoiled = LayerUpdate(both[:, :-1], both[:, -1], truth.weight, truth.bias, observed=lie)
    result = invert(spoiled, rng=0, time_limit=20.0)
    assert result.status is Status.HOPELESS
    assert [one.name for one in result.diagnosis] == ["entries missing"]
    assert len(result.inputs) == 0
    assert result.missing == (result.diagnosis[0].sentence,)
    assert result.trace.work < 1e10  # a second or two


@pytest.mark.parametrize("name", ["top 10 %", "Adam, one step", "sign"])
def test_what_hides_everything_ends_at_once(name: str) -> None:
    case = PLANTED[name][0](honest("digits", seed=4))
    result = invert(*case.arrays, rng=0, time_limit=20.0)
    assert result.status is Status.HOPELESS
    assert result.diagnosis[0].name in {"entries dropped", "sign-like"}
    assert result.diagnosis[0].hopeless
    assert result.trace.work < 1e10  # a second or two
    if name == "top 10 %":  # what it would need
        assert re.search(r"those that came tell \d+ samples at most", result.diagnosis[0].advice)


def test_inputs_of_columns_that_did_not_come_are_nan_and_uncertified(tmp_path: Path) -> None:
    truth, known = half_missing(share=0.8)
    known[:, [4, 9]] = False
    result = invert(update(truth, known), rng=0, time_limit=20.0)
    assert np.isnan(result.inputs[:, [4, 9]]).all()
    rest = np.delete(np.arange(60), [4, 9])
    assert np.isfinite(result.inputs[:, rest]).all()
    assert relative_errors(truth.inputs[:, rest], result.inputs[:, rest]).max() < 1e-4
    assert not result.certified.any()
    assert result.status in {Status.UNCERTIFIED, Status.SCALE_OPEN}
    assert [one.name for one in result.diagnosis][:2] == ["entries completed", "inputs lost"]
    assert result.direction_certified.all()
    assert all(result.reasons)
    result.save(tmp_path / "result.npz")
    assert np.isnan(load_result(tmp_path / "result.npz").inputs[:, [4, 9]]).all()
    assert compare(truth.inputs, result.inputs).exact_share == 1


def test_a_mask_beside_an_update_is_refused() -> None:
    truth, known = half_missing()
    with pytest.raises(errors.ArgumentRangeError, match="observed is given beside a LayerUpdate"):
        invert(update(truth, known), observed=known)

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spear_xp import Result, Status, false_acceptance, invert
from spear_xp.certification.certify import certify
from spear_xp.certification.evidence import allowed_flips
from spear_xp.recovery.samples import refine
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.reporting.text import summary
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.truth import true_recovery


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


def test_the_counts_are_those_of_the_masks(layer: LayerGradient) -> None:
    problem = reduce(validate(*layer.observed))
    evidence = certify(problem, refine(problem, true_recovery(problem, layer.inputs))).evidence
    live = ~layer.zero_pattern.all(axis=1)
    np.testing.assert_array_equal(evidence.zero, layer.zero_pattern[live])
    np.testing.assert_array_equal(evidence.zeros, layer.zero_pattern[live].sum(axis=0))
    np.testing.assert_array_equal(evidence.possible, ~layer.zero_pattern[live])
    assert (evidence.unambiguous == problem.width).all()
    assert evidence.flips.tolist() == [0] * 6  # 1 % of fewer than 100 rows
    share, joint = evidence.shares
    assert 0 < joint < share < 1
    assert (evidence.tolerances < 1e-4).all()
    again = evidence.take(np.array([1, 0, 2, 3, 4, 5]))
    assert again.zeros[0] == evidence.zeros[1]
    assert again.limits is evidence.limits


def test_flips_are_whole_rows_and_two_at_most() -> None:
    assert allowed_flips(np.array([0, 99, 100, 250, 10**6])).tolist() == [0, 0, 1, 2, 2]


def test_a_recovered_batch_comes_with_a_bound(result: Result) -> None:
    bound = false_acceptance(result)
    assert bound.shape == (6,)
    assert (bound < -1).all()
    assert (false_acceptance(result, math.pi / 2) < -6).all()


def test_a_sample_proven_in_another_set_has_the_bound_of_that(result: Result) -> None:
    assert result.evidence is not None
    here = replace(result.evidence, tolerances=100 * result.evidence.tolerances)
    elsewhere = replace(here, elsewhere=(None, (result.evidence, 3), *(None,) * 4))
    bound = false_acceptance(replace(result, evidence=elsewhere))
    weaker = false_acceptance(replace(result, evidence=here))
    np.testing.assert_array_equal(bound[[0, 2, 3, 4, 5]], weaker[[0, 2, 3, 4, 5]])
    assert bound[1] == false_acceptance(result)[3]


def test_samples_farther_off_pass_more_rarely(result: Result) -> None:
    bounds = [false_acceptance(result, angle) for angle in (1e-6, 1e-4, 1e-2, 0.3, math.pi / 2)]
    assert (np.diff(bounds, axis=0) <= 1e-9).all()
    assert (bounds[0] == 0).all()  # nearer than the limits of the rows: nothing is said


def test_wider_layers_let_fewer_pass() -> None:
    def bound(width: int) -> float:
        truth = mlp_gradient(gaussian_inputs(6, 40, rng=1), width=width, rng=1)
        return float(false_acceptance(invert(*truth.observed, rng=0), math.pi / 2).max())

    assert bound(400) < bound(200) < bound(100)


def test_a_larger_tolerance_lets_more_pass(result: Result) -> None:
    assert result.evidence is not None
    wide = replace(result, evidence=replace(result.evidence, tolerances=100 * result.evidence.tolerances))
    assert (false_acceptance(wide) > false_acceptance(result)).all()


def test_the_bound_is_the_same_in_every_library(space: Backend, solve: Any) -> None:
    found = solve(*space.mlp(4, 80, 30).observed)
    assert (false_acceptance(found, math.pi / 2) < -3).all()


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_tiny_batches_have_a_bound(batch: int) -> None:
    truth = mlp_gradient(gaussian_inputs(batch, 30, rng=0), width=100, rng=0)
    assert (false_acceptance(invert(*truth.observed, rng=0), math.pi / 2) < -3).all()


def test_what_is_not_certified_has_no_bound(layer: LayerGradient) -> None:
    wrong = invert(*layer.observed[:2], -layer.weight, -layer.bias, time_limit=0.3, rng=0)
    assert np.isnan(false_acceptance(wrong)).all()
    truth = mlp_gradient(gaussian_inputs(40, 100, rng=0), width=120, rng=0)
    nothing = invert(*truth.observed, time_limit=0.1, rng=0, search="sampling")
    assert nothing.status is Status.TIME_LIMIT
    assert nothing.evidence is None
    assert false_acceptance(nothing).shape == (0,)


def test_angles_out_of_range(result: Result) -> None:
    with pytest.raises(ValueError, match=r"angle=0 is out of range: need a number in \(0, pi\)"):
        false_acceptance(result, 0)


def test_the_text_states_the_bound(result: Result, layer: LayerGradient) -> None:
    near = float(false_acceptance(result).max())
    assert any(f"10^{near:.1f} for samples 1 % off" in line for line in summary(result))
    wrong = invert(*layer.observed[:2], -layer.weight, -layer.bias, time_limit=0.3, rng=0)
    assert not any("1 % off" in line for line in summary(wrong))

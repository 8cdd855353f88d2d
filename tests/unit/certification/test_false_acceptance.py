import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import theory
from spear_xp import Result, Status, false_acceptance, invert
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend


@pytest.fixture(scope="module")
def result(layer: LayerGradient) -> Result:
    return invert(*layer.observed, rng=0)


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
    nothing = invert(*truth.observed, time_limit=1e-3, rng=0, search="sampling")
    assert nothing.status is Status.TIME_LIMIT
    assert nothing.evidence is None
    assert false_acceptance(nothing).shape == (0,)


def test_angles_out_of_range(result: Result) -> None:
    with pytest.raises(ValueError, match=r"angle=0 is out of range: need a number in \(0, pi\)"):
        false_acceptance(result, 0)


def test_the_bound_follows_the_samples_in_another_order(result: Result) -> None:
    assert result.evidence is not None
    order = np.array([4, 0, 5, 1, 3, 2])
    shuffled = replace(result, evidence=result.evidence.take(order))
    np.testing.assert_allclose(false_acceptance(shuffled), false_acceptance(result)[order])


def test_nothing_but_certificates_evidence_and_the_batch_size_is_asked_for(result: Result) -> None:
    certified = np.arange(6) != 2
    seen = SimpleNamespace(certified=certified, evidence=result.evidence, batch_size=6)
    np.testing.assert_array_equal(false_acceptance(seen)[certified], false_acceptance(result)[certified])
    assert np.isnan(false_acceptance(seen)[2])


def test_the_bound_is_no_larger_than_that_of_the_masks_alone(result: Result) -> None:
    """A wrong sample has to pass that test whatever else."""
    assert result.evidence is not None
    angle = math.pi / 2
    masks = theory.log_mask_acceptance(
        result.evidence.unambiguous, theory.mask_agreement(angle), result.evidence.flips, freedom=5
    )
    alone = np.asarray(masks) / math.log(10)
    assert (false_acceptance(result, angle) <= alone + 1e-9).all()
    blind = replace(result.evidence, tolerances=result.evidence.tolerances + 1e6)  # every kernel passes
    np.testing.assert_allclose(false_acceptance(replace(result, evidence=blind), angle), alone)

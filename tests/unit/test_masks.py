import numpy as np
import pytest

from spear_xp import reduce, validate
from spear_xp.masks import STRICT, WRONG, MaskTest, tolerated
from spear_xp.synthetic import gaussian_inputs, mlp_gradient
from tests.truth import true_recovery


@pytest.mark.parametrize("seed", range(3))
def test_masks_of_samples_pass_and_other_patterns_do_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs = gaussian_inputs(12, 60, rng=seed)
    problem = reduce(validate(*mlp_gradient(inputs, width=200, rng=seed).observed))
    zero = problem.zeros_of(true_recovery(problem, inputs).directions)
    test = MaskTest.of(problem)
    assert (test.misfits(zero) <= max(STRICT, 1 / 200)).all()
    both = zero[:, :-1] & zero[:, 1:]  # what a mixture of two vanishes on
    assert (test.misfits(both) > WRONG).all()
    assert (test.misfits(rng.random(zero.shape) < 0.5) > WRONG).all()


def test_masks_of_close_samples_pass_for_each_other() -> None:
    """The test tells samples from mixtures of different ones, not from their neighbours."""
    inputs = gaussian_inputs(12, 60, rng=0)
    inputs[1] = inputs[0] + 1e-3 * inputs[2]
    problem = reduce(validate(*mlp_gradient(inputs, width=200, rng=0).observed))
    zero = problem.zeros_of(true_recovery(problem, inputs).directions)
    assert (MaskTest.of(problem).misfits(zero[:, :1] & zero[:, 1:2]) <= STRICT).all()


def test_few_errors_are_doubtful_only_where_others_have_none() -> None:
    assert tolerated(np.array([0.0, 0.0, 0.0, 0.015]), 1000) < 0.015
    assert tolerated(np.array([0.006, 0.007, 0.005, 0.015]), 1000) >= 0.015
    assert tolerated(np.array([0.3, 0.4]), 1000) == np.inf

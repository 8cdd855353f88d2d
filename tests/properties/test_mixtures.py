"""The certificate never accepts a mixture of two columns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp.certification.certify import certify
from spear_xp.recovery.samples import recover, refine, to_inputs
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers import strategies
from tests.helpers.networks import Floats
from tests.helpers.truth import relative_errors, true_recovery

TINY_TO_HUGE = [sign * 10.0**power for power in range(-16, 17) for sign in (1, -1)]


def mixed(directions: Floats, i: int, j: int, t: float) -> Floats:
    unit = directions / np.linalg.norm(directions, axis=0)
    found = unit.copy()
    found[:, i] = unit[:, i] + t * unit[:, j]
    return found


@given(strategies.solvable_layers(largest_batch=6), st.data())
def test_mixtures_are_not_certified(truth: LayerGradient, drawn: st.DataObject) -> None:
    problem = reduce(validate(*truth.observed))
    b = problem.rank
    directions = true_recovery(problem, truth.inputs).directions
    i = drawn.draw(st.integers(0, b - 1), label="i")
    j = drawn.draw(st.integers(0, b - 1).filter(lambda k: k != i), label="j")
    for t in TINY_TO_HUGE:
        recovery = recover(problem, mixed(directions, i, j, t))
        if recovery is None:  # as good as dependent
            continue
        for tried in (recovery, refine(problem, recovery)):
            certificate = certify(problem, tried)
            error = relative_errors(truth.inputs, to_inputs(problem, tried.duals))
            assert (error[certificate.certified] < 1e-4).all(), t
        found = certify(problem, recovery)
        if 1e-4 <= abs(t) <= 1e4:  # plainly visible in the rows where only j is active
            assert not found.certified[i], t
            assert not found.certified[j], t


@given(strategies.solvable_layers(largest_batch=6, dtype="float64"), st.data())
def test_mixtures_of_all_columns_are_not_certified(truth: LayerGradient, drawn: st.DataObject) -> None:
    problem = reduce(validate(*truth.observed))
    rng = np.random.default_rng(drawn.draw(strategies.seeds))
    directions = true_recovery(problem, truth.inputs).directions
    unit = directions / np.linalg.norm(directions, axis=0)
    for size in 10.0 ** np.arange(-14, 2):
        recovery = recover(
            problem, unit @ (np.eye(problem.rank) + size * rng.standard_normal([problem.rank] * 2))
        )
        if recovery is None:
            continue
        for tried in (recovery, refine(problem, recovery)):
            certified = certify(problem, tried).certified
            error = relative_errors(truth.inputs, to_inputs(problem, tried.duals))
            assert (error[certified] < 1e-6).all(), size


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("i", range(3))
def test_inputs_between_two_samples_are_not_certified(
    precise_layer: LayerGradient, share: float, i: int
) -> None:
    problem = reduce(validate(*precise_layer.observed))
    inputs = precise_layer.inputs.copy()
    inputs[i] = share * inputs[i] + (1 - share) * inputs[i + 1]
    certified = certify(problem, true_recovery(problem, inputs)).certified
    assert not certified[i]

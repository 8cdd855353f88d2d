import numpy as np

from spear_xp.certification.certify import certify
from spear_xp.certification.evidence import allowed_flips
from spear_xp.recovery.samples import refine
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import reduce
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.truth import true_recovery


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

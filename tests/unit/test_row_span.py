"""Which samples the rows bear out, and which of them are told apart."""

from dataclasses import replace

import numpy as np

from spear_xp import Problem, certify, refine
from spear_xp.row_span import row_span, sizes_of
from spear_xp.synthetic import LayerGradient
from tests.truth import true_recovery


def test_samples_that_are_not_told_apart_explain_rows_all_the_same(
    problem: Problem, layer: LayerGradient
) -> None:
    """Whatever is mixed within a pair, its span is right, so that others lose nothing."""
    recovery = refine(problem, true_recovery(problem, layer.inputs))
    evidence = certify(problem, recovery).evidence
    active = evidence.active.copy()
    active[~evidence.possible[:, 1], 0] = False  # an error bar so wide that no such row is sure
    doubtful = replace(evidence, active=active)
    everyone = np.ones(problem.rank, dtype=bool)
    kept, apart, _ = row_span(
        problem, recovery, doubtful, sizes_of(problem, recovery) * doubtful.possible, everyone
    )
    assert kept.all()
    np.testing.assert_array_equal(apart, [False, *everyone[1:]])

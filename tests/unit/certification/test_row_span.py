"""Which samples the rows bear out, and which of them are told apart."""

from dataclasses import replace

import numpy as np

from spear_xp.certification.certify import certify
from spear_xp.certification.row_span import row_span, sizes_of
from spear_xp.recovery.samples import refine
from spear_xp.reduction.problem import Problem
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.truth import true_recovery


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
        recovery, doubtful, sizes_of(recovery) * doubtful.possible, everyone, 0 * everyone
    )
    assert kept.all()
    np.testing.assert_array_equal(apart, [False, *everyone[1:]])


def test_zeros_by_chance_of_an_unproven_sample_tell_it_from_nobody(
    problem: Problem, layer: LayerGradient
) -> None:
    recovery = refine(problem, true_recovery(problem, layer.inputs))
    evidence = certify(problem, recovery).evidence
    sizes = np.zeros((problem.width, problem.rank))  # so little of it that every row counts
    start = np.arange(problem.rank) > 0
    many = problem.width * (np.arange(problem.rank) == 0)
    for chance, told in ((0 * many, True), (many, False), (many[::-1], True)):
        kept, apart, _ = row_span(recovery, evidence, sizes, start.copy(), chance)
        np.testing.assert_array_equal(kept, start)
        assert apart[1:].all() == told

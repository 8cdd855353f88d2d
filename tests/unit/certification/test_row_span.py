"""Which samples the rows bear out, and which of them are told apart."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.certification.certify import certify
from spear_xp.certification.evidence import Evidence
from spear_xp.certification.row_span import contested, most_open, row_span
from spear_xp.recovery.samples import SampleSet, refine
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, planted_problem
from tests.helpers.truth import true_recovery

EVERYONE = np.ones(6, dtype=bool)


@pytest.fixture(scope="module")
def samples(problem: Problem, layer: LayerGradient) -> SampleSet:
    return refine(problem, true_recovery(problem, layer.inputs))


@pytest.fixture(scope="module")
def evidence(problem: Problem, samples: SampleSet) -> Evidence:
    return certify(problem, samples).evidence


def test_samples_that_are_not_told_apart_explain_rows_all_the_same(
    samples: SampleSet, evidence: Evidence
) -> None:
    """Whatever is mixed within a pair, its span is right, so that others lose nothing."""
    active = evidence.active.copy()
    active[~evidence.possible[:, 1], 0] = False  # an error bar so wide that no such row is sure
    found = row_span(samples, replace(evidence, active=active), EVERYONE, 0 * EVERYONE, evidence.active)
    assert found.kept.all()
    np.testing.assert_array_equal(found.told_apart, [False, *EVERYONE[1:]])


def test_rows_that_a_sample_should_activate_tell_it_from_nobody(
    samples: SampleSet, evidence: Evidence
) -> None:
    """Mixtures of twins with one mask vanish on some rows of it, each on others."""
    claimed = evidence.active.copy()
    for told in (claimed, 0 * claimed):
        assert row_span(samples, evidence, EVERYONE, 0 * EVERYONE, told).told_apart.all()
    claimed[:, 0] = True
    found = row_span(samples, evidence, EVERYONE, 0 * EVERYONE, claimed)
    np.testing.assert_array_equal(found.told_apart, [True, *~EVERYONE[1:]])


def test_zeros_by_chance_of_an_unproven_sample_tell_it_from_nobody(
    problem: Problem, samples: SampleSet, evidence: Evidence
) -> None:
    start = np.arange(problem.rank) > 0
    many = problem.width * (np.arange(problem.rank) == 0)
    for chance, told in ((0 * many, True), (many, False), (many[::-1], True)):
        found = row_span(samples, evidence, start, chance, evidence.active)
        np.testing.assert_array_equal(found.kept, start)
        assert found.told_apart[1:].all() == told


def test_an_unproven_sample_accuses_nobody_and_leaves_fewer_rows_that_count(
    problem: Problem, samples: SampleSet, evidence: Evidence
) -> None:
    """Its mask is not known: it is open wherever its direction does not vanish."""
    possible = evidence.possible.copy()
    possible[:, 2] = False  # as if the mask of sample 2 denied all rows
    doubtful = replace(evidence, possible=possible)
    assert not row_span(samples, doubtful, EVERYONE, 0 * EVERYONE, evidence.active).kept[2]
    found = row_span(samples, doubtful, np.arange(6) != 2, 0 * EVERYONE, evidence.active)
    np.testing.assert_array_equal(found.kept, np.arange(6) != 2)
    np.testing.assert_array_equal(found.open[:, 2], ~evidence.zero[:, 2])
    np.testing.assert_array_equal(found.counts, evidence.possible.sum(axis=1) <= most_open(6))
    assert (found.residuals > evidence.limits).any()  # rows are reported by masks alone


def test_samples_on_rows_that_are_not_explained_are_dropped_and_then_open(
    samples: SampleSet, evidence: Evidence
) -> None:
    possible = evidence.possible.copy()
    rows = np.nonzero(possible[:, 4])[0][::2]
    possible[rows, 4] = False
    found = row_span(samples, replace(evidence, possible=possible), EVERYONE, 0 * EVERYONE, evidence.active)
    assert not found.kept.all()
    np.testing.assert_array_equal(found.open[:, ~found.kept], ~evidence.zero[:, ~found.kept])
    assert (found.counts <= (found.open.sum(axis=1) <= most_open(6))).all()


def test_a_sample_that_hardly_a_row_shows_is_not_kept(samples: SampleSet, evidence: Evidence) -> None:
    few = evidence.informative & (np.cumsum(evidence.possible[:, 3] & evidence.informative) <= 4)
    found = row_span(samples, replace(evidence, informative=few), EVERYONE, 0 * EVERYONE, evidence.active)
    assert not found.kept[3]


@pytest.mark.parametrize(("rank", "most"), [(1, 1), (2, 1), (3, 2), (4, 2), (10, 8)])
def test_two_dimensions_are_left_to_miss_on_a_row_that_counts(rank: int, most: int) -> None:
    assert most_open(rank) == most


def test_a_row_that_names_another_sample_with_the_same_mask_contests_the_mean_of_twins() -> None:
    """Twins 0 and 6 share their column of D but for a row that 6 alone activates."""
    rng = np.random.default_rng(0)
    inputs = np.vstack([gaussian_inputs(6, 40, rng=0), np.zeros(40)]).astype(float)
    inputs[6] = inputs[0] + 0.05 * rng.standard_normal(40)
    pattern = rng.random((200, 7)) < 0.5
    pattern[:, 6] = pattern[:, 0]
    pattern[0] = np.arange(7) < 6
    d = rng.standard_normal((200, 7))
    d[1:, 6] = d[1:, 0]
    truth = planted_problem(pattern, inputs, rng=0)
    d = np.where(pattern, 0, d)
    problem = reduce(
        validate(d @ inputs, d.sum(axis=1), truth.weight.astype(float), truth.bias.astype(float))
    )
    middle, apart = (inputs[0] + inputs[6]) / 2, inputs[6] - inputs[0]
    mixed = np.vstack([middle, inputs[1:6], middle + 5 * apart])
    everyone, masks = np.ones(7, dtype=bool), np.arange(7) < 6
    wrong = true_recovery(problem, mixed)
    np.testing.assert_array_equal(contested(wrong, masks, masks), np.arange(7) == 0)
    assert not contested(wrong, masks, everyone).any()  # no direction fails its mask
    assert not contested(wrong, ~everyone, masks).any()

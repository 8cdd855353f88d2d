"""What of unproven samples may hide in the others."""

from dataclasses import replace

import numpy as np
import pytest

from spear_xp.certification.contamination import contamination, groups_of, proportional
from spear_xp.numerics.backend import to_host
from spear_xp.numerics.work import OutOfTime
from spear_xp.recovery.samples import SampleSet, recover
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.sets import solved, with_twins
from tests.helpers.truth import true_recovery

PROVEN = np.arange(6) != 2


@pytest.fixture(scope="module")
def truth(problem: Problem, layer: LayerGradient) -> SampleSet:
    return true_recovery(problem, layer.inputs)


def with_directions(problem: Problem, directions: Floats, nuisance: int = 0) -> SampleSet:
    found = recover(problem, directions, nuisance)
    assert found is not None
    return found


def test_columns_with_equal_quotients_may_hide_a_sample() -> None:
    rng = np.random.default_rng(0)
    d = rng.standard_normal((60, 4)) * (rng.random((60, 4)) < 0.5)
    shared = rng.standard_normal(60)
    d[:, 1] = -2.5 * shared * (d[:, 1] != 0)
    d[:, 2] = shared * (d[:, 2] != 0)
    proven = np.array([True, True, False, True])
    np.testing.assert_array_equal(proportional(d, proven), [False, True, False, False])
    d[d[:, 3] != 0, 2] = 0  # no row that both share
    np.testing.assert_array_equal(proportional(d, proven), [False, True, False, True])
    assert not proportional(d, np.ones(4, dtype=bool)).any()


@pytest.mark.parametrize("j", PROVEN.nonzero()[0])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_larger_than_the_bound_is_hidden(seed: int, j: int) -> None:
    """However much of q_j is in the direction of an unproven sample, from rounding to the plainly visible."""
    truth = mlp_gradient(gaussian_inputs(6, 40, rng=seed), width=120, rng=seed)
    problem, unit = solved(truth)
    right = with_directions(problem, unit).coordinates
    for size in np.geomspace(1e-9, 1.0, 40):
        mixed = unit.copy()
        mixed[:, 2] += size * unit[:, j]
        found = with_directions(problem, mixed)
        error = np.linalg.norm(found.coordinates[:, j] - right[:, j])
        assert error <= to_host(contamination(found, PROVEN))[j], size


def test_the_bound_is_near_what_noise_can_hide(problem: Problem, truth: SampleSet) -> None:
    """A direction solved on its own rows: noise in it moves others a thousandth of the bound or more."""
    bound = to_host(contamination(truth, PROVEN))[PROVEN]
    assert np.isfinite(bound).all()
    assert (bound < 1e-4 * truth.sizes[PROVEN]).all()
    rng, unit, moved = (
        np.random.default_rng(0),
        truth.directions / np.linalg.norm(truth.directions, axis=0),
        [],
    )
    noise = problem.noise_of(unit[:, 2])
    rows = problem.rows[truth.zero[:, 2], :]
    for _ in range(20):  # as noise of the rows would have it
        step = np.linalg.pinv(rows, rcond=1e-6) @ (noise * rng.standard_normal(len(rows)))
        turned = unit.copy()
        turned[:, 2] += step
        moved.append(np.linalg.norm(with_directions(problem, turned).coordinates - truth.coordinates, axis=0))
    assert (np.max(moved, axis=0)[PROVEN] < bound).all()
    assert (np.max(moved, axis=0)[PROVEN] > 1e-3 * bound).all()


def test_only_the_span_of_a_group_counts() -> None:
    """Any basis of a space of nuisance directions gives the same bound."""
    problem, unit = solved(mlp_gradient(gaussian_inputs(6, 60, rng=0), width=300, rng=0))
    rng = np.random.default_rng(0)
    proven, bounds = np.arange(6) < 4, []
    for turn in (np.eye(2), rng.standard_normal((2, 2)), [[1.0, 0.99], [0.0, 0.01]]):
        samples = with_directions(problem, np.c_[unit[:, :4], unit[:, 4:] @ turn], nuisance=2)
        samples.__dict__["zero"] = np.c_[samples.zero[:, :4], np.zeros((problem.width, 2), dtype=bool)]
        samples.zero[:, 4:] = (np.abs(problem.rows @ unit[:, 4:]) < 1e-6).all(axis=1, keepdims=True)
        bounds.append(to_host(contamination(samples, proven))[:4])
    np.testing.assert_allclose(bounds[1:], bounds[:1] * 2, rtol=1e-6)


def test_what_is_mixed_within_a_pair_of_near_twins_counts_by_their_difference() -> None:
    """Singly each of the two, much of the other in it, would move everyone by its own size."""
    problem, unit = solved(with_twins(1e-3))
    proven = np.arange(12) < 10
    mixed = unit.copy()
    mixed[:, 10] += 0.7 * unit[:, 11]
    mixed[:, 11] -= 0.4 * unit[:, 10]
    together = to_host(contamination(with_directions(problem, mixed), proven))[proven]
    apart = to_host(contamination(with_directions(problem, unit), proven))[proven]
    np.testing.assert_allclose(together, apart, rtol=0.5)
    assert (together < 1e-3 * with_directions(problem, unit).sizes[proven]).all()


def test_groups_vanish_on_nearly_the_same_rows_and_nuisance_directions_are_one() -> None:
    rng = np.random.default_rng(0)
    zero = rng.random((200, 7)) < 0.5
    zero[:, 3] = zero[:, 0]
    zero[:15, 3] ^= True
    zero[:, 4] = zero[:, 3]
    zero[30:45, 4] ^= True  # near 3, and 15 per cent from 0
    unproven = np.array([1, 1, 0, 1, 1, 1, 1], dtype=bool)
    assert groups_of(zero, unproven, 5) == [[0, 3, 4], [1], [5, 6]]
    assert groups_of(zero, unproven, 7) == [[0, 3, 4], [1], [5], [6]]
    assert groups_of(zero, ~unproven, 7) == [[2]]
    assert groups_of(zero, unproven & False, 7) == []


def test_proven_samples_hide_in_none(truth: SampleSet) -> None:
    assert not to_host(contamination(truth, PROVEN | True)).any()
    one = to_host(contamination(truth, PROVEN))
    two = to_host(contamination(truth, PROVEN & (np.arange(6) != 4)))
    assert (two >= one).all()
    assert (two[PROVEN] > one[PROVEN]).any()


def test_a_direction_that_vanishes_on_hardly_a_row_may_hide_anything(truth: SampleSet) -> None:
    zero = truth.zero.copy()
    zero[np.nonzero(zero[:, 2])[0][2:], 2] = False
    doubtful = replace(truth)
    doubtful.__dict__["zero"] = zero
    assert np.isinf(to_host(contamination(doubtful, PROVEN))).all()


def test_a_sample_that_vanishes_where_the_group_does_may_be_in_it(truth: SampleSet) -> None:
    """Nothing tells q_0 from q_2 on rows where both vanish."""
    zero = truth.zero.copy()
    zero[:, 2] &= zero[:, 0]
    nested = replace(truth)
    nested.__dict__["zero"] = zero
    bound = to_host(contamination(nested, PROVEN))
    assert np.isinf(bound[0])
    assert np.isfinite(bound[[1, 3, 4, 5]]).all()


@pytest.mark.parametrize(("extra", "tells"), [(1, False), (2, False), (3, False), (8, True)])
def test_no_three_rows_decide(truth: SampleSet, extra: int, tells: bool) -> None:
    """Rows on which both vanish, and a few on which 2 vanishes by chance and 0 does not."""
    zero = truth.zero.copy()
    rows = np.nonzero(zero[:, 2] & ~zero[:, 0])[0][:extra]
    zero[:, 2] &= zero[:, 0]
    zero[rows, 2] = True
    nested = replace(truth)
    nested.__dict__["zero"] = zero
    assert (to_host(contamination(nested, PROVEN))[0] < 1e-4 * truth.sizes[0]) == tells


def test_the_bound_asks_before_each_group(truth: SampleSet) -> None:
    with pytest.raises(OutOfTime):
        contamination(truth, PROVEN, lambda: False)


def test_the_bound_on_every_backend(space: Backend) -> None:
    problem = reduce(validate(*space.mlp(6, 90, 40).observed))
    rows, right = (space.to_numpy(a).astype(float) for a in (problem.rows, problem.right))
    host = space.to_numpy(problem.singular_values).astype(float)
    inputs = gaussian_inputs(6, 40, rng=0).astype(float)
    duals = right @ np.c_[inputs, np.ones(6)].T / host[:, None]
    directions = np.linalg.inv(duals).T
    assert rows.shape == (problem.width, 6)
    as_given = [problem.space.asarray(a) for a in (duals, directions)]
    samples = SampleSet(problem, *as_given, problem.zeros_of(as_given[1]))
    bound = to_host(contamination(samples, PROVEN))
    assert (bound[PROVEN] < 1e-2 * to_host(samples.sizes)[PROVEN]).all()
    assert (bound[PROVEN] > 0).all()

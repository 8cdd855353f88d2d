"""Whether the rows bear out samples and their error bars."""

import math
from dataclasses import replace

import numpy as np
import pytest

from spear_xp.certification.split_half import blur_of, halves_agree, is_precise, resolution_of, snr_of
from spear_xp.recovery.samples import SampleSet, recover
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.sets import solved
from tests.helpers.truth import true_recovery


def agreeing(samples: SampleSet, free: Floats | None = None) -> Floats:
    """The outcome where no sign is open."""
    nobody = np.zeros(samples.problem.rank, dtype=bool)
    return halves_agree(samples, nobody if free is None else free, 0 * samples.preactivations)


@pytest.fixture(scope="module")
def truth(problem: Problem, layer: LayerGradient) -> SampleSet:
    return true_recovery(problem, layer.inputs)


def test_halves_of_the_rows_agree_with_the_truth(problem: Problem, truth: SampleSet) -> None:
    assert agreeing(truth).all()


@pytest.mark.parametrize("share", [1e-5, 1e-3])
def test_halves_disagree_with_a_sample_that_holds_a_bit_of_another(share: float) -> None:
    """Direction 1 in direction 0 leaves x_0 in sample 1, and what that leaves on rows is no noise.

    It adds up in an estimate, which shows where rows are many.
    """
    problem, directions = solved(mlp_gradient(gaussian_inputs(6, 40, rng=0), width=700, rng=0))
    directions[:, 0] += share * directions[:, 1]
    mixed = recover(problem, directions)
    assert mixed is not None
    np.testing.assert_array_equal(agreeing(mixed), np.arange(6) != 1)


def test_halves_say_nothing_of_a_sample_that_no_row_activates(problem: Problem, truth: SampleSet) -> None:
    shift = 2 * np.abs(problem.layer @ truth.duals[:, 0]).max() * truth.directions[:, 0]
    found = agreeing(
        replace(truth, problem=replace(problem, layer=problem.layer - shift))
    )  # of sample 0 alone
    assert not found[0]


def test_a_wrong_mask_is_no_noise_where_nothing_is_known_of_it() -> None:
    """Of four samples: a pair whose directions are mixed shows on rows that both predict inactive."""
    problem, directions = solved(mlp_gradient(gaussian_inputs(6, 40, rng=0), width=700, rng=0))
    directions[:, 0] += 0.5 * directions[:, 1]
    directions[:, 1] -= 0.5 * directions[:, 0]
    mixed = recover(problem, directions)
    assert mixed is not None
    others = np.arange(6) > 1
    assert agreeing(mixed, ~others)[others].all()


def test_a_column_that_vanishes_on_all_rows_of_a_half_keeps_no_other_from_its_estimate() -> None:
    """Beside nuisance directions that vanish where it does, too, and with a mask that is not known."""
    problem, directions = solved(mlp_gradient(gaussian_inputs(6, 60, rng=0), width=300, rng=0))
    nuisance = np.linalg.qr(directions[:, 4:]).Q
    samples = recover(problem, np.c_[directions[:, :4], nuisance], nuisance=2)
    assert samples is not None
    columns = samples.columns.copy()
    columns[samples.zero[:, 4:].all(axis=1), 0] = 0.0
    silent = replace(samples)
    silent.__dict__["columns"] = columns
    found = agreeing(silent, np.arange(6) == 0)
    np.testing.assert_array_equal(found, [False, True, True, True, False, False])


def test_where_a_sign_is_open_a_column_stays_as_it_is(problem: Problem, truth: SampleSet) -> None:
    """A sample that the rows contradict is not taken for noise on rows that it might activate."""
    z = truth.preactivations.copy()
    rows = np.nonzero(z[:, 0] > 0)[0][:20]
    z[rows, 0] *= -1
    wrong = replace(truth)
    wrong.__dict__["preactivations"] = z
    band = np.zeros_like(z)
    nobody = np.zeros(6, dtype=bool)
    assert not halves_agree(wrong, nobody, band).all()
    band[rows, 0] = 2 * np.abs(z[rows, 0])
    assert halves_agree(wrong, nobody, band).all()


def test_stand_ins_leave_the_other_samples_to_rows_of_their_own() -> None:
    problem, directions = solved(mlp_gradient(gaussian_inputs(6, 60, rng=0), width=300, rng=0))
    space = np.linalg.qr(directions[:, 4:]).Q
    recovery = recover(problem, np.c_[directions[:, :4], space], nuisance=2)
    assert recovery is not None
    found = agreeing(recovery)
    assert found[:4].all()
    assert not found[4:].any()


def test_halves_on_every_backend(space: Backend) -> None:
    layer = space.mlp(5, 120, 40)
    problem = reduce(validate(*layer.observed))
    right, values = (space.to_numpy(a).astype(float) for a in (problem.right, problem.singular_values))
    duals = (right @ np.c_[space.to_numpy(layer.inputs), np.ones(5)].T.astype(float)) / values[:, None]
    directions = problem.space.asarray(np.linalg.inv(duals).T)
    truth = SampleSet(problem, problem.space.asarray(duals), directions, problem.zeros_of(directions))
    assert agreeing(truth).all()


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_a_precise_sample_has_an_error_of_less_than_a_per_cent(
    problem: Problem, truth: SampleSet, layer: LayerGradient, share: float
) -> None:
    bars = share * 0.01 * np.linalg.norm(layer.inputs.astype(float), axis=1) / 40**0.5
    assert (is_precise(truth, bars) == (share < 1)).all()


def test_what_an_error_is_compared_with_has_no_bias_coordinate_and_is_not_zero() -> None:
    """A black image may be off by a thousandth of what another one may."""
    inputs = gaussian_inputs(6, 40, rng=0).astype(float)
    usual = np.sort(np.linalg.norm(inputs, axis=1))[len(inputs) // 2]
    inputs[0] *= 0.01
    inputs[1] = 0
    small = true_recovery(reduce(validate(*mlp_gradient(inputs, width=200, rng=0).observed)), inputs)
    for k, size in ((0, np.linalg.norm(inputs[0])), (1, 1e-3 * usual)):
        for share in (0.9, 1.1):
            bars = np.full(6, share * 0.01 * size / 40**0.5)
            assert is_precise(small, bars)[k] == (share < 1)


def test_decibels_are_those_of_sample_over_error(
    problem: Problem, truth: SampleSet, layer: LayerGradient
) -> None:
    size = np.sqrt((layer.inputs.astype(float) ** 2).sum(axis=1) + 1)
    bars = np.array([1e-6, 1e-3, 1.0, 1e3, 0.0, 1e-12])
    found = snr_of(truth, bars)
    expected = 20 * np.log10(size[bars > 0] / (bars[bars > 0] * 40**0.5))
    np.testing.assert_allclose(found[bars > 0], expected, atol=1e-5)
    assert found[4] > 5000  # no error at all


def test_samples_nearer_than_the_resolution_make_a_gradient_of_rank_one_in_the_noise(
    problem: Problem, truth: SampleSet
) -> None:
    """Two samples x ± δ whose columns of D differ by the same share: their second singular value."""
    rng = np.random.default_rng(0)
    found = resolution_of(truth)
    samples, size = truth.coordinates, truth.sizes
    columns = np.abs(problem.rows @ truth.directions)
    noise = problem.noise_level * rng.standard_normal((problem.width, problem.right.shape[1]))
    largest = np.linalg.norm(noise, 2)
    for k in range(6):
        sample = samples[:, k] @ problem.right
        step = rng.standard_normal(sample.shape)
        step -= (step @ sample) / (sample @ sample) * sample
        step *= found[k] * size[k] / np.linalg.norm(step)
        tilt = found[k] * rng.choice([-1.0, 1.0], problem.width)
        both = sum(np.outer(columns[:, k] * (1 + sign * tilt) / 2, sample + sign * step) for sign in (-1, 1))
        assert np.linalg.svd(both, compute_uv=False)[1] == pytest.approx(largest, rel=0.2)


def test_a_batch_size_below_the_rank_resolves_nothing(problem: Problem, truth: SampleSet) -> None:
    assert (resolution_of(truth) < 0.01).all()
    found = resolution_of(replace(truth, problem=replace(problem, numerical_rank=problem.rank + 1)))
    np.testing.assert_array_equal(found, math.inf)


def test_what_was_left_out_may_have_merged(problem: Problem, truth: SampleSet) -> None:
    """Error bars hold samples that are as far apart as the resolution."""
    assert not blur_of(truth).any()
    edge = problem.noise_level * (problem.width**0.5 + problem.right.shape[1] ** 0.5)
    louder = replace(truth, problem=replace(problem, left_out=4 * edge))
    np.testing.assert_allclose(resolution_of(louder), 2 * resolution_of(truth))
    rms = blur_of(louder) * (problem.right.shape[1] - 1) ** 0.5
    np.testing.assert_allclose(rms, resolution_of(louder) * truth.sizes)

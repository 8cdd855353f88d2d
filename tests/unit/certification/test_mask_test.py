"""Predicted masks against zero patterns, row by row."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from spear_xp.certification.certify import certify
from spear_xp.certification.mask_test import (
    ScaleProof,
    count_rows,
    lost_entries,
    masks_agree,
    scale_of,
    sign_band,
    sign_bands,
)
from spear_xp.recovery.samples import SampleSet
from spear_xp.recovery.support import supported
from spear_xp.recovery.uncertainty import error_bars, shares_of
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient, planted_problem
from tests.conftest import Backend
from tests.helpers.networks import Floats
from tests.helpers.noisy import noisy
from tests.helpers.truth import true_recovery

WIDTH, BATCH = 700, 4


class Case(NamedTuple):
    problem: Problem
    truth: SampleSet
    z: Floats
    zero: Floats
    band: Floats
    inside: Floats

    def agree(self, zero: Floats | None = None, band: Floats | None = None) -> tuple[Floats, Floats]:
        samples = replace(self.truth)
        if zero is not None:
            samples.__dict__["zero"] = zero  # in the place of what would be worked out
        samples.__dict__["preactivations"] = self.z
        band = self.band if band is None else band
        return masks_agree(samples, band, band, self.inside)


@pytest.fixture(scope="module")
def case() -> Case:
    """A layer so wide that some three hundred rows of each kind belong to a sample: two may be wrong."""
    layer = mlp_gradient(gaussian_inputs(BATCH, 40, rng=0).astype("float64"), width=WIDTH, rng=0)
    problem = reduce(validate(*layer.observed))
    truth = true_recovery(problem, layer.inputs)
    inside = np.full(BATCH, 1e-9)
    band = sign_band(truth, inside)
    z, zero = problem.layer @ truth.duals, problem.zeros_of(truth.directions)
    return Case(problem, truth, z, zero, band, inside)


def test_true_masks_agree_on_every_row(case: Case) -> None:
    holds, share = case.agree()
    assert holds.all()
    np.testing.assert_array_equal(share, 1.0)


@pytest.mark.parametrize("active", [True, False], ids=["vanish though active", "show though inactive"])
@pytest.mark.parametrize(("flips", "passes"), [(1, True), (2, True), (3, False)])
def test_two_rows_of_several_hundred_may_be_wrong(case: Case, active: bool, flips: int, passes: bool) -> None:
    rows = np.nonzero((case.z[:, 1] > 0) == active)[0][:flips]
    zero = case.zero.copy()
    zero[rows, 1] = ~zero[rows, 1]
    holds, share = case.agree(zero)
    assert holds[1] == passes
    assert holds[[0, 2, 3]].all()
    assert share[1] == pytest.approx(1 - flips / case.problem.width)


@pytest.mark.parametrize("late", [True, False], ids=["come late", "active on the way"])
@pytest.mark.parametrize(
    ("moves", "told", "flips", "passes"),
    [(False, 160, 2, False), (True, 160, 2, True), (True, 160, 3, False), (True, 60, 2, False)],
)
def test_a_layer_that_moves_excuses_few_more_rows(
    late: bool, moves: bool, told: int, flips: int, passes: bool
) -> None:
    """Two of some 80 rows of either kind may contradict both ends, and not two of 30."""
    layer = mlp_gradient(gaussian_inputs(BATCH, 40, rng=0).astype("float64"), width=160, rng=0)
    problem = reduce(validate(*layer.observed))
    problem = replace(problem, moved=0 * problem.layer) if moves else problem
    truth, inside = true_recovery(problem, layer.inputs), np.full(BATCH, 1e-9)
    z = (problem.layer @ truth.duals).copy()
    rows = np.nonzero((z[:60, 1] < 0) == late)[0][:flips]
    z[rows, 1] = -z[rows, 1]
    band = np.where(np.arange(problem.width)[:, None] < told, 0.0, np.inf)
    holds = Case(problem, truth, z, problem.zeros_of(truth.directions), band, inside).agree()[0]
    assert holds[1] == passes
    assert holds[[0, 2, 3]].all()


def test_rows_whose_sign_is_open_are_not_counted(case: Case) -> None:
    wrong = case.zero.copy()
    rows = np.arange(50)
    wrong[rows, 1] = ~wrong[rows, 1]
    band = case.band.copy()
    band[rows, 1] = 2 * np.abs(case.z[rows, 1])
    assert not case.agree(wrong)[0][1]
    assert case.agree(wrong, band)[0].all()
    everywhere = 2 * np.abs(case.z)
    assert not case.agree(case.zero, everywhere)[0].any()  # nothing speaks for the masks


def test_entries_far_beyond_the_tolerance_are_no_noise(case: Case) -> None:
    """On a row that the sample is predicted not to activate: not even one."""
    z = case.z.copy()
    row = int(np.nonzero(z[:, 1] > 0)[0][0])
    z[row, 1] = -z[row, 1]
    assert not case._replace(z=z).agree()[0][1]


def test_the_band_bears_errors_of_its_size(case: Case) -> None:
    """No change of a sample by six of its error bars changes the sign of a row beyond its band."""
    rng = np.random.default_rng(0)
    samples = case.truth.coordinates
    for scale in (1e-9, 1e-3):
        inside = np.full(BATCH, scale)
        band = sign_band(case.truth, inside)
        step = rng.standard_normal(samples.shape)
        step *= 6 * inside / np.linalg.norm(step, axis=0)
        moved = case.problem.layer @ ((samples + step) / case.problem.singular_values[:, None])
        assert (np.abs(moved - case.z) <= band).all()
        assert (np.abs(moved - case.z) > band / 50).any()  # and it is no wider than need be


def test_drift_opens_signs_in_proportion_to_the_size_of_a_sample(space: Backend) -> None:
    problem = reduce(validate(*space.mlp(4, 60, 30).observed))
    eye = problem.space.xp.eye(4, dtype=problem.space.dtype, device=problem.space.device)
    samples = SampleSet(problem, eye, eye, problem.zeros_of(eye))
    inside = problem.space.asarray(np.full(4, 1e-3))
    plain = [space.to_numpy(band) for band in sign_bands(samples, inside)]
    np.testing.assert_array_equal(*plain)
    drift = np.linspace(0, 1, problem.width)
    moved = replace(problem, drift=problem.space.asarray(drift), moved=0.1 * problem.layer)
    below, above = (space.to_numpy(band) for band in sign_bands(replace(samples, problem=moved), inside))
    sizes, z = space.to_numpy(samples.sizes), space.to_numpy(samples.preactivations)
    np.testing.assert_allclose(below, plain[0] + drift[:, None] * sizes, rtol=1e-5)
    np.testing.assert_array_equal(below[0], plain[0][0])
    np.testing.assert_allclose(above, plain[0] + 0.1 * abs(z), rtol=1e-5)


def test_rows_are_counted_on_every_backend(space: Backend) -> None:
    problem = reduce(validate(*space.mlp(4, 60, 30).observed))
    flags = np.random.default_rng(0).random((problem.width, 3)) < 0.4
    found = count_rows(problem, space.asarray(flags))
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, flags.sum(axis=0))


def scaled_bias_gradient(bias_size: float, factor: float) -> tuple[SampleSet, Floats]:
    """A batch recovered from a bias gradient that was treated on its own, and the true inputs."""
    inputs = gaussian_inputs(8, 60, rng=0).astype("float64")
    layer = mlp_gradient(inputs, width=200, rng=0)
    planted = planted_problem(layer.zero_pattern, inputs, rng=0) if bias_size == 0 else layer
    weight, bias = planted.weight, planted.bias
    if bias_size == 0:  # the same masks without a bias: inputs with a constant feature hold it
        inputs = np.c_[inputs, np.ones(8)]
        weight, bias = np.c_[weight, bias], np.zeros(200)
        pattern = inputs @ weight.T <= 0
        d = np.random.default_rng(0).standard_normal((200, 8)) * ~pattern.T
        grad_w, grad_b = d @ inputs, d.sum(axis=1)
    else:
        grad_w, grad_b = planted.grad_w, planted.grad_b
    problem = reduce(validate(grad_w, factor * grad_b, weight, bias))
    return true_recovery(problem, inputs / factor), inputs


def proof_of(samples: SampleSet, *, proven: bool = True) -> ScaleProof:
    """As if all of a set were certified, or nothing."""
    found = certify(samples.problem, samples)
    return scale_of(samples, replace(found, certified=found.certified | True if proven else ~samples.real))


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_without_a_bias_masks_do_not_tell_the_scale(factor: float) -> None:
    samples, _ = scaled_bias_gradient(0, factor)
    found = proof_of(samples)
    assert not found.told
    assert found.factor == 1.0
    assert "grad_b alone" in found.in_words(samples)[0]


def test_the_bias_of_the_layer_tells_the_scale() -> None:
    samples, _ = scaled_bias_gradient(1, 1.0)
    found = proof_of(samples)
    assert found == (True, 1.0, 0.0)
    bars = np.full(8, 1e-3)
    assert found.widened(bars, samples.problem, samples.duals) is bars
    assert not proof_of(samples, proven=False).told  # nobody is asked


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_a_factor_that_samples_have_in_common_is_named(factor: float) -> None:
    samples, _ = scaled_bias_gradient(1, factor)
    found = proof_of(samples)
    assert not found.told
    assert found.factor == pytest.approx(factor, rel=0.05)
    assert f"{found.factor:.2g}" in found.in_words(samples)[0]


def test_what_a_wrong_scale_does_not_suit_speaks_against_it() -> None:
    """A few samples fit by chance: with the others, which are asked as well, the scale is not told."""
    samples, _ = scaled_bias_gradient(1, 0.95)
    found = certify(samples.problem, samples)
    suits = np.asarray(count_rows(samples.problem, (samples.preactivations > 0) == samples.zero) == 0)
    assert 0 < suits.sum() < 8
    assert not scale_of(samples, replace(found, certified=suits)).told


def test_error_bars_hold_what_masks_leave_open() -> None:
    """Local steps, and errors of .3 are borne: six bars reach as far as masks leave the scale open."""
    samples, _ = scaled_bias_gradient(1, 1.0)
    problem = replace(samples.problem, drift=0.1 * samples.problem.layer_norms, accuracy=0.3)
    found = proof_of(replace(samples, problem=problem))
    assert found.told
    assert 0 < found.open < 0.3
    rms = np.sqrt((samples.sizes**2 - 1) / 60)
    bars = found.widened(np.zeros(8), problem, samples.duals)
    np.testing.assert_allclose(6 * bars, found.open * rms, rtol=0.1)
    between = replace(problem, accuracy=0.99 * found.open)
    assert not proof_of(replace(samples, problem=between)).told  # what is open has to be within it, not half
    strict_problem = replace(problem, accuracy=0.02)
    strict = proof_of(replace(samples, problem=strict_problem))
    assert not strict.told
    assert strict.open == found.open
    assert "more than the accuracy" in strict.in_words(replace(samples, problem=strict_problem))[0]
    doubted = found._replace(told=False)  # by the mask of another sample
    assert "more than the accuracy" not in doubted.in_words(replace(samples, problem=problem))[0]
    default = proof_of(replace(samples, problem=replace(problem, accuracy=1e-2)))
    assert default == (True, 1.0, 0.0)  # grad_b is believed


def test_noise_that_hides_every_entry_of_a_sample_loses_none(case: Case) -> None:
    """Nothing shows, so nothing says how much noise may have hidden."""
    samples = replace(case.truth)
    samples.__dict__["zero"] = case.zero | (np.arange(BATCH) == 1)
    lost = lost_entries(samples, case.z < -case.band)
    np.testing.assert_array_equal(lost, 0)


def test_what_is_known_of_an_error_leaves_fewer_signs_open() -> None:
    found = noisy(0)
    samples = found.samples
    spread = supported(samples).spread
    inside, shares = error_bars(samples, spread)[1], shares_of(samples, spread)
    whole, told = sign_bands(samples, inside)[0], sign_bands(samples, 0 * inside, shares)[0]
    z = samples.preactivations
    assert (np.abs(z) > told).mean() > 0.8 > 1.3 * (np.abs(z) > whole).mean()
    clear = np.abs(z) > told
    assert ((z > 0) == (found.z > 0))[clear].all()
    more = sign_bands(samples, inside, shares)[0]  # of what is beside it every neuron may see all
    np.testing.assert_allclose(more - told, 6 * np.outer(found.problem.layer_norms, inside), rtol=1e-9)
    assert sign_band(samples, 0 * inside, shares, dead=True).shape == (found.problem.dead_norms.shape[0], 10)


@pytest.mark.parametrize("scale", [0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.7, 3.0])
def test_under_noise_the_scale_is_told_on_both_sides(scale: float) -> None:
    """Samples one and a half times too large once passed: zeros of small entries excused their masks."""
    found = noisy(1, 0.02, width=500, scale=scale)
    assert found.problem.noise_hides
    proof = proof_of(found.samples)
    assert proof.told == (scale == 1)
    assert proof.factor == pytest.approx(scale, rel=0.1)
    assert (proof.open > 0) == proof.told


@pytest.mark.parametrize(
    ("unsure", "most"),
    [((0, 0, 0, 0), 0), ((0, 0, 0, 40), 0), ((1, 0, 0, 1), 2), ((2, 2, 0, 2), 3), ((0, 2, 9, 9), 7)],
)
def test_few_entries_next_to_the_tolerance_tell_all_samples_of_lost_ones(
    case: Case, unsure: tuple[int, ...], most: int
) -> None:
    """None next to those of one sample may be chance; what one of many has says nothing of the others."""
    samples = replace(case.truth, problem=replace(case.problem, noise_level=1e-3))
    near = np.zeros_like(case.zero)
    for k, count in enumerate(unsure):
        near[np.nonzero(case.z[:, k] > 0)[0][:count], k] = True
    samples.__dict__.update(zero=case.zero, ambiguous=near)
    assert lost_entries(samples, case.z < 0)[2 if unsure[2] == 0 else 0] == most

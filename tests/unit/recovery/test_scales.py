from dataclasses import replace

import numpy as np
import pytest

from spear_xp.numerics.backend import enter
from spear_xp.recovery.samples import SampleSet, recover
from spear_xp.recovery.scales import (
    ALONE,
    UNKNOWN,
    CommonScale,
    common_scale,
    reported_size,
    scales_in_words,
    shared_size,
    sizes_of,
)
from spear_xp.recovery.support import supported
from spear_xp.reduction.gradient import checked, validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.updates import synthetic
from tests.conftest import Backend
from tests.helpers.networks import Floats, network
from tests.helpers.noisy import noisy
from tests.helpers.truth import true_directions, true_recovery


def told(bias: float) -> tuple[Problem, SampleSet, Floats]:
    """A problem without a scale, its true samples in the made-up one, and their true sizes there."""
    rng = np.random.default_rng(3)
    inputs = synthetic.gaussian_inputs(6, 30, rng=3)
    net = network((30, 150, 10), rng)
    net.biases[0][:] *= bias
    grad_w, _, weight, beta = net.observed(inputs, rng.integers(0, 10, 6))
    problem = reduce(checked(*enter(grad_w=grad_w, weight=weight, bias=beta)[:2]))
    duals = np.linalg.lstsq(problem.right[:, :-1].T * problem.singular_values, inputs.T.astype(float))[0]
    samples = recover(problem, np.linalg.inv(duals).T)
    assert samples is not None
    return problem, samples, problem.last @ duals


def test_a_made_up_scale_has_the_sign_of_every_sample() -> None:
    _, _, sizes = told(0.0)
    assert (sizes > 0).all()
    assert sizes.max() < 3 * sizes.min()


@pytest.mark.parametrize("bias", [1.0, 4.0])
def test_masks_bound_the_size_on_both_sides(bias: float) -> None:
    _, samples, sizes = told(bias)
    best, least, most = sizes_of(samples)
    assert (least < sizes).all()
    assert (sizes < most).all()
    np.testing.assert_allclose(best, (least * most) ** 0.5)
    for k, words in enumerate(scales_in_words(samples)):
        assert words.endswith("times its size")
        assert f"{least[k]:.2g}" in words


def test_samples_the_wrong_way_round_get_a_negative_size() -> None:
    problem, samples, sizes = told(2.0)
    wrong = SampleSet(problem, -samples.duals, -samples.directions, samples.support)
    np.testing.assert_allclose(sizes_of(wrong).best, -sizes_of(samples).best)
    assert (np.abs(sizes_of(wrong).best / sizes) < 3).all()


def test_a_layer_without_a_bias_tells_no_size() -> None:
    problem, samples, _ = told(0.0)
    best, least, most = sizes_of(samples)
    assert (least == 0).all()
    assert np.isinf(most).all()
    assert set(scales_in_words(samples)) == {UNKNOWN}
    x = (problem.right.T @ (problem.singular_values[:, None] * samples.duals * best))[:-1]
    np.testing.assert_allclose((x**2).mean(axis=0), 1.0)
    np.testing.assert_allclose(reported_size(problem, samples.duals), best)


def test_some_directions_tell_the_common_size() -> None:
    problem, samples, sizes = told(4.0)
    unit = samples.directions / np.linalg.norm(samples.directions, axis=0)
    assert np.median(1 / sizes) == pytest.approx(shared_size(problem, unit[:, :4]), rel=0.5)
    assert shared_size(problem, unit[:, :0]) == 0.0


def test_with_masks_the_layer_holds_its_bias() -> None:
    problem, samples, _ = told(4.0)
    best = sizes_of(samples).best
    sized = problem.scaled_by_masks((samples.directions / best).sum(axis=1))
    again = recover(sized, samples.directions)
    assert again is not None
    np.testing.assert_allclose(again.duals, samples.duals * best)
    np.testing.assert_allclose(
        again.preactivations, problem.layer @ again.duals + problem.layer_bias[:, None], atol=1e-12
    )
    np.testing.assert_allclose(sizes_of(again).best, 1.0)
    np.testing.assert_allclose(reported_size(sized, again.duals), 1.0)


def test_with_masks_the_change_of_the_bias_counts_as_moved() -> None:
    """And the 1 of [x | 1] in its norm, although no column of the gradient holds it."""
    problem, samples, _ = told(4.0)
    best, rng = sizes_of(samples).best, np.random.default_rng(5)
    steps = rng.standard_normal((problem.width, 8)), rng.standard_normal(problem.width)
    moved = steps[0] @ rng.standard_normal((8, problem.rank))
    problem = replace(problem, moved=moved, bias_moved=steps[1])
    sized = problem.scaled_by_masks((samples.directions / best).sum(axis=1))
    again = recover(sized, samples.directions)
    assert again is not None
    np.testing.assert_allclose(again.moved, np.abs(moved @ again.duals + steps[1][:, None]), atol=1e-9)
    np.testing.assert_allclose(again.sizes**2, (again.coordinates**2).sum(axis=0) + 1)


def test_a_bias_gradient_is_what_a_scale_rests_on() -> None:
    truth = synthetic.mlp_gradient(synthetic.gaussian_inputs(3, 20, rng=0), width=60, rng=0)
    problem = reduce(validate(*truth.observed))
    samples = recover(problem, np.eye(3))
    assert samples is not None
    assert scales_in_words(samples) == (ALONE,) * 3


ALL = np.ones(12, dtype=bool)


def rescaled(factor: float, bias: float = 1.0) -> SampleSet:
    """Twelve samples of a batch whose bias gradient is so many times as large."""
    inputs = synthetic.gaussian_inputs(12, 40, rng=5).astype("float64")
    net = network((40, 200, 10), np.random.default_rng(5), "f8")
    net.biases[0][:] *= bias
    grad_w, grad_b, *layer = net.observed(inputs, np.arange(12) % 10)
    return true_recovery(reduce(validate(grad_w, factor * grad_b, *layer)), inputs / factor)


def in_common(samples: SampleSet, chosen: Floats) -> CommonScale:
    return common_scale(samples, supported(samples).spread, chosen)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.1, 2.0])
def test_masks_of_all_samples_tell_a_factor_that_they_have_in_common(factor: float) -> None:
    best, least, most, fits = in_common(rescaled(factor), ALL)
    assert least <= factor <= most < 1.05 * least
    assert least <= best <= most
    assert fits == (factor == 1)


def test_nothing_tells_a_common_factor_where_nothing_can() -> None:
    for found in (in_common(rescaled(0.5, bias=0.0), ALL), in_common(rescaled(0.5), ~ALL)):
        assert found.fits
        assert (found.least, found.most) == pytest.approx((np.exp(-1.4), np.exp(1.4)))


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_noise_widens_what_masks_allow(noise: float) -> None:
    widths = []
    for level in (noise, 3 * noise):
        found = in_common(noisy(2, level).samples, np.ones(10, dtype=bool))
        assert found.fits
        assert found.least < 1 < found.most
        widths.append(found.most - found.least)
    assert widths[1] > widths[0]


def test_a_layer_that_moves_tells_less() -> None:
    samples = rescaled(1.0)
    problem = samples.problem
    moved = replace(problem, drift=0.05 * problem.layer_norms, moved=0.1 * problem.layer)
    moved = replace(moved, bias_moved=0.1 * problem.layer_bias)
    still, found = (in_common(replace(samples, problem=one), ALL) for one in (problem, moved))
    assert found.fits
    assert found.most - found.least > 2 * (still.most - still.least)


def test_a_common_factor_is_told_on_every_backend(space: Backend) -> None:
    layer = space.mlp(4, 60, 30)
    problem = reduce(validate(layer.grad_w, 2 * layer.grad_b, layer.weight, layer.bias))
    directions = true_directions(problem, layer.inputs / 2, space)
    samples = recover(problem, problem.space.asarray(directions))
    assert samples is not None
    assert in_common(samples, np.ones(4, dtype=bool)).best == pytest.approx(2, rel=0.3)

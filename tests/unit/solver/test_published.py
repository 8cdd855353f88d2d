"""The attack as published: sampling, greedy selection, and nothing of the default search."""

import pytest

from spear_xp import Status, invert
from spear_xp.candidates.threshold import sparsity_threshold
from spear_xp.strategies import Sampling
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient


def live(layer: LayerGradient) -> int:
    return int((layer.grad_b != 0).sum())


def test_a_small_batch_is_recovered_by_sampling_alone(layer: LayerGradient) -> None:
    result = invert(*layer.observed, search="sampling", rng=0)
    assert result.success
    assert set(result.trace.sources) == {"sampling"}
    assert result.trace.score > 0.99
    assert result.trace.threshold == sparsity_threshold(live(layer), 6)


def test_the_threshold_follows_the_false_rejection_of_the_sampler(layer: LayerGradient) -> None:
    tight, loose = (
        invert(*layer.observed, search=Sampling(false_rejection=p), rng=0).trace.threshold
        for p in (1e-3, 1e-12)
    )
    assert tight > loose
    assert tight == sparsity_threshold(live(layer), 6, 1e-3)


def test_the_old_argument_still_works(layer: LayerGradient) -> None:
    with pytest.warns(DeprecationWarning, match="Sampling"):
        old = invert(*layer.observed, search="sampling", false_rejection=1e-3, rng=0)
    assert old.trace.threshold == sparsity_threshold(live(layer), 6, 1e-3)


def test_what_sampling_cannot_find_in_time_is_not_found() -> None:
    truth = mlp_gradient(gaussian_inputs(30, 60, rng=0), width=120, rng=0)
    result = invert(*truth.observed, search="sampling", time_limit=0.3, rng=0)
    assert result.status is Status.TIME_LIMIT
    assert result.trace.samples_drawn > 0

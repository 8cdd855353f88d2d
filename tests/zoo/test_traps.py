"""False certificates are the worst error there is: no trap may yield one."""

import numpy as np
import pytest

from spear_xp import SpearError, Status, invert
from spear_xp.reporting import metrics
from tests.benchmarks.changes import Varied
from tests.benchmarks.verdicts import judged
from tests.zoo.traps import TRAPS, twins_merged_by_noise
from tests.zoo.verdict import false_certificates

TIME_LIMIT = 0.5  # seconds; traps that hold no solution use all of it


@pytest.mark.parametrize("seed", [0])
@pytest.mark.parametrize("name", TRAPS)
def test_no_false_certificate(name: str, seed: int) -> None:
    trap = TRAPS[name](seed)
    try:
        options = {"batch_size": trap.batch_size, "observed": trap.mask}
        result = invert(*trap.observed, **options, time_limit=TIME_LIMIT, rng=seed)
    except SpearError:  # beyond use: refused, which certifies nothing
        return
    assert false_certificates(result, trap.inputs) == []


@pytest.mark.parametrize("name", TRAPS)
def test_no_false_direction_without_a_bias_gradient(name: str) -> None:
    trap = TRAPS[name](0)
    grad_w, _, weight, bias = trap.observed
    given = Varied(grad_w, None, weight, bias, trap.inputs, trap.batch_size, ())
    try:
        result = invert(given.update, batch_size=trap.batch_size, time_limit=TIME_LIMIT, rng=0)
    except SpearError:
        return
    assert not result.certified.any()
    if not len(trap.inputs):
        assert not result.direction_certified.any()
    else:
        assert not judged(given, result).false.any()


@pytest.mark.parametrize(
    "name",
    [
        "honest",
        "honest, float64",
        "honest, deeper",
        "negative",
        "signs_of_rows_flipped",
        "clipped_rows",
        "scaled_globally 1e-06",
        "trained_network 200",
        "noise 1e-06",
        "hidden_sample 0.5",
        "few_of_each_row 8",
        "weight_decay 1e-03",
        "weight_decay 1e-01",
        "weight_decay 1e-01, 0 of the bias",
    ],
)
def test_what_is_no_trap_is_certified(name: str) -> None:
    trap = TRAPS[name](0)
    result = invert(*trap.observed, observed=trap.mask, time_limit=10.0, rng=0)
    assert result.certified.all()
    assert len(result.inputs) == len(trap.inputs)


@pytest.mark.parametrize("name", ["opposite", "rescaled_bias_gradient 0 2", "clipped_tensors 0"])
def test_without_a_bias_directions_are_certified_and_scales_are_not(name: str) -> None:
    trap = TRAPS[name](0)
    result = invert(*trap.observed, time_limit=10.0, rng=0)
    assert result.status is Status.SCALE_OPEN
    assert result.direction_certified.all()
    assert not result.certified.any()
    assert all("grad_b alone" in reason for reason in result.reasons)
    found, true = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (result.inputs, trap.inputs))
    assert (found @ true.T).max(axis=1).min() > 1 - 1e-6


def test_half_precision_is_recovered_and_not_certified() -> None:
    """Rounding to ten bits could merge samples at a distance of one per cent."""
    trap = TRAPS["rounded to float16"](0)
    result = invert(*trap.observed, time_limit=10.0, rng=0)
    assert metrics.compare(trap.inputs, result.inputs).psnr.min() > 60
    assert not result.certified.any()
    assert all("merge" in reason for reason in result.reasons)


def test_equal_samples_are_reported_once() -> None:
    trap = TRAPS["exact_duplicates, one label"](0)
    result = invert(*trap.observed, time_limit=10.0, rng=0)
    assert result.certified.all()
    assert len(result.inputs) == len(trap.inputs) - 1


def test_twins_merged_by_noise_are_not_certified() -> None:
    trap = twins_merged_by_noise(0)
    result = invert(*trap.observed, time_limit=5.0, rng=0)
    assert false_certificates(result, trap.inputs) == []

"""What an update holds, with all masks known."""

import numpy as np
import pytest

from spear_xp.auditing.ceiling import ceiling
from spear_xp.auditing.mechanisms import Sent
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient


def sent(batch: int = 6, noise: float = 0.0, seed: int = 0) -> Sent:
    truth = mlp_gradient(gaussian_inputs(batch, 40, rng=seed).astype("float64"), width=90, rng=seed)
    plain = Sent(*truth.observed, truth.inputs, truth.zero_pattern)
    rng = np.random.default_rng(seed)
    size = noise * float(np.sqrt((truth.grad_w**2).mean()))
    return plain.changed(plain.both + size * rng.standard_normal((90, 41)))


def error(one: Sent) -> float:
    return float(np.sqrt(((ceiling(one) - one.inputs) ** 2).mean()))


def test_without_noise_it_is_the_truth() -> None:
    assert error(sent()) < 1e-9


def test_it_falls_with_noise_as_noise_does() -> None:
    small, large = (np.mean([error(sent(noise=size, seed=s)) for s in range(4)]) for size in (1e-4, 1e-2))
    assert large / small == pytest.approx(100, rel=0.2)


def test_entries_that_were_not_sent_are_not_used() -> None:
    one = sent()
    known = np.random.default_rng(0).random((90, 41)) < 0.6
    assert error(one.changed(np.where(known, one.both, 0.0), known=known)) < 1e-6
    nothing = one.changed(0 * one.both, known=np.zeros_like(known))
    assert np.isnan(ceiling(nothing)).any() or error(nothing) > 0.1


def test_a_batch_that_nothing_determines_has_none() -> None:
    assert np.isnan(ceiling(sent(batch=60))).all()

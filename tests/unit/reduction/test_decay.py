import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spear_xp import errors, invert
from spear_xp.reduction import decay
from spear_xp.reduction.decay import Decay, without_decay
from spear_xp.reduction.factorization import factorize
from spear_xp.reduction.gradient import Gradient, validate
from spear_xp.updates.synthetic import gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers import strategies
from tests.helpers.networks import Floats


def update(seed: int, of_weight: float, of_bias: float, noise: float = 0.0) -> tuple[Floats, ...]:
    """Gradient of six samples with a multiple of the weights, in single precision."""
    truth = mlp_gradient(gaussian_inputs(6, 50, rng=seed), width=120, rng=seed)
    rng = np.random.default_rng(seed)
    grads = (truth.grad_w + of_weight * truth.weight, truth.grad_b + of_bias * truth.bias)
    unit = noise * np.sqrt((truth.grad_w**2).mean())
    grads = tuple(x + unit * rng.standard_normal(x.shape) for x in grads)
    return tuple(x.astype("float32") for x in (*grads, truth.weight, truth.bias))


def gradient(*args: float, **options: float) -> Gradient:
    return validate(*update(*args, **options))


@given(strategies.seeds, st.floats(-4, 0), st.sampled_from([1.0, 0.0, -1.0]))
def test_decay_of_any_size_and_either_sign_is_found(seed: int, size: float, of_bias: float) -> None:
    """An update that is new weights less old ones holds it with the other sign; the bias may have none."""
    sign = -1.0 if of_bias < 0 else 1.0
    true = sign * 10.0**size
    rest, fact, decay = without_decay(gradient(seed, true, true if of_bias else 0.0))
    assert decay.of_weight == pytest.approx(true, rel=1e-4)
    assert decay.of_bias == (decay.of_weight if of_bias else 0.0)
    assert fact.rank == 6
    assert rest.roundoff == pytest.approx(6e-8, rel=0.01)


@given(strategies.seeds, st.sampled_from([0.0, 1e-4, 1e-2]))
def test_nothing_is_taken_out_of_an_update_without_decay(seed: int, noise: float) -> None:
    given_gradient = gradient(seed, 0.0, 0.0, noise=noise)
    rest, fact, decay = without_decay(given_gradient)
    assert rest is given_gradient
    assert decay == Decay()
    assert fact.rank == 6


def test_decay_beside_noise() -> None:
    _, fact, decay = without_decay(gradient(1, 0.05, 0.05, noise=1e-3))
    assert decay.of_weight == pytest.approx(0.05, rel=1e-3)
    assert (fact.rank, fact.noise_model) == (6, "additive")


def test_known_noise_and_batch_size_are_passed_on() -> None:
    arrays = update(2, 0.05, 0.05, noise=1e-3)
    _, fact, decay = without_decay(validate(*arrays), 6, noise=1e-6)
    assert decay.of_weight == pytest.approx(0.05, rel=1e-3)
    assert fact.expected == 6


def test_noise_of_full_rank_stays_an_error_and_is_named_by_its_first_cause() -> None:
    """Nothing is left of an update that is weights and noise; the message speaks of the update as given."""
    rng, (_, _, weight, bias) = np.random.default_rng(0), update(0, 0.0, 0.0)
    noisy = (x + 1e-2 * rng.standard_normal(x.shape) for x in (weight, bias))
    with pytest.raises(errors.RankError, match="no low rank"):
        without_decay(validate(*noisy, weight, bias))


def test_rows_that_only_rounding_fills_are_neither_live_nor_dead() -> None:
    """A neuron that no sample activates holds the multiple alone, and rounding when that is gone."""
    truth = mlp_gradient(gaussian_inputs(6, 50, rng=3), width=120, rng=3)
    grad_w, grad_b = truth.grad_w.copy(), truth.grad_b.copy()
    grad_w[:4], grad_b[:4] = 0, 0
    arrays = (grad_w + 0.1 * truth.weight, grad_b + 0.1 * truth.bias, truth.weight, truth.bias)
    rest, fact, _ = without_decay(validate(*(x.astype("float32") for x in arrays)))
    assert fact.rank == 6
    assert not set(range(4)) & set(rest.live.tolist() + rest.dead.tolist())


def test_every_array_library(space: Backend) -> None:
    arrays = space.arrays(*update(4, 0.02, 0.02))
    _, fact, decay = without_decay(validate(*arrays))
    assert fact.rank == 6
    assert decay.of_weight == pytest.approx(0.02, rel=1e-3)


def test_the_result_says_what_was_taken_out() -> None:
    result = invert(*update(5, 0.05, 0.05), rng=0)
    assert result.success
    assert result.trace.weight_decay == pytest.approx(0.05, rel=1e-4)
    assert "weight decay: it was taken out: 0.05 times the weights" in result.summary()


def test_rows_of_zeros_deny_decay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A multiple of the weights filled them, and less and less of it was taken back, round by round."""
    rng, tries = np.random.default_rng(0), []
    monkeypatch.setattr(
        decay, "factorize", lambda *args, **kwargs: tries.append(1) or factorize(*args, **kwargs)
    )
    weight, bias = (np.abs(rng.standard_normal((7, *rest))) for rest in ((300,), ()))
    grad_w, grad_b = np.zeros((7, 300)), np.zeros(7)
    grad_w[4], grad_b[4] = weight[4] + 0.1 * rng.random(300), 1.0
    with pytest.raises(errors.RankError, match="live rows m=1"):
        without_decay(validate(grad_w, grad_b, weight, bias), 2)
    assert len(tries) == 1


def test_pruned_neurons_do_not_deny_decay() -> None:
    """Weights of zero stay zero."""
    grad_w, grad_b, weight, bias = update(3, 0.05, 0.05)
    for part in (grad_w, grad_b, weight, bias):
        part[:4] = 0.0
    _, fact, decay = without_decay(validate(grad_w, grad_b, weight, bias))
    assert decay.of_weight == pytest.approx(0.05, rel=1e-3)
    assert fact.rank == 6

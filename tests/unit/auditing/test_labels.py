import numpy as np
import pytest

from spear_xp.auditing.labels import labels_of
from spear_xp.updates.layer_update import LayerUpdate
from tests.helpers.networks import Floats


def head(labels: list[int], *, seed: int = 0, classes: int = 10, positive: bool = True) -> LayerUpdate:
    """Gradient of the last layer of a classifier with softmax and cross-entropy."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((len(labels), 30))
    inputs = np.maximum(inputs, 0) if positive else inputs
    weight, bias = rng.standard_normal((classes, 30)) / 5, rng.standard_normal(classes) / 5
    logits = inputs @ weight.T + bias
    residual = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    residual[np.arange(len(labels)), labels] -= 1
    residual /= len(labels)
    return LayerUpdate(residual.T @ inputs, residual.sum(axis=0), weight, bias)


def noisy(array: Floats, size: float) -> Floats:
    return array + size * np.abs(array).max() * np.random.default_rng(1).standard_normal(array.shape)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("positive", [True, False])
def test_every_class_that_is_named_is_in_the_batch(seed: int, positive: bool) -> None:
    labels = np.random.default_rng(seed).integers(0, 10, 24).tolist()
    found = labels_of(head(labels, seed=seed, positive=positive), inputs_positive=positive)
    assert found is not None
    assert set(found) <= set(labels)
    assert len(found) > 0


@pytest.mark.parametrize("seed", range(5))
def test_signs_of_the_weights_show_every_class_of_a_small_batch(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 10, 6).tolist()
    gradient = head(labels, seed=seed)
    found = labels_of(gradient, inputs_positive=True)
    assert found == tuple(sorted(set(labels)))
    by_bias = labels_of(gradient, inputs_positive=False)
    assert by_bias is not None
    assert set(by_bias) <= set(labels)


def test_rounding_names_no_class() -> None:
    gradient = head([0, 1, 2])
    found = labels_of(
        LayerUpdate(noisy(gradient.grad_w, 1e-4), noisy(gradient.grad_b, 1e-4), *list(gradient)[2:]),
        inputs_positive=True,
    )
    assert found == (0, 1, 2)


def test_another_loss_tells_nothing() -> None:
    gradient = head([0, 1, 2])
    squares = LayerUpdate(gradient.grad_w**2, gradient.grad_b**2, gradient.weight, gradient.bias)
    assert labels_of(squares, inputs_positive=True) is None
    other = LayerUpdate(gradient.grad_w + 1, *list(gradient)[1:])
    assert labels_of(other, inputs_positive=True) is None


@pytest.mark.parametrize("of_bias", [0.0, 0.3])
def test_weight_decay_is_taken_out(of_bias: float) -> None:
    gradient = head([0, 1, 2])
    grad_b = gradient.grad_b + of_bias * gradient.bias
    decayed = LayerUpdate(gradient.grad_w + 0.3 * gradient.weight, grad_b, gradient.weight, gradient.bias)
    assert labels_of(decayed, inputs_positive=True) == (0, 1, 2)


def test_without_a_bias_gradient_no_label_shows() -> None:
    head = LayerUpdate(np.ones((3, 4)), None, np.zeros((3, 4)), np.zeros(3))
    assert labels_of(head, inputs_positive=True) is None

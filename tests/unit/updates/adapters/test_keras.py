import os
from typing import Any

import numpy as np
import pytest

from spear_xp.errors import UpdateError
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.adapters.keras import is_model, places_of_model, weights
from spear_xp.updates.adapters.places import LAST
from tests.helpers.models import BATCH, FEATURES, WIDTH, assert_batch, batch
from tests.helpers.optional import need

os.environ.setdefault("KERAS_BACKEND", "torch")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # of Keras 3.15 on NumPy 2.4


def network() -> Any:
    keras = need("keras")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(WIDTH, activation="relu", bias_initializer="normal"),
            layers.Dense(10),
        ]
    )


def step(model: Any, lr: float = 0.1) -> tuple[list[Any], list[Any]]:
    """Weights before and after one step, as a client of Keras has them."""
    keras = need("keras")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(lr), loss=loss, jit_compile=False)
    before = model.get_weights()
    model.train_on_batch(batch(), np.arange(BATCH) % 3)
    return before, model.get_weights()


def test_kernels_come_back_exactly_as_lists_and_with_names() -> None:
    model = network()
    before, after = step(model)
    assert before[0].shape == (FEATURES, WIDTH)
    for found in (
        read(after, before, training=Training(lr=0.1)),
        read(after, before, model=model, training=Training(lr=0.1)),
        read(weights(model), before, training=Training(lr=0.1)),
        read(model, before, training=Training(lr=0.1)),
    ):
        update = next(iter(found))
        assert update.weight.shape == (WIDTH, FEATURES)
        np.testing.assert_array_equal(update.weight.T, before[0])
        assert_batch(update, batch())
    assert is_model(model)


def test_a_gradient_in_the_order_of_keras() -> None:
    before, after = step(network(), lr=1.0)
    gradient = [one - other for one, other in zip(before, after, strict=True)]
    assert_batch(next(iter(read(gradient, before))), batch())


def test_layers_of_a_model_say_what_follows() -> None:
    keras = need("keras")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(30, activation="relu", name="own"),
            layers.Dense(30, name="layer"),
            layers.ReLU(),
            layers.Dense(30, name="activation"),
            layers.Activation("relu", name="relu"),
            layers.Dense(30, activation="gelu", name="gelu"),
            layers.Dense(30, name="norm"),
            layers.BatchNormalization(),
            layers.Dense(30, activation="relu", use_bias=False, name="no_bias"),
            layers.Dense(30, activation="relu", name="frozen", trainable=False),
            layers.Dense(10, name="last"),
        ]
    )
    found, assumptions = places_of_model(model)
    reasons = {place.name: place.reason for place in found}
    searched = {name for name, reason in reasons.items() if not reason}
    assert searched == {"own", "layer", "activation", "no_bias"}
    assert {place.name: place.bias for place in found}["no_bias"] == ""
    assert reasons["conv"] == "Conv2D: no fully connected layer"
    assert reasons["gelu"].startswith("gelu follows it")
    assert reasons["norm"].startswith("BatchNormalization follows it")
    assert reasons["frozen"].startswith("frozen")
    assert reasons["last"] == LAST
    assert {place.name: place.features for place in found}["own"] == "behind Conv2D 'conv'"
    assert "order" in assumptions[0]


def test_a_square_kernel_without_a_name_needs_a_hint() -> None:
    rng = np.random.default_rng(0)
    before = [rng.standard_normal(shape) for shape in ((30, 30), (30,), (30, 30), (30,))]
    after = [one + 1e-3 * rng.standard_normal(one.shape) for one in before]
    with pytest.raises(UpdateError, match="need layout='torch'"):
        read(after, before, training=Training(lr=0.1))
    for layout, turned in (("torch", False), ("keras", True)):
        update = next(iter(read(after, before, training=Training(lr=0.1), layout=layout)))
        np.testing.assert_array_equal(update.weight, before[0].T if turned else before[0])

"""Networks of torch for the tests of adapters: one client, one batch, some local steps."""

from typing import Any

import numpy as np

from spear_xp import invert
from spear_xp.numerics.backend import to_host
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.synthetic import gaussian_inputs
from tests.helpers.networks import Floats
from tests.helpers.optional import need

FEATURES, WIDTH, BATCH = 40, 90, 6


def batch(seed: int = 1) -> Floats:
    return gaussian_inputs(BATCH, FEATURES, rng=seed)


def network(*, seed: int = 0, classes: int = 10) -> Any:
    """A perceptron with two hidden layers."""
    torch = need("torch")
    torch.manual_seed(seed)
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(FEATURES, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 50), nn.ReLU(), nn.Linear(50, classes)
    )


def backward(model: Any, inputs: Floats) -> Any:
    """The model, with the gradient of one batch."""
    torch = need("torch")
    labels = torch.arange(len(inputs)) % 3
    model.zero_grad()
    torch.nn.functional.cross_entropy(model(torch.as_tensor(inputs)), labels).backward()
    return model


def state(model: Any) -> dict[str, Any]:
    """A copy of its state dict."""
    return {name: one.detach().clone() for name, one in model.state_dict().items()}


def train(model: Any, inputs: Floats, optimizer: Any, steps: int = 1) -> dict[str, Any]:
    """State dict after some steps on one batch."""
    for _ in range(steps):
        backward(model, inputs)
        optimizer.step()
    return state(model)


def assert_batch(
    update: LayerUpdate, inputs: Floats, *, accuracy: float = 1e-3, certified: bool = True
) -> None:
    """Whether the batch comes back whole, and certified."""
    result = invert(update, rng=0, time_limit=20.0 if certified else 2.0)
    assert result.success or not certified, result.summary()
    found = to_host(result.inputs)
    distance = np.linalg.norm(found[:, None] - inputs[None], axis=2).min(axis=0)
    assert distance.max() < accuracy * np.linalg.norm(inputs, axis=1).min()

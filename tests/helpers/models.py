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


def lenet(*, seed: int = 0, classes: int = 10) -> Any:
    """Two convolutions and three fully connected layers, for images of 12 × 12 pixels."""
    torch = need("torch")
    torch.manual_seed(seed)
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(72, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes),
    )  # fmt: skip


def branching(features: int = FEATURES, *, seed: int = 0) -> Any:
    """A network whose path hangs on its input: torch.fx cannot trace it."""
    torch = need("torch")
    nn = torch.nn
    torch.manual_seed(seed)

    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            # out of the order in which they run, so that the order of definition tells nothing
            self.last, self.second, self.first = (
                nn.Linear(50, 10),
                nn.Linear(WIDTH, 50),
                nn.Linear(features, WIDTH),
            )

        def forward(self, x: Any) -> Any:
            x = torch.relu(self.first(x))
            x = self.second(x if x.sum() > 0 else -x)
            return self.last(nn.functional.relu(x))

    return Branching()


def transformer(activation: str = "relu", *, words: int = 50, size: int = 24, seed: int = 0) -> Any:
    """Tokens to classes: an embedding, a block of torch, the mean over tokens, a head."""
    torch = need("torch")
    nn = torch.nn
    torch.manual_seed(seed)

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(words, size)
            self.blocks = nn.ModuleList(
                [nn.TransformerEncoderLayer(size, 2, 160, 0.0, activation, batch_first=True)]
            )
            self.head = nn.Linear(size, 10)

        def forward(self, tokens: Any) -> Any:
            x = self.table(tokens)
            for block in self.blocks:
                x = block(x)
            return self.head(x.mean(dim=1))

    return Transformer()


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

from typing import Any

import numpy as np
import pytest

from spear_xp.updates.adapters.graphs.steps import fronts_of
from spear_xp.updates.adapters.torch_module import weights
from spear_xp.updates.front import Affine, Dense, Front, Lookup, Relu, Standardise
from tests.helpers.models import branching, lenet, network, transformer
from tests.helpers.optional import need

torch = need("torch")
nn, functional = torch.nn, torch.nn.functional


def fronts(model: Any) -> dict[str, Front]:
    return fronts_of(model, weights(model))


def run(front: Front, inputs: Any) -> Any:
    """The steps, one after the other, on rows."""
    rows = np.asarray(inputs.detach()).reshape(len(inputs), -1)
    for step in front:
        if isinstance(step, Dense):
            rows = rows @ np.asarray(step.weight).T + (0 if step.bias is None else np.asarray(step.bias))
        elif isinstance(step, Relu):
            rows = np.maximum(rows, 0)
        elif isinstance(step, Affine):
            channels = len(step.scale) if step.scale.ndim == 2 else 1
            rows = (rows.reshape(len(rows), channels, -1) * step.scale + step.shift).reshape(len(rows), -1)
        elif isinstance(step, Standardise):
            rows = rows - rows.mean(axis=1, keepdims=True)
            rows = rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + 1e-5) * step.scale + step.shift
        else:
            rows = np.asarray(step.table)[rows[:, 0]]
    return rows


class Normalised(nn.Module):
    """Standardises channels, as the transforms of images do."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.2, 0.3, 0.1]).reshape(1, 3, 1, 1), persistent=False)
        self.fc, self.last = nn.Linear(75, 90), nn.Linear(90, 5)

    def forward(self, x: Any) -> Any:
        return self.last(self.fc(((x - self.mean) / self.std).flatten(1)).relu())


def test_layers_and_their_relus() -> None:
    found = fronts(network())
    assert list(found) == ["2", "4"]
    assert [type(step) for step in found["4"]] == [Dense, Relu, Dense, Relu]
    x = torch.randn(3, 40)
    np.testing.assert_allclose(run(found["4"], x), network()[:4](x).detach(), rtol=1e-4, atol=1e-5)


def test_weights_are_those_that_were_given() -> None:
    model = network()
    other = {name: one + 1 for name, one in weights(model).items()}
    step = fronts_of(model, other)["2"][0]
    assert isinstance(step, Dense)
    assert (step.weight == other["0.weight"]).all()


def test_standardised_images() -> None:
    model, x = Normalised(), torch.rand(4, 3, 5, 5)
    front = fronts(model)["fc"]
    assert [step.scale.shape for step in front if isinstance(step, Affine)] == [(3, 1), (3, 1)]
    expected = ((x - model.mean) / model.std).flatten(1)
    np.testing.assert_allclose(run(front, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("affine", [True, False])
def test_batch_normalisation_with_statistics_of_its_own(affine: bool) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3, affine=affine)
    norm(torch.randn(50, 3, 4, 4) * 2 + 1)  # statistics that are not 0 and 1
    if affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    model = nn.Sequential(norm, nn.Flatten(), nn.Linear(48, 60), nn.ReLU(), nn.Linear(60, 5))
    assert list(fronts(model)) == []  # statistics of the batch are not known
    x = torch.randn(4, 3, 4, 4)
    front = fronts(model.eval())["2"]
    np.testing.assert_allclose(run(front, x), norm(x).flatten(1).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 2, lambda x: 2 + x, lambda x: x - 2, lambda x: 2 - x, lambda x: x * 3, lambda x: 3 * x,
        lambda x: x / 4, lambda x: (x - 0.5) / 0.5,
    ],
)  # fmt: skip
def test_arithmetic_with_numbers(function: Any) -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.last = nn.Linear(20, 30), nn.Linear(30, 5)

        def forward(self, x: Any) -> Any:
            return self.last(self.fc(function(x)).relu())

    x = torch.randn(4, 20)
    np.testing.assert_allclose(run(fronts(Shifted())["fc"], x), function(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("flat", [True, False])
def test_channels_that_are_not_flattened_are_not_guessed(flat: bool) -> None:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.arange(4.0).reshape(4, 1))
            self.fc, self.last = nn.Linear(32 if flat else 8, 30), nn.Linear(30, 5)

        def forward(self, x: Any) -> Any:  # rows of 8 entries, a number for each row
            x = x - self.mean
            return self.last(self.fc(x.flatten(1) if flat else x).relu())

    assert ("fc" in fronts(Rows())) == flat


def test_tokens() -> None:
    model = nn.Sequential(nn.Embedding(30, 20), nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 5))
    front = fronts(model)["1"]
    assert isinstance(front[0], Lookup)
    assert front[0].table.shape == (30, 20)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 2 / x, lambda x: x / 0, lambda x: x**2, lambda x: x + x.relu(), lambda x: x.tanh(),
        lambda x: torch.add(x, 1, alpha=2), lambda x: x[:, :10], lambda x: functional.dropout(x, 0.5),
    ],
)  # fmt: skip
def test_what_cannot_be_undone_ends_the_way(function: Any) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.last = nn.Linear(20, 30), nn.Linear(30, 5)

        def forward(self, x: Any) -> Any:
            return self.last(self.fc(function(x)).relu())

    assert fronts(Odd()) == {}


def test_convolutions_transformers_and_branches_cannot_be_undone() -> None:
    assert fronts(lenet()) == {}
    assert fronts(transformer()) == {}
    assert fronts(branching()) == {}


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"elementwise_affine": False}])
def test_a_layer_norm_begins_a_front_whatever_stands_before(options: dict[str, bool]) -> None:
    torch.manual_seed(0)
    norm, conv = nn.LayerNorm((4, 5), **options), nn.Conv1d(2, 4, 1)
    for number, one in enumerate(norm.parameters()):
        one.data = torch.randn(4, 5) + number
    model = nn.Sequential(conv, norm, nn.Flatten(), nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 5))
    front, inputs = fronts(model)["3"], torch.randn(3, 2, 5)
    assert isinstance(front[0], Standardise)
    with torch.no_grad():
        expected = norm(conv(inputs)).flatten(1)
        assert np.allclose(run(front, conv(inputs)), np.asarray(expected), atol=1e-5)

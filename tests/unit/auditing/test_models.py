"""Whole models of torch: what an audit finds in them, and the reason where it finds nothing."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from spear_xp import Exposure, audit, invert
from spear_xp.auditing.verdict import Audit
from spear_xp.updates.adapters.places import LAST
from tests.helpers.models import (
    BATCH,
    FEATURES,
    WIDTH,
    backward,
    batch,
    branching,
    lenet,
    network,
    transformer,
)
from tests.helpers.networks import Floats
from tests.helpers.optional import need

torch = need("torch")
nn = torch.nn


def outcomes(found: Audit) -> dict[str, str]:
    return {one.name: one.outcome for one in found.layers}


def reasons(found: Audit) -> dict[str, str]:
    return {one.name: one.reason for one in found.layers}


def assert_inputs(found: Audit, layer: str, expected: Floats) -> None:
    """Whether what a layer gave back, all of it certified, is what the model fed to it."""
    one = next(one for one in found.layers if one.name == layer)
    assert one.result is not None
    assert one.certified == one.result.batch_size == len(expected)
    distance = np.linalg.norm(np.asarray(one.result.inputs)[:, None] - expected[None], axis=2).min(axis=0)
    assert distance.max() < 1e-3 * np.linalg.norm(expected, axis=1).min()


def images(count: int = 5) -> Any:
    return torch.randn(count, 1, 12, 12, generator=torch.Generator().manual_seed(1))


def test_a_perceptron_of_four_layers() -> None:
    torch.manual_seed(0)
    sizes = (FEATURES, 90, 80, 70, 10)
    layers = [part for n, m in pairwise(sizes) for part in (nn.Linear(n, m), nn.ReLU())]
    model = backward(nn.Sequential(*layers[:-1]), batch())
    found = audit(model, rng=0)
    assert found.verdict is Exposure.EXPOSED
    assert [one.certified for one in found.layers] == [BATCH, BATCH, BATCH, 0]
    assert [one.features for one in found.layers] == ["", *(f"behind Linear '{k}'" for k in (0, 2, 4))]
    assert_inputs(found, "0", batch())
    assert_inputs(found, "4", model[:4](torch.as_tensor(batch())).detach().numpy())


def test_behind_convolutions_features_come_back_and_are_called_so() -> None:
    model = backward(lenet(), images())
    found = audit(model, rng=0, time_limit=2.0)
    assert found.verdict is Exposure.FEATURES
    assert outcomes(found)["0"] == outcomes(found)["3"] == "not searched: Conv2d: no fully connected layer"
    first = next(one for one in found.layers if one.name == "6")
    assert first.features == "behind Conv2d '3'"
    assert_inputs(found, "6", model[:6](images()).detach().numpy())


def test_tokens_of_a_transformer() -> None:
    model, tokens = transformer(), torch.randperm(50, generator=torch.Generator().manual_seed(0))[:20]
    seen: list[Any] = []
    model.blocks[0].linear1.register_forward_hook(lambda module, given, out: seen.append(given[0].detach()))
    model.zero_grad()
    labels = torch.tensor([0, 1])
    nn.functional.cross_entropy(model(tokens.reshape(2, 10)), labels).backward()
    found = audit(model, example=tokens.reshape(2, 10), rng=0)
    assert found.verdict is Exposure.FEATURES
    block = next(one for one in found.layers if one.name == "blocks.0.linear1")
    assert block.features == "behind LayerNorm 'blocks.0.norm1'"
    assert_inputs(found, "blocks.0.linear1", seen[0].reshape(20, -1).numpy())
    closed = audit(model, rng=0)
    assert closed.verdict is Exposure.NOT_APPLICABLE
    assert "need example=" in reasons(closed)["blocks.0"]


def test_gelu_is_refused_with_the_reason() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(FEATURES, WIDTH), nn.GELU(), nn.Linear(WIDTH, 10))
    found = audit(backward(model, batch()), rng=0)
    assert found.verdict is Exposure.NOT_APPLICABLE
    assert outcomes(found)["0"] == (
        "not searched: GELU follows it, not a ReLU: no entry of its gradient is zero"
    )
    assert outcomes(found)["2"] == f"not searched: {LAST}"


@pytest.mark.parametrize("train", [True, False])
def test_normalisation_in_front_leaves_features(train: bool) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(FEATURES)
    model = nn.Sequential(norm, nn.Linear(FEATURES, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10)).train(train)
    inputs = batch(3)
    found = audit(backward(model, inputs), rng=0)
    one = next(one for one in found.layers if one.name == "1")
    assert one.features == "behind BatchNorm1d '0'"
    assert_inputs(found, "1", norm(torch.as_tensor(inputs)).detach().numpy())


@pytest.mark.parametrize("example", [False, True])
@pytest.mark.parametrize("train", [True, False])
def test_normalisation_between_a_layer_and_its_relu_is_refused(train: bool, example: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(FEATURES, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10)
    ).train(train)
    found = audit(backward(model, batch()), example=batch() if example else None, rng=0)
    assert found.verdict is Exposure.NOT_APPLICABLE
    why = "no entry of its gradient is zero" if train else "fuse_linear_bn_weights"
    assert reasons(found)["0"].endswith(why)


def test_a_normalisation_that_is_folded_into_its_layer_hides_nothing() -> None:
    torch.manual_seed(0)
    layer, norm = nn.Linear(FEATURES, WIDTH), nn.BatchNorm1d(WIDTH)
    nn.init.normal_(norm.weight)  # of both signs
    nn.init.normal_(norm.bias, std=0.1)
    model = nn.Sequential(layer, norm, nn.ReLU(), nn.Linear(WIDTH, 10)).eval()
    backward(model, batch())
    folded = torch.nn.utils.fusion.fuse_linear_bn_weights(
        layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    result = invert(layer.weight.grad, layer.bias.grad, *(one.detach() for one in folded), rng=0)
    assert result.success


def test_a_model_that_cannot_be_traced() -> None:
    model = backward(branching(), batch())
    found = audit(model, example=batch(), rng=0, time_limit=2.0)
    assert found.verdict is Exposure.EXPOSED
    assert [one.name for one in found.layers] == ["first", "second", "last"]
    assert_inputs(found, "first", batch())
    blind = audit(model, rng=0, time_limit=2.0)
    assert "torch.fx cannot trace the model" in blind.assumptions[0]
    assert all(one.reason or one.result for one in blind.layers)


def test_layers_that_cannot_be_searched_have_a_reason_each() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.plain, self.frozen = nn.Linear(FEATURES, 40), nn.Linear(40, 40)
            self.bare, self.tied = nn.Linear(40, 40, bias=False), nn.Linear(40, 40)
            self.last = nn.Linear(40, 10)
            self.frozen.requires_grad_(requires_grad=False)

        def forward(self, x: Any) -> Any:
            for layer in (self.plain, self.frozen, self.bare, self.tied, self.tied):
                x = layer(x).relu()
            return self.last(x)

    torch.manual_seed(0)
    found = reasons(audit(backward(Odd(), batch()), time_limit=4.0, rng=0))
    assert found.pop("plain") == ""
    assert found.pop("frozen").startswith("frozen: ")
    assert found.pop("bare") == ""
    assert found.pop("tied").startswith("tied: its weight is used more than once")
    assert found == {"last": LAST}


def test_two_ways_of_looking_agree() -> None:
    model = backward(network(), batch())
    traced, ran = audit(model, rng=0), audit(model, example=batch(), rng=0)
    assert outcomes(traced) == outcomes(ran)


def test_a_frozen_first_layer_is_undone_from_the_second() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(FEATURES, 160), nn.ReLU(), nn.Linear(160, 400), nn.ReLU(), nn.Linear(400, 10)
    )
    model[0].requires_grad_(requires_grad=False)
    inputs = batch()
    found = audit(backward(model, inputs), rng=0)
    assert found.verdict is Exposure.EXPOSED
    second = found.layers[1]
    assert second.features == "behind Linear '0'"
    assert second.outcome == "6 of 6 certified, 6 of them chained to the data"
    assert found.to_dict()["layers"][1]["data_certified"] == 6
    assert second.chained is not None
    distance = np.linalg.norm(second.chained.inputs[:, None] - inputs[None], axis=2).min(axis=0)
    assert distance.max() < 1e-4 * np.linalg.norm(inputs, axis=1).min()


def test_features_that_do_not_determine_the_data_stay_features() -> None:
    model = network()
    model[0].requires_grad_(requires_grad=False)
    found = audit(backward(model, batch()), rng=0, time_limit=2.0)
    assert found.layers[1].chained is not None
    if found.layers[1].certified:
        assert found.verdict in {Exposure.FEATURES, Exposure.PARTLY_EXPOSED}
        assert "chained to the data" in found.layers[1].outcome


def test_pixels_come_back_through_a_standardisation() -> None:
    class Standardised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.tensor([0.5]).reshape(1, 1, 1, 1))
            self.fc, self.last = nn.Linear(144, 200), nn.Linear(200, 10)

        def forward(self, x: Any) -> Any:
            return self.last(self.fc(((x - self.mean) / 0.25).flatten(1)).relu())

    torch.manual_seed(0)
    pixels = images().sigmoid()
    found = audit(backward(Standardised(), pixels), rng=0)
    assert found.verdict is Exposure.EXPOSED
    chained = found.layers[0].chained
    assert chained is not None
    expected = pixels.flatten(1).numpy()
    assert np.abs(chained.inputs[:, None] - expected).max(axis=2).min(axis=0).max() < 1e-5


def test_tokens_behind_a_table_are_named() -> None:
    torch.manual_seed(0)

    class Mean(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.mean(dim=1)

    model = nn.Sequential(nn.Embedding(100, 32), nn.Linear(32, 120), nn.ReLU(), Mean(), nn.Linear(120, 10))
    tokens = torch.tensor([[5, 17, 99, 3], [8, 41, 0, 62]])
    model.zero_grad()
    nn.functional.cross_entropy(model(tokens), torch.tensor([0, 1])).backward()
    found = audit(model, rng=0)
    chained = next(one for one in found.layers if one.name == "1").chained
    assert chained is not None
    assert chained.matches is not None
    assert sorted(chained.matches.rows.tolist()) == sorted(tokens.flatten().tolist())
    assert chained.certified.all()
    assert found.verdict is Exposure.EXPOSED


def test_sentences_behind_a_table_are_read() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Embedding(100, 8), nn.Flatten(), nn.Linear(40, 150), nn.ReLU(), nn.Linear(150, 10)
    )
    sentences = torch.tensor([[5, 17, 99, 3, 3], [8, 41, 0, 62, 7], [1, 2, 3, 4, 5]])
    model.zero_grad()
    nn.functional.cross_entropy(model(sentences), torch.tensor([0, 1, 2])).backward()
    found = audit(model, rng=0)
    assert found.verdict is Exposure.EXPOSED
    chained = next(one for one in found.layers if one.name == "2").chained
    assert chained is not None
    assert chained.matches is not None
    assert sorted(chained.matches.rows.reshape(3, 5).tolist()) == sorted(sentences.tolist())

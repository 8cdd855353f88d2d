from typing import Any

import pytest

from spear_xp.errors import UpdateError
from spear_xp.updates.adapters.places import LAST
from spear_xp.updates.adapters.torch_module import gradients, is_module, names, places_of_module, weights
from tests.helpers.models import backward, batch, network
from tests.helpers.optional import need

torch = need("torch")
nn, functional = torch.nn, torch.nn.functional


def reasons(model: Any) -> dict[str, str]:
    return {place.name: place.reason for place in places_of_module(model)[0]}


def features(model: Any) -> dict[str, str]:
    return {place.name: place.features for place in places_of_module(model)[0]}


def one(*behind: Any, front: tuple[Any, ...] = (), bias: bool = True) -> Any:
    """A linear layer called fc with modules in front of it and behind it."""
    model = nn.Sequential()
    for k, module in enumerate(front):
        model.add_module(f"front{k}", module)
    model.add_module("fc", nn.Linear(20, 30, bias=bias))
    for k, module in enumerate(behind):
        model.add_module(f"behind{k}", module)
    model.add_module("last", nn.Linear(30, 10))
    return model


class Functional(nn.Module):
    """A network as people write it."""

    def __init__(self, activation: Any = functional.relu) -> None:
        super().__init__()
        self.body = nn.ModuleDict({"first": nn.Linear(20, 30), "second": nn.Linear(30, 15)})
        self.last = nn.Linear(15, 10)
        self.activation = activation

    def forward(self, x: Any) -> Any:
        x = self.activation(self.body["first"](x.view(x.size(0), -1)))
        return self.last(functional.dropout(self.body["second"](x).relu(), 0.5, self.training))


class Untraceable(nn.Module):
    """Its path hangs on its input."""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        self.net = nn.Sequential(*modules)

    def forward(self, x: Any) -> Any:
        return self.net(x if x.sum() > 0 else -x)


def test_weights_and_gradients_by_name() -> None:
    model = network()
    with pytest.raises(UpdateError, match="no parameter of the model has a gradient"):
        gradients(model)
    backward(model, batch())
    assert list(gradients(model)) == list(weights(model)) == names(model)
    assert not weights(model)["0.weight"].requires_grad
    assert is_module(model)
    assert not is_module({"0.weight": 1})


def test_a_sequence_of_layers() -> None:
    assert reasons(network()) == {"0": "", "2": "", "4": LAST}
    assert features(network()) == {"0": "", "2": "behind Linear '0'", "4": "behind Linear '2'"}


@pytest.mark.parametrize("activation", [functional.relu, torch.relu, nn.ReLU(), lambda x: x.relu()])
def test_functions_and_methods_count_as_modules(activation: Any) -> None:
    model = Functional(activation)
    assert reasons(model) == {"body.first": "", "body.second": "", "last": LAST}
    assert features(model)["body.first"] == ""
    assert features(model)["body.second"] == "behind Linear 'body.first'"


@pytest.mark.parametrize("front", [nn.Flatten(), nn.Identity(), nn.Dropout(0.0), nn.Unflatten(1, (4, 5))])
def test_what_changes_no_entry_leaves_the_data_as_they_are(front: Any) -> None:
    assert features(one(nn.ReLU(), front=(front,)))["fc"] == ""


def test_arithmetic_with_constants_leaves_data() -> None:
    class Standardised(nn.Module):
        def __init__(self, share: bool) -> None:
            super().__init__()
            self.fc, self.last, self.share = nn.Linear(20, 30), nn.Linear(30, 10), share
            self.register_buffer("mean", torch.ones(20))

        def forward(self, x: Any) -> Any:
            x = (x - self.mean) / 2
            x = x / x.sum() if self.share else x
            return self.last(self.fc(x).relu())

    assert features(Standardised(share=False))["fc"] == ""
    assert features(Standardised(share=True))["fc"] == "behind sum"


def test_dropout_passes_where_it_does_nothing() -> None:
    model = one(nn.Dropout(0.5), nn.ReLU(), front=(nn.Dropout(0.5),))
    assert features(model)["fc"] == "behind Dropout"
    assert features(model.eval())["fc"] == ""
    assert reasons(model)["fc"] == ""


@pytest.mark.parametrize(
    ("front", "text"),
    [
        ((nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()), "behind Conv2d 'front0'"),
        ((nn.LayerNorm(20),), "behind LayerNorm 'front0'"),
        ((nn.BatchNorm1d(20, affine=False),), "behind BatchNorm1d"),
        ((nn.Tanh(),), "behind Tanh"),
    ],
)
def test_what_stands_in_front_is_said(front: tuple[Any, ...], text: str) -> None:
    model = one(nn.ReLU(), front=front)
    assert features(model)["fc"] == text
    assert reasons(model)["fc"] == ""


@pytest.mark.parametrize(
    ("behind", "text"),
    [
        ((nn.GELU(),), "GELU follows it, not a ReLU"),
        ((nn.LeakyReLU(),), "LeakyReLU follows it"),
        ((nn.BatchNorm1d(30), nn.ReLU()), "BatchNorm1d follows it"),
        ((), "Linear follows it"),
        ((nn.Dropout(0.2), nn.Sigmoid()), "Sigmoid follows it"),
    ],
)
def test_layers_without_a_relu_say_what_follows(behind: tuple[Any, ...], text: str) -> None:
    assert text in reasons(one(*behind))["fc"]


def test_layers_that_are_not_fully_connected_say_so() -> None:
    found = reasons(one(nn.ReLU(), front=(nn.Conv2d(1, 4, 3), nn.LayerNorm(20))))
    assert found["front0"] == "Conv2d: no fully connected layer"
    assert found["front1"] == "LayerNorm: no fully connected layer"
    found = reasons(nn.Sequential(nn.Embedding(9, 20), nn.LSTM(20, 30)))
    assert found == {"0": "Embedding: no fully connected layer", "1": "LSTM: no fully connected layer"}


def test_layers_without_bias_frozen_or_tied() -> None:
    assert reasons(one(nn.ReLU(), bias=False))["fc"] == ""
    model = one(nn.ReLU())
    model.fc.requires_grad_(requires_grad=False)
    assert reasons(model)["fc"].startswith("frozen")
    square = nn.Linear(20, 20)
    twice = nn.Sequential(square, nn.ReLU(), square, nn.ReLU(), nn.Linear(20, 10))
    assert reasons(twice)["0"].startswith("tied")
    model = nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 10))
    model[2].weight = model[0].weight
    assert reasons(model)["0"].startswith("tied")
    assert reasons(model)["2"].startswith("tied")


def test_a_weight_that_is_computed_says_so() -> None:
    model = one(nn.ReLU())
    nn.utils.parametrizations.weight_norm(model.fc)
    assert reasons(model)["fc"] == "its weight is computed from other parameters"
    model = one(nn.ReLU())
    nn.utils.parametrize.register_parametrization(model.fc, "bias", nn.Tanh())
    assert reasons(model)["fc"] == "its bias is computed from other parameters"


def test_a_path_around_the_relu_is_seen() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.last = nn.Linear(20, 20), nn.Linear(20, 10)

        def forward(self, x: Any) -> Any:
            z = self.fc(x)
            return self.last(z + z.relu())

    assert "add follows it" in reasons(Residual())["fc"]


def test_reading_a_shape_is_no_path_around_the_relu() -> None:
    class Shaped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.last = nn.Linear(20, 30), nn.Linear(30, 10)

        def forward(self, x: Any) -> Any:
            z = self.fc(x)
            return self.last(z.relu() / z.shape[0] + z.size(0) / z.dim())

    assert reasons(Shaped())["fc"] == ""


def test_layers_as_functions_of_parameters() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(20, 30), nn.Linear(30, 10)

        def forward(self, x: Any) -> Any:
            hidden = functional.linear(x, self.first.weight, self.first.bias)
            return functional.linear(torch.relu(hidden), self.last.weight, self.last.bias)

    assert reasons(Bare()) == {"first": "", "last": LAST}


def test_a_model_that_cannot_be_traced_goes_by_the_order_of_its_modules() -> None:
    model = Untraceable(
        nn.Flatten(), nn.Linear(20, 30), nn.Dropout(0.1), nn.ReLU(), nn.Linear(30, 20), nn.GELU()
    )
    places, assumptions = places_of_module(model)
    assert [place.name for place in places] == ["net.1", "net.4"]
    assert places[0].reason == places[0].features == ""
    assert "GELU is defined after it" in places[1].reason
    assert "torch.fx cannot trace the model" in assumptions[0]
    assert reasons(Untraceable(nn.Conv2d(1, 2, 3), nn.Linear(20, 30)))["net.1"] == LAST
    assert reasons(Untraceable(nn.Linear(20, 30), nn.Linear(30, 20))) == {"net.0": "", "net.1": LAST}
    normed = Untraceable(nn.Tanh(), nn.Linear(20, 30), nn.BatchNorm1d(30), nn.ReLU(), nn.Linear(30, 20))
    assert reasons(normed)["net.1"] == "BatchNorm1d is defined after it, not a ReLU"
    assert features(normed)["net.1"] == "behind Tanh"


def test_wrappers_are_taken_off() -> None:
    model = nn.DataParallel(network())
    assert names(model) == names(model.module)
    assert reasons(model) == reasons(model.module)

import importlib
from typing import Any

import pytest

from spear_xp.errors import UpdateError
from spear_xp.updates.adapters.graphs.autograd import places_of_run
from spear_xp.updates.adapters.places import LAST, Place
from spear_xp.updates.adapters.torch_module import places_of_module
from tests.helpers.models import branching, lenet, network, transformer
from tests.helpers.optional import need

torch = need("torch")
nn, functional = torch.nn, torch.nn.functional


def run(model: Any, example: Any) -> dict[str, Place]:
    return {place.name: place for place in places_of_run(model, example)[0]}


def one(*behind: Any, front: tuple[Any, ...] = (), bias: bool = True) -> dict[str, Place]:
    """A linear layer called fc with modules in front of it and behind it."""
    named = {f"front{k}": module for k, module in enumerate(front)} | {"fc": nn.Linear(20, 30, bias=bias)}
    named |= {f"behind{k}": module for k, module in enumerate(behind)} | {"last": nn.Linear(30, 10)}
    model = nn.Sequential()
    for name, module in named.items():
        model.add_module(name, module)
    return run(model, torch.randn(4, 20))


@pytest.mark.parametrize("shape", [(4, 40), (40,), (4, 3, 40)])
def test_a_sequence_of_layers_is_read_as_by_tracing(shape: tuple[int, ...]) -> None:
    model = network()
    places, assumptions = places_of_run(model, torch.randn(shape))
    assert places == places_of_module(model)[0]
    assert "read off a run of the example" in assumptions[0]


def test_convolutions_are_read_as_by_tracing() -> None:
    model = lenet()
    assert places_of_run(model, torch.randn(2, 1, 12, 12))[0] == places_of_module(model)[0]


def test_branches_on_data_are_followed() -> None:
    found = run(branching(20), torch.randn(4, 20))
    assert {name: place.reason for name, place in found.items()} == {"first": "", "second": "", "last": LAST}
    assert found["first"].features == ""
    assert found["second"].features == "behind Linear 'first'"


@pytest.mark.parametrize("train", [True, False])
def test_the_block_of_a_transformer_is_opened(train: bool) -> None:
    found = run(transformer().train(train), torch.arange(20).reshape(2, 10))
    assert found["blocks.0.linear1"].reason == ""
    assert found["blocks.0.linear1"].features == "behind LayerNorm 'blocks.0.norm1'"
    assert found["blocks.0.linear2"].reason.startswith("Add follows it, not a ReLU")
    assert found["table"].reason == "Embedding: no fully connected layer"
    assert found["head"].reason == LAST
    found = run(transformer("gelu"), torch.arange(20).reshape(2, 10))
    assert found["blocks.0.linear1"].reason == "Gelu follows it, not a ReLU: no entry of its gradient is zero"


@pytest.mark.parametrize(
    ("front", "text"),
    [
        ((nn.LayerNorm(20),), "behind LayerNorm 'front0'"),
        ((nn.BatchNorm1d(20),), "behind BatchNorm1d 'front0'"),
        ((nn.BatchNorm1d(20, affine=False),), "behind NativeBatchNorm"),
        ((nn.Tanh(),), "behind Tanh"),
        ((nn.Flatten(), nn.Identity(), nn.Unflatten(1, (4, 5)), nn.Flatten()), ""),
    ],
)
def test_what_stands_in_front_is_said(front: tuple[Any, ...], text: str) -> None:
    assert one(nn.ReLU(), front=front)["fc"].features == text


def test_what_stands_behind_is_said() -> None:
    assert one(nn.ReLU())["fc"].reason == ""
    assert one(nn.GELU())["fc"].reason.startswith("Gelu follows it")
    assert one(nn.BatchNorm1d(30), nn.ReLU())["fc"].reason.startswith("NativeBatchNorm follows it")
    assert one()["fc"].reason.startswith("Addmm follows it")
    assert one(nn.ReLU(), bias=False)["fc"].reason == ""


def test_products_and_biases_apart_are_one_layer() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.last = nn.Linear(20, 30), nn.Linear(30, 10)

        def forward(self, x: Any) -> Any:
            return self.last((x @ self.fc.weight.T + self.fc.bias).relu())

    found = run(Bare(), torch.randn(4, 20))
    assert found["fc"] == Place("fc", "fc.weight", "fc.bias")


def test_frozen_tied_and_unused_layers_say_so() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.square, self.spare = nn.Linear(20, 20), nn.Linear(20, 20), nn.Linear(20, 20)
            self.norm, self.last = nn.LayerNorm(20), nn.Linear(20, 5)
            self.first.requires_grad_(requires_grad=False)

        def forward(self, x: Any) -> Any:
            return self.last(self.square(self.square(self.first(x).relu()).relu()).relu())

    found = run(Odd(), torch.randn(4, 20))
    assert found["first"].reason.startswith("frozen")
    assert found["square"].reason.startswith("tied")
    assert found["spare"].reason == "the example does not run through it"
    assert found["norm"].reason == "LayerNorm: no fully connected layer"


def test_a_weight_that_is_computed_says_so() -> None:
    prune = importlib.import_module("torch.nn.utils.prune")
    model = network()
    prune.l1_unstructured(model[2], "weight", amount=0.3)
    nn.utils.parametrizations.weight_norm(model[4])
    found = run(model, torch.randn(4, 40))
    assert found["0"].reason == ""
    assert found["2"].reason == found["4"].reason == "its weight is computed from other parameters"


def test_what_is_computed_from_data_stands_in_front() -> None:
    class Shifted(nn.Module):
        def __init__(self, share: bool) -> None:
            super().__init__()
            self.fc, self.last, self.share = nn.Linear(20, 30), nn.Linear(30, 10), share

        def forward(self, x: Any) -> Any:
            x = (x - 0.5) / 2
            x = x / x.sum() if self.share else x
            return {"out": [self.last(self.fc(x).relu())], "more": None}

    assert run(Shifted(share=False), torch.randn(4, 20))["fc"].features == ""
    assert run(Shifted(share=True), torch.randn(4, 20))["fc"].features == "behind Sum"


def test_a_run_changes_nothing() -> None:
    model = nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30), nn.Dropout(0.5), nn.Linear(30, 10))
    before = {name: one.clone() for name, one in model.state_dict().items()}
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    run(model, torch.randn(4, 20, generator=torch.Generator().manual_seed(0)))
    assert torch.rand(1) == expected
    assert all(p.grad is None for p in model.parameters())
    assert all((before[name] == one).all() for name, one in model.state_dict().items())


def test_examples_come_in_several_forms() -> None:
    model = network()
    array = torch.randn(4, 40).numpy()
    assert run(model, array) == run(model, (array,)) == run(model, {"input": array})
    with pytest.raises(UpdateError, match="example: the model does not take it"):
        run(model, torch.randn(4, 41))

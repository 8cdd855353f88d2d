from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spear_xp import invert
from spear_xp.errors import ArgumentRangeError, SpearError, UpdateError
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.models import FEATURES, assert_batch, backward, batch, network, state, train
from tests.helpers.optional import need

SHAPES = {"fc1.weight": (30, 20), "fc1.bias": (30,), "fc2.weight": (10, 30), "fc2.bias": (10,)}


def draw(seed: int, size: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: size * rng.standard_normal(shape) for name, shape in SHAPES.items()}


def test_a_module_with_gradients_comes_back_exactly() -> None:
    model = backward(network(), batch())
    found = read(model)
    assert [update.name for update in found] == ["0", "2"]
    first = next(iter(found))
    assert first.grad_w.data_ptr() == model[0].weight.grad.data_ptr()
    assert_batch(first, batch())
    assert found.head is not None


def test_gradients_in_a_state_dict_come_back_exactly() -> None:
    model = backward(network(), batch())
    gradient = {name: one.grad for name, one in model.named_parameters()}
    assert_batch(next(iter(read(gradient, model))), batch())
    assert_batch(next(iter(read(gradient, state(model)))), batch())
    assert_batch(next(iter(read(gradient, model=model))), batch())


@pytest.mark.parametrize("form", ["bfloat16", "float16", "sparse", "negative"])
def test_gradients_in_other_formats_keep_their_sign(form: str) -> None:
    torch = need("torch")
    model = backward(network(), batch())
    gradient = {name: one.grad for name, one in model.named_parameters()}
    plain = gradient["0.weight"]
    gradient["0.weight"] = {
        "bfloat16": plain.bfloat16,
        "float16": lambda: (100 * plain).half() / 100,
        "sparse": plain.to_sparse,
        "negative": lambda: torch.complex(torch.zeros_like(plain), -plain).conj().imag,
    }[form]()
    update = next(iter(read(gradient, model)))
    if form in {"sparse", "negative"}:
        assert_batch(update, batch())
        return
    result = invert(update, rng=0, time_limit=2.0)
    found = np.asarray(result.inputs, dtype=float)
    assert len(found) == len(batch())
    distance = np.linalg.norm(found[:, None] - batch()[None], axis=2).min(axis=0)
    assert distance.max() < 0.05 * FEATURES**0.5


@pytest.mark.parametrize(
    ("lr", "steps", "options"),
    [
        (0.1, 1, {}),
        (0.01, 1, {}),
        (0.01, 3, {}),
        (0.05, 1, {"weight_decay": 0.05}),
        (0.01, 3, {"momentum": 0.9}),
    ],
)
def test_weights_after_steps_of_sgd_come_back(lr: float, steps: int, options: dict[str, float]) -> None:
    torch = need("torch")
    model = network()
    before = state(model)
    after = train(model, batch(), torch.optim.SGD(model.parameters(), lr=lr, **options), steps)
    found = read(after, before, model=model, training=Training(lr=lr, steps=steps, **options))
    assert_batch(next(iter(found)), batch(), certified=steps == 1)
    same = read(model, before, training=Training(lr=lr, steps=steps, **options))
    np.testing.assert_array_equal(next(iter(same)).grad_w, next(iter(found)).grad_w)


def test_the_learning_rate_is_only_a_unit() -> None:
    torch = need("torch")
    model = network()
    before = state(model)
    after = train(model, batch(), torch.optim.SGD(model.parameters(), lr=0.1))
    for lr in (0.1, 7.0):
        assert_batch(next(iter(read(after, before, training=Training(lr=lr)))), batch())


def test_adam_is_said_and_not_guessed() -> None:
    torch = need("torch")
    model = network()
    before = state(model)
    after = train(model, batch(), torch.optim.Adam(model.parameters(), lr=1e-3))
    with pytest.raises(UpdateError, match="Adam"):
        read(after, before, training=Training(lr=1e-3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for seed in range(4):  # other batches: no two entries are of one size any more
        after = train(model, batch(seed), optimizer)
    update = next(iter(read(after, before, training=Training(lr=1e-3, steps=5))))
    assert not invert(update, rng=0, time_limit=1.0).certified.any()


def test_a_trained_module_needs_the_weights_before() -> None:
    model = backward(network(), batch())
    with pytest.raises(UpdateError, match="need the weights before the step"):
        read(model, training=Training(lr=0.1))
    update = next(iter(read(model, kind="gradient", training=Training(lr=0.1))))
    assert update.grad_w.data_ptr() == model[0].weight.grad.data_ptr()


@pytest.mark.parametrize("prefix", ["module.", "state_dict.model."])
def test_names_may_have_a_prefix_on_one_side(prefix: str) -> None:
    sent, start = draw(1, 1e-3), draw(0)
    longer = {f"{prefix}{name}": one for name, one in sent.items()}
    assert next(iter(read(longer, start))).grad_w is sent["fc1.weight"]
    longer = {f"{prefix}{name}": one for name, one in start.items()}
    assert next(iter(read(sent, longer))).grad_w is sent["fc1.weight"]


def test_lists_take_the_names_of_whatever_has_some() -> None:
    sent, start = draw(1, 1e-3), draw(0)
    for pair in (
        (list(sent.values()), start),
        (sent, list(start.values())),
        ({str(k): one for k, one in enumerate(sent.values())}, start),
    ):
        assert next(iter(read(*pair))).name == "fc1"
    found = read(list(sent.values()), list(start.values()), names=list(start))
    assert next(iter(found)).name == "fc1"


def test_four_arrays_are_one_layer(layer: LayerGradient) -> None:
    names = ("grad_w", "grad_b", "weight", "bias")
    arrays = dict(zip(names, layer.observed, strict=True)) | {"noise": np.float64(1e-9)}
    (update,) = found = read(arrays)
    assert update.grad_w is layer.grad_w
    assert update.noise == 1e-9
    observed = np.ones(layer.grad_w.shape, dtype=bool)
    (update,) = read(arrays | {"observed": observed})
    assert update.observed is observed
    assert found.layers[0].features == ""
    assert "first of its model" in found.assumptions[0]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((draw(1),), {}, UpdateError, "weights=None: need the weights"),
        (({}, {}), {}, UpdateError, "holds no arrays"),
        ((draw(1), draw(0)), {"kind": "weights"}, UpdateError, "holds weights: need training"),
        ((draw(1), draw(0)), {"kind": "update"}, ArgumentRangeError, "kind='update': need one of gradient"),
        ((draw(1), draw(0)), {"layout": "jax"}, ArgumentRangeError, "layout='jax'"),
        ((draw(1), draw(0)), {"model": 3}, UpdateError, "model is int"),
        ((3, draw(0)), {}, UpdateError, "int: need a model, arrays by name"),
        (([1, 2], draw(0)), {}, UpdateError, "list: need a model"),
        (([np.ones(2)], draw(0)), {}, UpdateError, "1 arrays came and 4 names are known"),
        (({"other": np.ones(2)}, draw(0)), {}, UpdateError, "arrays other, ...: need those of the model"),
    ],
)
def test_bad_input_is_named(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[SpearError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(*arguments, **options)


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match=r"nothing.npz"):
        read(tmp_path / "nothing.npz")


def test_weights_without_arrays_say_so() -> None:
    with pytest.raises(UpdateError, match="weights hold no arrays"):
        read([np.ones((3, 4)), np.ones(3)], {})


def test_kinds_of_features_are_handed_on(layer: LayerGradient) -> None:
    arrays = dict(zip(("grad_w", "grad_b", "weight", "bias"), layer.observed, strict=True))
    kinds = ["real"] * layer.grad_w.shape[1]
    (update,) = read(arrays, feature_kinds=kinds)
    assert update.feature_kinds == kinds
    sent, before = draw(0), draw(1)
    (first, *deeper) = read(sent, before, feature_kinds=["real"] * FEATURES)
    assert first.feature_kinds == ["real"] * FEATURES
    assert all(one.feature_kinds is None for one in deeper)

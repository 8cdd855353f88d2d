from typing import Any

import numpy as np
import pytest

from spear_xp.errors import UpdateError
from spear_xp.updates.adapters.assemble import NO_BIAS_SENT, NOT_SENT, UNCHANGED, assemble
from spear_xp.updates.adapters.places import LAST, Place
from spear_xp.updates.adapters.training import Training
from spear_xp.updates.model_update import ModelUpdate
from tests.helpers.optional import need

PLACES = (Place("a", "a.weight", "a.bias"), Place("b", "b.weight", "b.bias", LAST, "behind 'a'"))
SHAPES = {"a.weight": (30, 20), "a.bias": (30,), "b.weight": (10, 30), "b.bias": (10,)}


def draw(seed: int, size: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: size * rng.standard_normal(shape) for name, shape in SHAPES.items()}


def put(sent: dict[str, Any], kind: Any = "gradient", **options: Any) -> ModelUpdate:
    given: dict[str, Any] = {"training": None, "layout": None, "assumptions": ("one",)} | options
    return assemble(PLACES, sent, draw(0), kind=kind, **given)


def test_a_gradient_is_handed_on_as_it_is() -> None:
    sent = draw(1, 1e-3)
    found = put(sent)
    (update,) = found
    assert update.grad_w is sent["a.weight"]
    assert (update.name, update.assumptions, update.weight_after) == ("a", ("one",), None)
    assert found.head is not None
    assert found.head.grad_b is sent["b.bias"]
    assert found.skipped == {"b": LAST}
    assert [layer.features for layer in found.layers] == ["", "behind 'a'"]
    assert found.layers[1].shape == (10, 30)


def test_weights_and_differences_are_the_same_update() -> None:
    start, gradient = draw(0), draw(1, 1e-3)
    training = Training(lr=0.5, steps=2)
    after = {name: start[name] - 0.5 * gradient[name] for name in start}
    change = {name: -0.5 * gradient[name] for name in start}
    for kind, sent in (("weights", after), ("difference", change)):
        (update,) = found = put(sent, kind, training=training)
        np.testing.assert_allclose(update.grad_w, gradient["a.weight"], atol=1e-12)
        np.testing.assert_allclose(update.grad_b, gradient["a.bias"], atol=1e-12)
        np.testing.assert_allclose(update.weight_after, after["a.weight"], rtol=1e-12)
        np.testing.assert_allclose(update.bias_after, after["a.bias"], rtol=1e-12)
        assert update.noise is None
        assert found.assumptions == ("one", *training.assumptions)


def test_what_was_not_sent_or_did_not_change_is_frozen() -> None:
    sent = draw(1, 1e-3)
    assert put({name: sent[name] for name in ("b.weight", "b.bias")}).skipped["a"] == NOT_SENT
    sent["a.weight"] = np.zeros((30, 20))
    assert put(sent).skipped["a"] == UNCHANGED


@pytest.mark.parametrize("kind", ["gradient", "weights", "difference"])
def test_a_bias_that_was_not_sent_is_taken_to_have_stayed(kind: Any) -> None:
    training = None if kind == "gradient" else Training(lr=0.5)
    sent = {"weights": lambda: {name: a - 1e-3 * draw(1)[name] for name, a in draw(0).items()}}
    arrays = sent.get(kind, lambda: draw(1, 1e-3))()
    del arrays["a.bias"], arrays["b.bias"]
    found = put(arrays, kind, training=training)
    (update,) = found
    assert update.grad_b is None
    np.testing.assert_array_equal(update.bias, draw(0)["a.bias"])
    assert update.assumptions[-1] == NO_BIAS_SENT
    if kind != "gradient":
        np.testing.assert_array_equal(update.bias_after, draw(0)["a.bias"])
    assert found.head is not None
    assert found.head.grad_b is None


@pytest.mark.parametrize("kind", ["gradient", "weights", "difference"])
def test_a_layer_without_a_bias_has_none(kind: Any) -> None:
    training = None if kind == "gradient" else Training(lr=0.5)
    places = (Place("a", "a.weight", ""), PLACES[1])
    sent = draw(1, 1e-3)
    if kind == "weights":
        sent = {name: a - 1e-3 * draw(1)[name] for name, a in draw(0).items()}
    (update,) = assemble(
        places, sent, draw(0), kind=kind, training=training, layout=None, assumptions=("one",)
    )
    assert (update.grad_b, update.bias, update.bias_after) == (None, None, None)
    assert (update.weight_after is None) == (kind == "gradient")
    assert set(update.arrays) == {"grad_w", "weight", *(() if kind == "gradient" else ("weight_after",))}


def test_other_shapes_are_named() -> None:
    sent = draw(1, 1e-3) | {"a.weight": np.ones((30, 19))}
    with pytest.raises(UpdateError, match=r"a\.weight was sent with shape \(30, 19\): need \(30, 20\)"):
        put(sent)


def test_weights_are_not_taken_for_gradients_and_the_other_way_round() -> None:
    near = {name: 0.99 * one for name, one in draw(0).items()}
    with pytest.raises(UpdateError, match=r"a.weight as sent is nearly that before: need kind='weights'"):
        put(near)
    with pytest.raises(UpdateError, match="far smaller than before the step: need kind='difference'"):
        put(draw(1, 1e-3), "weights", training=Training(lr=0.1))


def test_steps_of_adam_are_said_and_not_guessed() -> None:
    sent = {name: one - 1e-3 * np.sign(draw(1)[name]) for name, one in draw(0).items()}
    with pytest.raises(UpdateError, match=r"change of a.weight have the same size: .*Adam"):
        put(sent, "weights", training=Training(lr=1e-3))


def test_arrays_of_two_libraries_meet_in_numpy() -> None:
    strict = need("array_api_strict")
    sent = {name: strict.asarray(one) for name, one in draw(1, 1e-3).items()}
    (update,) = put(sent)
    assert all(isinstance(one, np.ndarray) for one in update)

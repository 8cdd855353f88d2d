from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import spear_xp
from spear_xp import Exposure, Status, audit, errors
from spear_xp.solver.result import Progress
from spear_xp.updates.adapters import Training
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.model_update import ModelLayer, ModelUpdate
from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.models import backward, batch, network, state, train
from tests.helpers.optional import need
from tests.helpers.tables import small_table


@pytest.fixture
def update(layer: LayerGradient) -> LayerUpdate:
    return LayerUpdate(*layer.observed, name="fc1")


def model_of(*updates: LayerUpdate | None) -> ModelUpdate:
    return ModelUpdate(
        tuple(
            ModelLayer(f"fc{k}", (90, 40), one, "" if one else "no ReLU", "behind 'fc'" if k else "")
            for k, one in enumerate(updates)
        )
    )


def test_one_layer_is_exposed(update: LayerUpdate) -> None:
    found = audit(update, rng=0)
    assert found.verdict is Exposure.EXPOSED
    assert found.layers[0].name == "fc1"
    assert found.layers[0].result is not None
    assert found.layers[0].result.status is Status.EXACT
    assert found.labels is None
    assert 0 < found.seconds < 60


def test_a_layer_without_a_bias_gradient_is_exposed_up_to_scale(update: LayerUpdate) -> None:
    found = audit(replace(update, grad_b=None), rng=0)
    assert found.verdict is Exposure.SCALE_OPEN
    assert "6 up to their scale" in found.layers[0].outcome


def test_deeper_layers_are_features(update: LayerUpdate) -> None:
    found = audit(model_of(None, update), rng=0)
    assert found.verdict is Exposure.FEATURES
    assert found.layers[0].outcome == "not searched: no ReLU"
    assert found.layers[1].features == "behind 'fc'"


def test_a_layer_that_cannot_be_searched_says_why(update: LayerUpdate) -> None:
    rng = np.random.default_rng(0)
    full = LayerUpdate(rng.standard_normal((20, 40)), *(rng.standard_normal(s) for s in (20, (20, 40), 20)))
    found = audit(model_of(full, update), rng=0)
    assert found.layers[0].result is None or not found.layers[0].certified
    assert found.layers[1].certified == 6
    broken = LayerUpdate(np.full((3, 3), np.nan), np.ones(3), np.ones((3, 3)), np.ones(3))
    found = audit(broken)
    assert found.verdict is Exposure.NOT_APPLICABLE
    assert "NaN" in found.layers[0].reason


def test_the_time_limit_is_that_of_all_layers(layer: LayerGradient) -> None:
    wrong = LayerUpdate(layer.grad_w, layer.grad_b, -layer.weight, -layer.bias)
    found = audit(model_of(wrong, wrong, wrong), time_limit=1.2, rng=0)
    assert found.seconds < 1.2 * 1.1 + 3 * 0.25
    assert all(one.result is not None for one in found.layers)
    assert found.verdict is Exposure.UNPROVEN
    found = audit(model_of(wrong, wrong), time_limit=1e-4, rng=0)
    assert found.layers[1].reason.startswith("no time was left")


def test_an_interruption_ends_the_audit(update: LayerUpdate) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    found = audit(model_of(update, update), on_progress=interrupt)
    assert found.layers[0].result is not None
    assert found.layers[0].result.status is Status.INTERRUPTED
    assert found.layers[1].reason == "the audit was interrupted"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_limit": 0.0}, "time_limit=0.0: need"),
        ({"search": "magic"}, "search='magic': need"),
        ({"weights": {}}, "weights is given beside a LayerUpdate"),
        ({"layout": "torch"}, "layout is given beside a LayerUpdate"),
    ],
)
def test_options_out_of_range_raise(update: LayerUpdate, options: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.ArgumentRangeError, match=message):
        audit(update, **options)


def test_a_module_of_torch_with_its_labels() -> None:
    found = audit(backward(network(), batch()), rng=0, time_limit=4.0)
    assert found.verdict is Exposure.EXPOSED
    assert [one.features for one in found.layers] == ["", "behind Linear '0'", "behind Linear '2'"]
    assert found.labels == (0, 1, 2)
    assert "EXPOSED" in found.summary()


def test_weights_before_and_after() -> None:
    torch = need("torch")
    model = network()
    before = state(model)
    after = train(model, batch(), torch.optim.SGD(model.parameters(), lr=0.1))
    found = audit(after, before, model=model, training=Training(lr=0.1), rng=0, time_limit=4.0)
    assert found.verdict is Exposure.EXPOSED
    assert found.labels == (0, 1, 2)
    assert any("SGD with lr=0.1" in text for text in found.assumptions)


def test_a_convolution_in_front_leaves_features() -> None:
    torch = need("torch")
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 200), nn.ReLU(), nn.Linear(200, 10)
    )
    images = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = audit(backward(model, images), rng=0)
    assert found.verdict is Exposure.FEATURES
    assert found.layers[0].outcome.endswith("no fully connected layer")
    assert found.layers[1].outcome == "6 of 6 certified"


def test_the_audit_is_public() -> None:
    assert spear_xp.audit is audit


def test_kinds_of_features_reach_the_search_of_the_first_layer(update: LayerUpdate) -> None:
    kinds = ["real"] * 40
    for found in (
        audit(update, rng=0, feature_kinds=kinds),
        audit(replace(update, feature_kinds=kinds), rng=0),
    ):
        assert found.layers[0].result is not None
        assert "feature_kinds=['real', " in found.layers[0].result.trace.call
    short = audit(update, rng=0, feature_kinds=["real"] * 3)
    assert short.layers[0].reason == "feature_kinds has 3 entries: need 40"
    with pytest.raises(errors.ArgumentRangeError, match="feature_kinds"):
        audit(update, feature_kinds=["number"] * 40)
    with pytest.raises(errors.UpdateError, match="feature_kinds is given"):
        audit(model_of(None, update), feature_kinds=kinds)


def test_a_table_is_searched_with_the_layers_behind() -> None:
    table = small_table(batch=20, width=400)
    first = LayerUpdate(*table.observed, name="fc1")
    rest = [LayerUpdate(0 * weight, 0 * bias, weight, bias) for weight, bias in table.behind]
    layers = (
        ModelLayer("fc1", first.weight.shape, first),
        ModelLayer("fc2", rest[0].weight.shape, rest[0], "", "behind 'fc1'"),
        ModelLayer("fc3", rest[1].weight.shape, None, "the last layer", "behind 'fc2'"),
    )
    model = ModelUpdate(layers, head=replace(rest[1], name="fc3"))
    with_size, without = (audit(model, rng=0, time_limit=20.0, batch_size=size) for size in (20, None))
    assert with_size.layers[0].result is not None
    assert without.layers[0].result is not None
    assert with_size.layers[0].result.status is Status.EXACT
    assert without.layers[0].result.status is not Status.EXACT

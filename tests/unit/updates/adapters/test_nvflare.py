from typing import Any

import numpy as np
import pytest

from spear_xp.errors import UpdateError
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.adapters.nvflare import arrays_of, is_model
from tests.helpers.models import assert_batch, batch, network, state, train
from tests.helpers.optional import need

ARRAYS = {"fc.weight": np.eye(3), "fc.bias": np.ones(3)}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"data_kind": "WEIGHTS", "data": ARRAYS}, "weights"),
        ({"kind": "WEIGHT_DIFF", "data": ARRAYS, "meta": {"NUM_STEPS_CURRENT_ROUND": 3}}, "difference"),
        ({"DXO": {"kind": "WEIGHT_DIFF", "data": ARRAYS, "meta": {}}}, "difference"),
        ({"params_type": "FULL", "params": ARRAYS, "meta": None}, "weights"),
        ({"params_type": "DIFF", "params": ARRAYS}, "difference"),
    ],
)
def test_dictionaries_of_its_forms(source: dict[str, Any], kind: str) -> None:
    assert is_model(source)
    found, said = arrays_of(source)
    assert said == kind
    assert list(found) == list(ARRAYS)


def test_other_dictionaries_are_none_of_its() -> None:
    assert not is_model(ARRAYS)
    assert not is_model({"data": ARRAYS})
    assert not is_model([ARRAYS])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"data_kind": "METRICS", "data": {"loss": 1.0}}, "data_kind='METRICS'.*need WEIGHTS"),
        ({"data_kind": "WEIGHTS", "data": [1]}, "with list"),
        (
            {"data_kind": "WEIGHTS", "data": ARRAYS, "meta": {"PROCESSED_ALGORITHM": "HE"}},
            "transformed by 'HE'",
        ),
    ],
)
def test_what_holds_no_plain_weights_is_refused(source: dict[str, Any], message: str) -> None:
    with pytest.raises(UpdateError, match=message):
        arrays_of(source)


def states() -> tuple[Any, dict[str, Any], dict[str, Any]]:
    torch = need("torch")
    model = network()
    before = {name: one.numpy() for name, one in state(model).items()}
    after = train(model, batch(), torch.optim.SGD(model.parameters(), lr=0.1))
    return model, before, {name: one.numpy() for name, one in after.items()}


@pytest.mark.parametrize("kind", ["WEIGHTS", "WEIGHT_DIFF"])
def test_what_a_client_sends_comes_back_exactly(kind: str) -> None:
    dxo = need("nvflare.apis.dxo")
    model, before, after = states()
    data = after if kind == "WEIGHTS" else {name: after[name] - before[name] for name in after}
    sent = dxo.DXO(getattr(dxo.DataKind, kind), data=data)
    for form in (sent, sent.to_shareable()):
        found = read(form, before, model=model, training=Training(lr=0.1))
        assert_batch(next(iter(found)), batch())
        np.testing.assert_allclose(next(iter(found)).weight_after, after["0.weight"], rtol=1e-6)


@pytest.mark.parametrize("kind", ["FULL", "DIFF"])
def test_a_model_of_the_client_interface(kind: str) -> None:
    fl_model = need("nvflare.app_common.abstract.fl_model")
    _, before, after = states()
    data = after if kind == "FULL" else {name: after[name] - before[name] for name in after}
    sent = fl_model.FLModel(params_type=kind, params=data)
    assert_batch(next(iter(read(sent, before, training=Training(lr=0.1)))), batch())


def test_what_was_transformed_by_the_library_itself_is_refused() -> None:
    dxo = need("nvflare.apis.dxo")
    sent = dxo.DXO(dxo.DataKind.WEIGHTS, data=ARRAYS)
    sent.set_meta_prop(dxo.MetaKey.PROCESSED_ALGORITHM, "HE")
    with pytest.raises(UpdateError, match="transformed by 'HE'"):
        read(sent, ARRAYS, training=Training(lr=0.1))

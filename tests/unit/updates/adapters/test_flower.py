from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from spear_xp.errors import UpdateError
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.adapters.flower import arrays_of, is_record
from tests.helpers.models import assert_batch, batch, network, state, train
from tests.helpers.optional import need


def stored(array: np.ndarray, *, pickled: bool = False) -> bytes:
    stream = BytesIO()
    np.save(stream, array, allow_pickle=pickled)
    return stream.getvalue()


@dataclass
class Parameters:
    """The form of the class of that name in Flower."""

    tensors: list[bytes]
    tensor_type: str = "numpy.ndarray"


Parameters.__module__ = "flwr.common.typing"


@dataclass
class FitRes:
    parameters: Parameters
    metrics: dict[str, float] = field(default_factory=dict)


FitRes.__module__ = "flwr.common.typing"


def test_parameters_are_read_without_flower() -> None:
    values = [np.eye(2), np.ones(2)]
    for source in (Parameters([stored(one) for one in values]), FitRes(Parameters([stored(values[0])]))):
        assert is_record(source)
        np.testing.assert_array_equal(arrays_of(source)["0"], values[0])
    assert not is_record(values)


def test_pickled_and_damaged_arrays_are_refused_by_name() -> None:
    with pytest.raises(UpdateError, match=r"array '1' cannot be read: .*allow_pickle"):
        arrays_of(Parameters([stored(np.eye(2)), stored(np.array([{}], dtype=object), pickled=True)]))
    with pytest.raises(UpdateError, match="array '0' cannot be read"):
        arrays_of(Parameters([stored(np.eye(2))[:-9]]))
    with pytest.raises(UpdateError, match="array '0' cannot be read"):
        arrays_of(Parameters([b""]))
    with pytest.raises(UpdateError, match="stored as 'protobuf'"):
        arrays_of(Parameters([b""], "protobuf"))


def round_of(seed: int = 0) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    torch = need("torch")
    model = network(seed=seed)
    before = state(model)
    return model, before, train(model, batch(), torch.optim.SGD(model.parameters(), lr=0.1))


def test_a_record_of_a_state_dict_comes_back_exactly() -> None:
    flwr = need("flwr.app")
    model, before, after = round_of()
    sent, start = (flwr.ArrayRecord(torch_state_dict=one) for one in (after, before))
    found = read(sent, start, model=model, training=Training(lr=0.1))
    assert [update.name for update in found] == ["0", "2"]
    assert_batch(next(iter(found)), batch())
    np.testing.assert_array_equal(next(iter(found)).weight_after, after["0.weight"])


def test_a_record_of_arrays_goes_by_the_order_of_the_model() -> None:
    flwr = need("flwr.app")
    model, before, after = round_of()
    sent = flwr.ArrayRecord([one.numpy() for one in after.values()])
    for start in (before, [one.numpy() for one in before.values()]):
        assert_batch(next(iter(read(sent, start, model=model, training=Training(lr=0.1)))), batch())


def test_a_list_of_arrays_needs_no_model() -> None:
    _, before, after = round_of()
    lists = [[one.numpy() for one in values.values()] for values in (after, before)]
    found = read(*lists, names=list(before), training=Training(lr=0.1))
    assert_batch(next(iter(found)), batch())
    assert [update.name for update in read(*lists, training=Training(lr=0.1))] == ["array 0", "array 2"]


def test_the_parameters_of_older_servers() -> None:
    flwr = need("flwr.common")
    model, before, after = round_of()
    sent = flwr.ndarrays_to_parameters([one.numpy() for one in after.values()])
    assert_batch(next(iter(read(sent, before, model=model, training=Training(lr=0.1)))), batch())

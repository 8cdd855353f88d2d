import math

import numpy as np
import pytest

from spear_xp import estimate
from spear_xp.auditing import breakdown, defences
from spear_xp.auditing.breakdown import FORECAST, breakdowns
from spear_xp.auditing.mechanisms import DEFENCES, Clients
from spear_xp.errors import RankError
from spear_xp.numerics.backend import space_of
from spear_xp.updates.network import Network
from spear_xp.updates.synthetic import gaussian_inputs


def clients(features: int = 60, batch: int = 8, width: int = 200) -> Clients:
    host = np.random.default_rng(0)
    records = gaussian_inputs(80, features, rng=0)
    net = Network.drawn(space_of(records), (features, width, width, 10), host, records.dtype)
    return Clients(net, records, host.integers(0, 10, 80), batch, host)


def test_strengths_are_those_of_the_forecast() -> None:
    given = clients()
    found = breakdowns(given, time_limit=20.0)
    forecast = estimate(DEFENCES["batch"].send(given, 8).update, time_limit=20.0)
    assert tuple(found) == FORECAST
    assert found["noise"] == pytest.approx(forecast.noise_edge, rel=0.2)
    assert 0.01 < found["noise"] < 1
    assert found["clients"] == found["batch"] / 8


def test_so_many_bits_are_as_much_noise() -> None:
    given = clients()
    found = breakdowns(given, time_limit=20.0)
    entries = DEFENCES["batch"].send(given, 8).both[:, :-1]
    step = np.ptp(entries) / (2 ** found["quantise"] - 1)
    assert step / math.sqrt(12) / np.sqrt((entries**2).mean()) == pytest.approx(found["noise"])


def test_a_batch_has_no_more_rank_than_features() -> None:
    assert breakdowns(clients(features=20), time_limit=20.0)["batch"] <= 20


def test_where_nothing_can_be_forecast_there_is_no_strength(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RankError

    monkeypatch.setattr(breakdown, "estimate", refuse)
    assert all(map(math.isnan, breakdowns(clients(), time_limit=1.0).values()))


def test_recovery_ends_near_the_forecast() -> None:
    edge = breakdowns(clients(), time_limit=20.0)["noise"]
    found = defences.sweep(
        gaussian_inputs(80, 60, rng=0),
        defences={"noise": (edge / 10, 10 * edge)},
        batch_size=8,
        width=200,
        seeds=(0,),
        time_limit=4.0,
    )
    quiet, loud = found.curve("noise")
    assert quiet.recovered == 1.0
    assert loud.recovered < 0.5
    assert found.breakdown("noise") == pytest.approx(quiet.breakdown)
    assert quiet.strength < found.breakdown("noise") < loud.strength

"""What each defence sends, and the truth that goes with it."""

import numpy as np
import pytest

from spear_xp import errors
from spear_xp.auditing.mechanisms import DEFENCES, Clients
from spear_xp.numerics.backend import space_of
from spear_xp.updates.network import Network
from spear_xp.updates.synthetic import gaussian_inputs


@pytest.fixture(scope="module")
def clients() -> Clients:
    records = gaussian_inputs(60, 30, rng=0)
    rng = np.random.default_rng(0)
    net = Network.drawn(space_of(records), (30, 80, 80, 5), rng, records.dtype)
    return Clients(net, records, rng.integers(0, 5, 60), 6, np.random.default_rng(1))


@pytest.mark.parametrize("name", sorted(DEFENCES))
def test_updates_have_the_shape_of_the_layer_and_zeros_where_nobody_is_active(
    name: str, clients: Clients
) -> None:
    defence = DEFENCES[name]
    for strength in defence.strengths[::2]:
        sent = defence.send(clients, min(strength, 10) if name == "batch" else strength)
        assert sent.grad_w.shape == (80, 30)
        assert all(array.dtype == np.float32 for array in sent.update)
        assert sent.zero_pattern.shape == (80, len(sent.inputs))
        if name in {"batch", "clients", "clip samples", "local steps"}:  # nothing is done to single entries
            assert np.abs(sent.both[sent.zero_pattern.all(axis=1)]).max(initial=0) == 0


def test_defences_do_what_they_say(clients: Clients) -> None:
    def sent(name: str, strength: float) -> np.ndarray:
        return DEFENCES[name].send(clients, strength).both

    plain = sent("batch", 6)
    assert (sent("top-k", 0.1) != 0).mean() == pytest.approx(0.1, abs=0.01)
    assert (np.abs(sent("clip entries", 0.1)) == np.abs(sent("clip entries", 0.1)).max()).mean() > 0.09
    assert len(np.unique(sent("quantise", 4)[:, :-1])) <= 17
    assert np.std(sent("noise", 0.1) - plain) == pytest.approx(
        0.1 * np.sqrt((plain[:, :-1] ** 2).mean()), rel=0.1
    )
    np.testing.assert_allclose(sent("clip samples", 1e6), plain, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(sent("local steps", 1), plain, atol=1e-5)
    np.testing.assert_allclose(sent("clients", 2), sent("batch", 12), rtol=1e-4, atol=1e-8)


def test_who_knows_the_defence_knows_which_entries_came_as_they_were(clients: Clients) -> None:
    plain = DEFENCES["batch"].send(clients, 6)
    assert plain.update.observed is None
    for name, strength in (("top-k", 0.3), ("clip entries", 1e-3)):
        sent = DEFENCES[name].send(clients, strength)
        observed = sent.update.observed
        assert 0 < (~observed).sum() < observed.size
        assert (sent.both[observed] == plain.both[observed]).all()
        sizes = np.abs(sent.both[~observed])
        assert (sizes == (0 if name == "top-k" else sizes.max())).all()


def test_too_few_records_are_refused(clients: Clients) -> None:
    with pytest.raises(errors.ArgumentRangeError, match="60 are given, an update needs 96"):
        DEFENCES["batch"].send(clients, 96)

"""Gradients and steps of a drawn network, against the network that the tests write apart from the library."""

import numpy as np

from spear_xp.numerics.backend import space_of
from spear_xp.updates.network import Network
from tests.helpers.networks import Network as Apart

SIZES = (7, 11, 9, 4)


def drawn(dtype: str = "float64") -> tuple[Network, Apart]:
    rng = np.random.default_rng(0)
    net = Network.drawn(space_of(np.zeros(1)), SIZES, rng, np.dtype(dtype))
    return net, Apart(list(net.weights), list(net.biases))


def test_gradients_of_all_layers() -> None:
    net, apart = drawn()
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((5, 7)), rng.integers(0, 4, 5)
    for (hidden, delta), (grad_w, grad_b) in zip(net.backward(x, y), apart.gradients(x, y), strict=True):
        np.testing.assert_allclose(delta.T @ hidden, grad_w, atol=1e-12)
        np.testing.assert_allclose(delta.sum(axis=0), grad_b, atol=1e-12)
    assert ((net.backward(x, y)[0][1] != 0) <= net.active(x)).all()


def test_a_step_goes_downhill_in_the_dtype_of_the_network() -> None:
    net, apart = drawn("float32")
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((5, 7)).astype("float32"), rng.integers(0, 4, 5)
    after = net.step(x, y, 0.1)
    assert all(w.dtype == np.float32 for w in (*after.weights, *after.biases))
    assert Apart(list(after.weights), list(after.biases)).loss(x, y) < apart.loss(x, y)

"""Enters: clients, a defence and its strength. Leaves: what the server receives, and the truth behind it.

The attacker knows the defence and its strength, and with that the noise where the defence adds any.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spear_xp.errors import ArgumentRangeError
from spear_xp.numerics.backend import Array, Host
from spear_xp.numerics.random import Generator
from spear_xp.updates.layer_update import LayerUpdate
from spear_xp.updates.network import Network
from spear_xp.updates.noise_models import rounding_of_quantisation

__all__ = ["DEFENCES", "Clients", "Defence", "Sent"]

RATE = 0.1  # chosen: learning rate of local steps


@dataclass(frozen=True, slots=True, eq=False)
class Clients:
    """Where updates come from.

    Attributes
    ----------
    net : Network
        Of all clients.
    records : NumPy array, shape (N, n)
        Their data in random order, float32.
    labels : NumPy array of int, shape (N,)
        Class of each record.
    batch_size : int
        Records in a batch.
    host : Generator
        Random numbers of the defence.
    """

    net: Network
    records: Host
    labels: Host
    batch_size: int
    host: Generator


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """An update, and the truth behind it.

    Attributes
    ----------
    grad_w, grad_b, weight, bias : NumPy array
        The arguments of `spear_xp.invert`.
    inputs : NumPy array, shape (b, n)
        The records behind it.
    zero_pattern : NumPy array of bool, shape (m, b)
        Entries of D that are zero.
    noise : float, array of shape (m, n), or None
        Standard deviation of an entry, where the defence says so.
    known : NumPy array of bool, shape (m, n + 1), or None
        Entries of [grad_w | grad_b] that were sent as they were; all where None.
    after : tuple of two NumPy arrays, or None
        Weight and bias after the update, where the server has them.
    """

    grad_w: Host
    grad_b: Host
    weight: Host
    bias: Host
    inputs: Host
    zero_pattern: Host
    noise: Array = None
    known: Host | None = None
    after: tuple[Host, Host] | None = None

    @property
    def update(self) -> LayerUpdate:
        """All that the server has, and knows of the defence."""
        weight, bias = self.after or (None, None)
        layer = self.weight, self.bias, weight, bias
        return LayerUpdate(self.grad_w, self.grad_b, *layer, self.noise, observed=self.known)

    @property
    def both(self) -> Host:
        """[grad_w | grad_b] in double precision, shape (m, n + 1)."""
        extended: Host = np.c_[self.grad_w, self.grad_b].astype(float)
        return extended

    def changed(self, both: Host, **more: object) -> "Sent":
        """With other entries."""
        dtype = self.grad_w.dtype
        sent = replace(self, grad_w=both[:, :-1].astype(dtype), grad_b=both[:, -1].astype(dtype))
        return replace(sent, **more)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Defence:
    """Something a client or a server can do.

    Attributes
    ----------
    name : str
    unit : str
        What its strength is.
    strengths : tuple of float
        From weak to strong.
    send : callable
        Clients and a strength in, the update of the first layer out.
    """

    name: str
    unit: str
    strengths: tuple[float, ...]
    send: Callable[[Clients, float], Sent]


def _plain(clients: Clients, count: int | None = None) -> Sent:
    """The gradient of the mean loss over the first records."""
    count = clients.batch_size if count is None else count
    if count > len(clients.records):
        msg = f"records: {len(clients.records)} are given, an update needs {count}"
        raise ArgumentRangeError(msg)
    return _behind(clients, *clients.net.backward(clients.records[:count], clients.labels[:count])[0])


def _behind(clients: Clients, inputs: Host, back: Host) -> Sent:
    net = clients.net
    layer = net.weights[0], net.biases[0]
    return Sent(back.T @ inputs, back.sum(axis=0), *layer, inputs, ~net.active(inputs).T)


def _rms(both: Host) -> float:
    return float(np.sqrt((both[:, :-1] ** 2).mean()))


def _noise(clients: Clients, strength: float) -> Sent:
    sent = _plain(clients)
    size = strength * _rms(sent.both)
    return sent.changed(sent.both + size * clients.host.standard_normal(sent.both.shape), noise=size)


def _clipped_samples(clients: Clients, strength: float) -> Sent:
    """The gradient of each sample at no more than so many times their median norm, then the mean."""
    inputs, back = clients.net.backward(
        clients.records[: clients.batch_size], clients.labels[: clients.batch_size]
    )[0]
    norms = np.linalg.norm(back, axis=1) * np.sqrt((inputs**2).sum(axis=1) + 1)
    limit = strength * np.median(norms)
    factors = np.minimum(1.0, limit / np.maximum(norms, np.finfo(norms.dtype).tiny))
    return _behind(clients, inputs, back * factors[:, None].astype(back.dtype))


def _clipped_entries(clients: Clients, strength: float) -> Sent:
    sent = _plain(clients)
    limit = float(np.quantile(np.abs(sent.both), 1 - strength))
    return sent.changed(np.clip(sent.both, -limit, limit), known=np.abs(sent.both) < limit)


def _quantised(clients: Clients, strength: float) -> Sent:
    """So many bits for each tensor, between its least and its largest entry."""
    sent, steps = _plain(clients), 2.0**strength - 1
    parts = []
    for part in (sent.both[:, :-1], sent.both[:, -1:]):
        step = max(float(part.max() - part.min()) / steps, np.finfo(float).tiny)
        parts.append((np.round(part / step) * step, step))
    noise = rounding_of_quantisation(parts[0][1])
    return sent.changed(np.concatenate([values for values, _ in parts], axis=1), noise=noise)


def _largest(clients: Clients, strength: float) -> Sent:
    sent = _plain(clients)
    kept = np.abs(sent.both) >= np.quantile(np.abs(sent.both), 1 - strength)
    return sent.changed(np.where(kept, sent.both, 0.0), known=kept)


def _larger_batch(clients: Clients, strength: float) -> Sent:
    return _plain(clients, int(strength))


def _aggregated(clients: Clients, strength: float) -> Sent:
    """The mean over clients with a batch each, at the same weights: secure aggregation."""
    count = int(strength)
    sent = _plain(clients, count * clients.batch_size)
    parts = [
        clients.net.backward(clients.records[some], clients.labels[some])[0]
        for some in np.split(np.arange(count * clients.batch_size), count)
    ]
    sums = np.stack([np.c_[back.T @ x, back.sum(axis=0)] for x, back in parts]).mean(axis=0)
    return sent.changed(sums)


def _local_steps(clients: Clients, strength: float) -> Sent:
    """The change of the weights over full-batch steps, as a mean gradient at the weights before."""
    sent, last, count = _plain(clients), clients.net, clients.batch_size
    zero = sent.zero_pattern
    for _ in range(int(strength)):
        zero = zero & ~last.active(sent.inputs).T  # D sums over steps: zero where no step has anything
        last = last.step(clients.records[:count], clients.labels[:count], RATE)
    scale, first = RATE * int(strength), clients.net
    changes = [
        (before - after).astype(float) / scale
        for before, after in ((first.weights[0], last.weights[0]), (first.biases[0], last.biases[0]))
    ]
    after = last.weights[0], last.biases[0]
    return sent.changed(np.c_[changes[0], changes[1]], zero_pattern=zero, after=after)


DEFENCES = {
    one.name: one
    for one in (
        Defence("noise", "of the rms entry", (1e-4, 1e-3, 1e-2, 1e-1, 1.0), _noise),
        Defence("clip samples", "of the median norm", (2.0, 1.0, 0.3, 0.1, 0.01), _clipped_samples),
        Defence("clip entries", "of the entries", (1e-4, 1e-3, 1e-2, 0.1, 0.5), _clipped_entries),
        Defence("quantise", "bits", (16, 12, 8, 4, 2), _quantised),
        Defence("top-k", "of the entries kept", (0.9, 0.5, 0.2, 0.1, 0.01), _largest),
        Defence("batch", "records", (8, 16, 32, 64, 96), _larger_batch),
        Defence("clients", "clients", (1, 2, 4, 6, 8), _aggregated),
        Defence("local steps", "steps", (1, 2, 5, 10, 20), _local_steps),
    )
}

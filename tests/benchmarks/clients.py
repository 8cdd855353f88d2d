"""Enters: a network, a batch and what the server would see of one step. Leaves: what clients really send."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.benchmarks.changes import (
    MISSING,
    Rng,
    Varied,
    bias_gradient_times,
    each,
    half,
    on_bytes,
    quantized,
    rms,
    scaled,
)
from tests.helpers.networks import Floats, Network

__all__ = ["CLIENTS"]

Change = Callable[[Rng, Network, Floats, Varied], Varied]


def trained_locally(rng: Rng, net: Network, labels: Floats, problem: Varied) -> Varied:
    """Some steps of any rate, on the whole batch or on halves, with or without momentum and decay.

    The server has the weights before it, and mostly those after it, too.
    """
    steps, rate = int(rng.integers(2, 11)), 10 ** rng.uniform(-3.5, -0.3)
    momentum = float(rng.choice([0.0, 0.0, 0.9]))
    decay = float(rng.choice([0.0, 0.0, 1e-4, 1e-3, 1e-2]))
    whole = len(labels) < 4 or rng.random() < 0.6
    last = [*net.weights, *net.biases]
    velocity = [np.zeros_like(part) for part in last]
    for step in range(steps):
        if step % 2 == 0:
            order = rng.permutation(len(labels))
        batch = slice(None) if whole else order[step % 2 :: 2]
        now = replace(net, weights=last[: len(net.weights)], biases=last[len(net.weights) :])
        pairs = now.gradients(problem.inputs[batch], labels[batch])
        slopes = [*(w for w, _ in pairs), *(b for _, b in pairs)]
        slopes = [slope + decay * part for slope, part in zip(slopes, last, strict=True)]
        velocity = [momentum * old + slope for old, slope in zip(velocity, slopes, strict=True)]
        last = [(part - rate * v).astype(part.dtype) for part, v in zip(last, velocity, strict=True)]
    weight, bias = last[0], last[len(net.weights)]
    kinds = ["whole batch" if whole else "mini-batches"]
    kinds += ["momentum"] * bool(momentum) + ["decay of training"] * bool(decay)
    return replace(
        problem,
        grad_w=((net.weights[0] - weight) / (steps * rate)).astype("float32"),
        grad_b=((net.biases[0] - bias) / (steps * rate)).astype("float32"),
        after=(weight, bias) if rng.random() < 0.7 else None,
        parts=(f"FedAvg {steps} steps of {rate:.0e}", *kinds, *problem.parts),
    )


def strong_noise(rng: Rng, problem: Varied) -> Varied:
    """Noise of a ten-thousandth to three tenths of an entry."""
    size = 10 ** rng.uniform(-4, -0.52)
    return each(problem, lambda g: g + size * rms(g) * rng.standard_normal(g.shape))


def bias_on_its_own(rng: Rng, problem: Varied) -> Varied:
    """A bias gradient of another size."""
    return bias_gradient_times(2 ** rng.uniform(-1.5, 1.5), problem)


def silent_neurons(rng: Rng, problem: Varied) -> Varied:
    """Neurons whose outgoing weights are zero."""
    loud = rng.random(len(problem.bias)) >= rng.uniform(0.02, 0.5)
    return each(problem, lambda g: g * loud[:, None])


def largest(rng: Rng, problem: Varied) -> Varied:
    """The largest entries of each tensor."""
    share = rng.uniform(0.1, 0.95)

    def keep(part: Floats) -> Floats:
        return np.where(np.abs(part) >= np.quantile(np.abs(part), 1 - share), part, 0).astype("float32")

    return replace(problem, grad_w=keep(problem.grad_w), grad_b=keep(problem.grad_b))


def eight_bits(rng: Rng, problem: Varied) -> Varied:
    """Each tensor for itself."""
    grad_w, grad_b = (on_bytes(part).astype("float32") for part in (problem.grad_w, problem.grad_b))
    return replace(problem, grad_w=grad_w, grad_b=grad_b)


def short_floats(rng: Rng, problem: Varied) -> Varied:
    """Seven bits behind the point, as bfloat16 has them."""

    def short(g: Floats) -> Floats:
        fraction, exponent = np.frexp(g)
        return np.ldexp(np.round(fraction * 2**8) / 2**8, exponent)

    return each(problem, short)


def _plain(change: Callable[[Rng, Varied], Varied]) -> Change:
    """A change that asks for no network."""
    return lambda rng, net, labels, problem: change(rng, problem)


CLIENTS: dict[str, Change] = {
    "local training": trained_locally,
    "local training, noise": lambda rng, net, labels, problem: strong_noise(
        rng, trained_locally(rng, net, labels, problem)
    ),
    "local training, own bias": lambda rng, net, labels, problem: bias_on_its_own(
        rng, trained_locally(rng, net, labels, problem)
    ),
    "strong noise": _plain(strong_noise),
    "strong noise, own bias": _plain(lambda rng, problem: bias_on_its_own(rng, strong_noise(rng, problem))),
    "own bias": _plain(bias_on_its_own),
    "silent neurons": _plain(silent_neurons),
    "largest entries": _plain(largest),
    "8 bits": _plain(eight_bits),
    "bfloat16": _plain(short_floats),
    "scaled float16": _plain(half),
    "grid": _plain(quantized),
    "scaled": _plain(scaled),
    **{name: _plain(change) for name, change in MISSING.items()},
}

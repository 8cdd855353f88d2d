"""Enters: a network and labelled data. Leaves: the network after training, and what a server sees."""

from dataclasses import replace

import numpy as np

from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.networks import Floats, Network, network

__all__ = ["first_layer", "local_steps", "multilayer", "train"]


def multilayer(features: int, width: int, depth: int, classes: int, rng: np.random.Generator) -> Network:
    """A network of `depth` linear layers, float32, uniform within 1/sqrt(fan-in)."""
    return network((features, *[width] * (depth - 1), classes), rng)


def train(
    net: Network,
    inputs: Floats,
    labels: Floats,
    *,
    steps: int,
    optimizer: str,
    rng: np.random.Generator,
    batch_size: int = 32,
) -> Network:
    """The network after some steps of "sgd" (rate .05) or "adam" (rate .001) on random batches."""
    parameters = [*net.weights, *net.biases]
    mean = [np.zeros_like(p) for p in parameters]
    square = [np.zeros_like(p) for p in parameters]
    for step in range(1, steps + 1):
        chosen = rng.integers(0, len(inputs), batch_size)
        pairs = net.gradients(inputs[chosen], labels[chosen])
        changes = [*(w for w, _ in pairs), *(b for _, b in pairs)]
        if optimizer == "adam":
            mean = [0.9 * m + 0.1 * g for m, g in zip(mean, changes, strict=True)]
            square = [0.999 * s + 0.001 * g * g for s, g in zip(square, changes, strict=True)]
            rate = 1e-3 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
            changes = [rate * m / (np.sqrt(s) + 1e-8) for m, s in zip(mean, square, strict=True)]
        else:
            changes = [0.05 * g for g in changes]
        parameters = [(p - c).astype(p.dtype) for p, c in zip(parameters, changes, strict=True)]
        half = len(net.weights)
        net = replace(net, weights=parameters[:half], biases=parameters[half:])
    return net


def first_layer(net: Network, inputs: Floats, labels: Floats) -> LayerGradient:
    """Gradient of the first layer on one batch."""
    grad_w, grad_b, weight, bias = net.observed(inputs, labels)
    return LayerGradient(grad_w, grad_b, weight, bias, inputs, (inputs @ weight.T + bias <= 0).T)


def local_steps(net: Network, inputs: Floats, labels: Floats, *, steps: int, rate: float) -> LayerGradient:
    """Change of the first layer over some full-batch steps, as a mean gradient at its starting weights."""
    last = net
    for _ in range(steps):
        last = last.step(inputs, labels, rate)
    truth = first_layer(net, inputs, labels)
    scale = steps * rate
    return replace(
        truth,
        grad_w=((net.weights[0] - last.weights[0]) / scale).astype("float32"),
        grad_b=((net.biases[0] - last.biases[0]) / scale).astype("float32"),
    )

"""A small ReLU network in NumPy, written apart from the library, and its exact gradients."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

Floats = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Weights and biases of linear layers with ReLU between them and softmax cross-entropy at the end."""

    weights: list[Floats]
    biases: list[Floats]

    def logits(self, inputs: Floats) -> Floats:
        hidden = inputs
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight.T + bias, 0)
        return hidden @ self.weights[-1].T + self.biases[-1]

    def loss(self, inputs: Floats, labels: Floats) -> float:
        logits = self.logits(inputs)
        peak = logits.max(axis=1)
        total = np.log(np.exp(logits - peak[:, None]).sum(axis=1)) + peak
        return float((total - logits[np.arange(len(labels)), labels]).mean())

    def gradients(self, inputs: Floats, labels: Floats) -> list[tuple[Floats, Floats]]:
        """Gradient of the mean loss: (grad_weight, grad_bias) of each layer, first layer first."""
        hidden = [inputs]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden.append(np.maximum(hidden[-1] @ weight.T + bias, 0))
        logits = hidden[-1] @ self.weights[-1].T + self.biases[-1]
        delta = np.exp(logits - logits.max(axis=1, keepdims=True))
        delta /= delta.sum(axis=1, keepdims=True)
        delta[np.arange(len(labels)), labels] -= 1
        delta = (delta / len(labels)).astype(inputs.dtype)
        found = []
        for layer in reversed(range(len(self.weights))):
            found.append((delta.T @ hidden[layer], delta.sum(axis=0)))
            delta = (delta @ self.weights[layer]) * (hidden[layer] > 0)
        return found[::-1]

    def step(self, inputs: Floats, labels: Floats, rate: float) -> "Network":
        """One step of gradient descent."""
        changes = self.gradients(inputs, labels)
        return replace(
            self,
            weights=[w - rate * g for w, (g, _) in zip(self.weights, changes, strict=True)],
            biases=[b - rate * g for b, (_, g) in zip(self.biases, changes, strict=True)],
        )

    def observed(self, inputs: Floats, labels: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Arguments of `spear_xp.invert` for the first layer."""
        grad_w, grad_b = self.gradients(inputs, labels)[0]
        return grad_w, grad_b, self.weights[0], self.biases[0]


def network(sizes: tuple[int, ...], rng: np.random.Generator, dtype: str = "float32") -> Network:
    """Weights and biases uniform within 1/sqrt(fan-in)."""
    weights, biases = [], []
    for fan_in, fan_out in pairwise(sizes):
        bound = fan_in**-0.5
        weights.append(rng.uniform(-bound, bound, (fan_out, fan_in)).astype(dtype))
        biases.append(rng.uniform(-bound, bound, fan_out).astype(dtype))
    return Network(weights, biases)


def trained(
    inputs: Floats, labels: Floats, width: int, classes: int, rng: np.random.Generator, *, steps: int
) -> Network:
    """A network after some steps of stochastic gradient descent, batches of 16."""
    net = network((inputs.shape[1], width, classes), rng, str(inputs.dtype))
    for _ in range(steps):
        batch = rng.integers(0, len(inputs), 16)
        net = net.step(inputs[batch], labels[batch], 0.05)
    return net

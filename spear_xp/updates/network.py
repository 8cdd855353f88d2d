"""Enters: sizes of layers and a source of randomness. Leaves: a ReLU network, its gradients and its steps."""

import math
from dataclasses import dataclass
from itertools import pairwise

from spear_xp.numerics.backend import Array, Space, space_of
from spear_xp.numerics.random import Generator

__all__ = ["Network"]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Linear layers with ReLU between them and a softmax cross-entropy loss at the end.

    Attributes
    ----------
    weights, biases : tuple of array
        W, shape (out, in), and β, shape (out,), of each layer, first layer first.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    @classmethod
    def drawn(cls, space: Space, sizes: tuple[int, ...], host: Generator, dtype: object) -> "Network":
        """Weights and biases uniform within 1/sqrt(fan-in), float32 as a client would hold them."""
        weights, biases = [], []
        for fan_in, fan_out in pairwise(sizes):
            bound = 1 / math.sqrt(fan_in)
            weight = host.uniform(-bound, bound, (fan_out, fan_in)).astype("float32")
            weights.append(space.asarray(weight, dtype=dtype))
            biases.append(space.asarray(host.uniform(-bound, bound, fan_out).astype("float32"), dtype=dtype))
        return cls(tuple(weights), tuple(biases))

    def active(self, inputs: Array) -> Array:
        """Neurons of the first layer that each input activates, shape (b, m)."""
        return inputs @ self.weights[0].T + self.biases[0] > 0

    def backward(self, inputs: Array, target: Array) -> list[tuple[Array, Array]]:
        """Of each layer its inputs (b, in) and dL/dZ (b, out), for mean cross-entropy.

        The gradient of a weight is `dL/dZ.T @ inputs`, that of a bias the sum of dL/dZ over the batch.
        """
        xp = space_of(inputs).xp
        hidden = [inputs]
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            z = hidden[-1] @ w.T + b
            hidden.append(xp.where(z > 0, z, xp.zeros_like(z)))
        logits = hidden[-1] @ self.weights[-1].T + self.biases[-1]
        shifted = xp.exp(logits - xp.max(logits, axis=1, keepdims=True))
        probability = shifted / xp.sum(shifted, axis=1, keepdims=True)
        classes = xp.arange(logits.shape[1], dtype=target.dtype, device=inputs.device)
        truth = xp.astype(target[:, None] == classes[None, :], inputs.dtype)
        deltas = [(probability - truth) / inputs.shape[0]]
        for w, after in zip(reversed(self.weights[1:]), reversed(hidden[1:]), strict=True):
            deltas.append((deltas[-1] @ w) * xp.astype(after > 0, inputs.dtype))
        return list(zip(hidden, reversed(deltas), strict=True))

    def step(self, inputs: Array, target: Array, rate: float) -> "Network":
        """The network after one step of gradient descent, in its own dtype."""
        xp = space_of(inputs).xp
        parts = self.backward(inputs, target)
        return Network(
            tuple(w - rate * (d.T @ h) for w, (h, d) in zip(self.weights, parts, strict=True)),
            tuple(b - rate * xp.sum(d, axis=0) for b, (_, d) in zip(self.biases, parts, strict=True)),
        )

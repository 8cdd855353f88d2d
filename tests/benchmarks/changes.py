"""Enters: an honest gradient. Leaves: what a server may see: averaged, noised, rounded, mismatched."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spear_xp import LayerUpdate
from tests.helpers.networks import Floats, Network

__all__ = ["CHANGES", "MISSING", "RESCALED", "Varied", "bias_gradient_times", "local", "on_bytes"]

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Varied:
    """Arguments of `invert`, the true batch, and how the problem came about."""

    grad_w: Floats
    grad_b: Floats | None
    weight: Floats
    bias: Floats
    inputs: Floats
    batch_size: int | None
    parts: tuple[str, ...]
    after: tuple[Floats, Floats] | None = None  # weight and bias after local steps, where they are told
    mask: Floats | None = None  # which entries of [grad_w | grad_b] are as they were, where that is told
    bias_factor: float = 1.0  # of grad_b alone
    labels: Floats | None = None  # of the samples
    behind: tuple[tuple[Floats, Floats], ...] = ()  # layers behind, before the step
    layer: tuple[Floats, Floats] | None = None  # weight and bias of the client, where others are told

    @property
    def observed(self) -> tuple[Floats, Floats | None, Floats, Floats]:
        """`(grad_w, grad_b, weight, bias)`."""
        return self.grad_w, self.grad_b, self.weight, self.bias

    @property
    def update(self) -> LayerUpdate:
        """All that the server has."""
        return LayerUpdate(*self.observed, *(self.after or (None, None)), observed=self.mask)


def local(rng: Rng, net: Network, labels: Floats, problem: Varied) -> Varied:
    """The change of the weights over some local steps, against the weights before or after them.

    Of even numbers of steps both ends are told.
    """
    steps, rate, last = int(rng.integers(2, 8)), 10 ** rng.uniform(-4, -0.5), net
    for _ in range(steps):
        last = last.step(problem.inputs, labels, rate)
    after = rng.random() < 0.3
    seen = last if after else net
    return replace(
        problem,
        grad_w=((net.weights[0] - last.weights[0]) / (steps * rate)).astype("float32"),
        grad_b=((net.biases[0] - last.biases[0]) / (steps * rate)).astype("float32"),
        weight=seen.weights[0].astype("float32"),
        bias=seen.biases[0].astype("float32"),
        after=(last.weights[0], last.biases[0]) if steps % 2 == 0 and not after else None,
        parts=(f"FedAvg {steps} steps of {rate:.0e}{', weights after' if after else ''}", *problem.parts),
    )


def each(problem: Varied, change: Callable[[Floats], Floats]) -> Varied:
    """The same change of [grad_w | grad_b]."""
    both = change(np.c_[problem.grad_w, problem.grad_b].astype(float))
    return replace(problem, grad_w=both[:, :-1].astype("float32"), grad_b=both[:, -1].astype("float32"))


def rms(array: Floats) -> float:
    """Root mean square entry."""
    return float(np.sqrt((array.astype(float) ** 2).mean()))


def additive_noise(rng: Rng, problem: Varied) -> Varied:
    size = 10 ** rng.uniform(-8, -1)
    return each(problem, lambda g: g + size * rms(g) * rng.standard_normal(g.shape))


def relative_noise(rng: Rng, problem: Varied) -> Varied:
    size = 10 ** rng.uniform(-7, -2)
    return each(problem, lambda g: g * (1 + size * rng.standard_normal(g.shape)))


def half(rng: Rng, problem: Varied) -> Varied:
    scale = 2.0 ** float(rng.integers(4, 14))  # small scales underflow
    return each(problem, lambda g: (scale * g).astype("float16").astype(float) / scale)


def quantized(rng: Rng, problem: Varied) -> Varied:
    levels = 2.0 ** float(rng.integers(3, 16))

    def to_grid(g: Floats) -> Floats:
        unit = max(float(np.abs(g).max()), 1e-30) / levels
        return np.round(g / unit) * unit

    return each(problem, to_grid)


def sparsified(rng: Rng, problem: Varied) -> Varied:
    """Only the largest entries, or those of the largest rows."""
    share, rows = 10 ** rng.uniform(-2, -0.01), rng.random() < 0.5

    def keep(g: Floats) -> Floats:
        size = np.linalg.norm(g, axis=1, keepdims=True) if rows else np.abs(g)
        return np.where(size >= np.quantile(size, 1 - share), g, 0.0)

    return each(problem, keep)


def clipped(rng: Rng, problem: Varied) -> Varied:
    limit = rng.uniform(0.9, 1.0)
    return each(problem, lambda g: np.clip(g, -(top := np.quantile(np.abs(g), limit)), top))


def told(rng: Rng, problem: Varied, known: Floats) -> Varied:
    """With the mask, at even odds."""
    return replace(problem, mask=known) if rng.random() < 0.5 else problem


def largest_half(rng: Rng, problem: Varied) -> Varied:
    """The largest half of the entries that are not zero."""

    def keep(g: Floats) -> Floats:
        sizes = np.abs(g)
        return np.where(sizes >= np.median(sizes[sizes > 0]), g, 0.0)

    changed = each(problem, keep)
    return told(rng, changed, np.c_[changed.grad_w, changed.grad_b] != 0)


def random_half(rng: Rng, problem: Varied) -> Varied:
    """Every entry at even odds."""
    known = rng.random((len(problem.bias), problem.grad_w.shape[1] + 1)) < 0.5
    return told(rng, each(problem, lambda g: g * known), known)


def clipped_tail(rng: Rng, problem: Varied) -> Varied:
    """The largest entries, one of a thousand, at one magnitude."""
    both = np.abs(np.c_[problem.grad_w, problem.grad_b])
    top = np.quantile(both, 0.999)
    return told(rng, each(problem, lambda g: np.clip(g, -top, top)), both < top)


def on_bytes(part: Floats) -> Floats:
    """A tensor on 255 steps from its least to its largest entry."""
    step = max(float(part.max()) - float(part.min()), 1e-30) / 255
    return np.round(part / step) * step


def bad_rows(rng: Rng, problem: Varied) -> Varied:
    """A few rows replaced by noise or taken from another layer."""
    hit = rng.choice(
        len(problem.bias), int(rng.integers(1, 1 + max(1, len(problem.bias) // 20))), replace=False
    )

    def spoil(g: Floats) -> Floats:
        g[hit] = rms(g) * rng.standard_normal((len(hit), g.shape[1]))
        return g

    return each(problem, spoil)


def wrong_batch_size(rng: Rng, problem: Varied) -> Varied:
    return replace(problem, batch_size=max(1, len(problem.inputs) + int(rng.choice([-3, -2, -1, 1, 2]))))


def wrong_weights(rng: Rng, problem: Varied) -> Varied:
    size = 10 ** rng.uniform(-4, 0)
    noise = size * rms(problem.weight) * rng.standard_normal(problem.weight.shape)
    return replace(problem, weight=(problem.weight + noise).astype("float32"))


def wrong_bias(rng: Rng, problem: Varied) -> Varied:
    noise = 10 ** rng.uniform(-3, 0) * rng.standard_normal(problem.bias.shape)
    return replace(problem, bias=(problem.bias + noise).astype("float32"))


def shuffled_layer(rng: Rng, problem: Varied) -> Varied:
    """Some rows of the layer in another order."""
    m = len(problem.bias)
    order, moved = np.arange(m), rng.choice(m, int(rng.integers(2, m + 1)), replace=False)
    order[moved] = rng.permutation(moved)
    return replace(problem, weight=problem.weight[order], bias=problem.bias[order])


def wrong_bias_gradient(rng: Rng, problem: Varied) -> Varied:
    """With noise, or in another order; no multiple, which belongs to a multiple of the batch."""
    noise = 1 + 10 ** rng.uniform(-4, 0) * rng.standard_normal(problem.grad_b.shape)
    other = problem.grad_b * noise if rng.random() < 0.5 else problem.grad_b[::-1]
    return replace(problem, grad_b=other.astype("float32"))


def rescaled_bias_gradient(rng: Rng, problem: Varied) -> Varied:
    """A multiple of the bias gradient, beside noise or after local steps, so that error bars hold it.

    Without either the scale is that of grad_b as far as no mask contradicts it, and the batch is another one.
    """
    if problem.after is None:
        size = 10 ** rng.uniform(-2.5, -1)
        problem = each(problem, lambda g: g + size * rms(g) * rng.standard_normal(g.shape))
    factor = rng.choice([0.5, 0.67, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0])
    return bias_gradient_times(factor, problem)


def bias_gradient_times(factor: float, problem: Varied) -> Varied:
    """A multiple of the bias gradient alone, as of clipped tensors or of a learning rate of its own."""
    return replace(
        problem,
        grad_b=(factor * problem.grad_b).astype("float32"),
        bias_factor=float(factor),
        parts=(f"grad_b times={factor:.3g}", *problem.parts),
    )


def weight_decay(rng: Rng, problem: Varied) -> Varied:
    size = 10 ** rng.uniform(-6, -1)
    return replace(
        problem,
        grad_w=(problem.grad_w + size * problem.weight).astype("float32"),
        grad_b=(problem.grad_b + size * problem.bias).astype("float32"),
    )


def scaled(rng: Rng, problem: Varied) -> Varied:
    factor = rng.choice([-1.0, 1.0]) * 10 ** rng.uniform(-6, 6)
    return each(problem, lambda g: factor * g)


MISSING: dict[str, Callable[[Rng, Varied], Varied]] = {  # only if asked for: seeds keep their problems
    "top-k 50 %": largest_half,
    "random half": random_half,
    "clipped .1 %": clipped_tail,
}
RESCALED = {"rescaled bias gradient": rescaled_bias_gradient}  # with --accuracy .3, only if asked for
CHANGES: dict[str, Callable[[Rng, Varied], Varied]] = {
    "noise": additive_noise,
    "relative noise": relative_noise,
    "float16": half,
    "quantised": quantized,
    "sparsified": sparsified,
    "clipped": clipped,
    "bad rows": bad_rows,
    "wrong b": wrong_batch_size,
    "wrong weights": wrong_weights,
    "wrong bias": wrong_bias,
    "shuffled layer": shuffled_layer,
    "wrong bias gradient": wrong_bias_gradient,
    "weight decay": weight_decay,
    "scaled": scaled,
}

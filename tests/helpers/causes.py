"""Honest gradients, and what happens to them on the way to a server, one cause each, in plain NumPy."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spear_xp.updates import images
from tests.helpers.networks import Floats, Network, network

__all__ = ["DATA", "PLANTED", "Case", "honest"]

Rng = np.random.Generator
DATA: dict[str, Callable[[int, int], Floats]] = {
    "gaussian": lambda b, seed: np.random.default_rng([seed, 7]).standard_normal((b, 300)).astype("float32"),
    "faces": lambda b, seed: images.faces(b, rng=seed),
    "digits": lambda b, seed: images.digits(b, rng=seed),
    "crops": lambda b, seed: images.crops(b, size=16, rng=seed),
    "tabular": lambda b, seed: images.tabular(b, rng=seed),
}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """An update, the network and the batch behind it, and what the caller says of it."""

    arrays: tuple[Floats, Floats, Floats, Floats]
    net: Network
    inputs: Floats
    labels: Floats
    rng: Rng
    batch_size: int | None = None

    def each(self, change: Callable[[Floats], Floats]) -> "Case":
        """The same change of grad_w and grad_b, one array after the other."""
        grad_w, grad_b, *layer = self.arrays
        changed = [change(g.astype(float)).astype(g.dtype) for g in (grad_w, grad_b)]
        return replace(self, arrays=(*changed, *layer))

    def whole(self, change: Callable[[Floats], Floats]) -> "Case":
        """The same change of both as one matrix."""
        grad_w, grad_b, *layer = self.arrays
        both = change(np.c_[grad_w, grad_b].astype(float)).astype(grad_w.dtype)
        return replace(self, arrays=(both[:, :-1], both[:, -1], *layer))


def honest(
    data: str,
    b: int = 12,
    m: int = 300,
    seed: int = 0,
    *,
    depth: int = 3,
    classes: int = 10,
    dtype: str = "f4",
) -> Case:
    """The gradient of a network at initialisation."""
    rng = np.random.default_rng([seed, 17])
    inputs = DATA[data](b, seed).astype(dtype)
    net = network((inputs.shape[1], *[m] * (depth - 1), classes), rng, dtype)
    labels = rng.integers(0, classes, b)
    return Case(net.observed(inputs, labels), net, inputs, labels, rng)


def columns(case: Case, slope: Callable[[Floats], Floats], keep: Floats | float = 1.0) -> Floats:
    """dL/dZ of the first layer with another derivative of its activation; what follows is as it was."""
    weights, biases = case.net.weights, case.net.biases
    z = [case.inputs @ weights[0].T + biases[0]]
    hidden = np.maximum(z[0], 0) * keep
    for weight, bias in zip(weights[1:], biases[1:], strict=True):
        z.append(hidden @ weight.T + bias)
        hidden = np.maximum(z[-1], 0)
    delta = np.exp(z[-1] - z[-1].max(axis=1, keepdims=True))
    delta /= delta.sum(axis=1, keepdims=True)
    delta[np.arange(len(delta)), case.labels] -= 1
    for weight, before in zip(weights[:0:-1], z[-2::-1], strict=True):
        delta = (delta @ weight) * ((before > 0) if before is not z[0] else slope(before) * keep)
    return delta / len(delta)


def behind(case: Case, d: Floats) -> Case:
    """The update with these back-propagated gradients, shape (b, m)."""
    dtype = case.inputs.dtype
    grads = (d.T @ case.inputs).astype(dtype), d.sum(axis=0).astype(dtype)
    return replace(case, arrays=(*grads, *case.arrays[2:]))


def gelu(z: Floats) -> Floats:
    """Derivative of the tanh form."""
    inner = 0.7978845608 * (z + 0.044715 * z**3)
    tanh = np.tanh(inner)
    return 0.5 * (1 + tanh) + 0.5 * z * (1 - tanh**2) * 0.7978845608 * (1 + 3 * 0.044715 * z**2)


def rms(g: Floats) -> float:
    return float(np.sqrt((g.astype(float) ** 2).mean()))


def adam(case: Case) -> Case:
    """The change of the weights by one step of Adam, divided by its rate."""
    return case.each(lambda g: g / (np.abs(g) + 1e-8))


def adam_steps(case: Case) -> Case:
    """Change of the weights over five full-batch steps of Adam."""
    net, mean, square = case.net, None, None
    for step in range(1, 6):
        grads = net.gradients(case.inputs, case.labels)
        if mean is None:
            mean = [[np.zeros_like(part) for part in pair] for pair in grads]
            square = [[np.zeros_like(part) for part in pair] for pair in grads]
        mean = [
            [0.9 * m + 0.1 * g for m, g in zip(a, c, strict=True)] for a, c in zip(mean, grads, strict=True)
        ]
        square = [
            [0.999 * s + 0.001 * g * g for s, g in zip(a, c, strict=True)]
            for a, c in zip(square, grads, strict=True)
        ]
        moves = [
            [m / (1 - 0.9**step) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8) for m, s in zip(a, c, strict=True)]
            for a, c in zip(mean, square, strict=True)
        ]
        net = replace(
            net,
            weights=[(w - 1e-3 * d[0]).astype(w.dtype) for w, d in zip(net.weights, moves, strict=True)],
            biases=[(w - 1e-3 * d[1]).astype(w.dtype) for w, d in zip(net.biases, moves, strict=True)],
        )
    grads = case.net.weights[0] - net.weights[0], case.net.biases[0] - net.biases[0]
    return replace(case, arrays=(*grads, *case.arrays[2:]))


def top(share: float) -> Callable[[Case], Case]:
    def kept(g: Floats) -> Floats:
        return np.where(np.abs(g) >= np.quantile(np.abs(g)[g != 0], 1 - share), g, 0)

    return lambda case: case.whole(kept)


def random_mask(case: Case) -> Case:
    return case.each(lambda g: g * (case.rng.random(g.shape) < 0.7))


def clip_entries(share: float) -> Callable[[Case], Case]:
    def clipped(g: Floats) -> Floats:
        limit = np.quantile(np.abs(g), 1 - share)
        return np.clip(g, -limit, limit)

    return lambda case: case.whole(clipped)


def levels(bits: int) -> Callable[[Case], Case]:
    """Uniform quantisation of a tensor to some bits."""

    def on_grid(g: Floats) -> Floats:
        step = (g.max() - g.min()) / (2**bits - 1)
        return np.round(g / step) * step

    return lambda case: case.each(on_grid)


def half(case: Case) -> Case:
    """float16 with a loss scale that keeps all entries normal."""
    scale = 2.0 ** np.floor(np.log2(2e4 / np.abs(case.arrays[0]).max()))
    return case.each(lambda g: (scale * g).astype("f2").astype(float) / scale)


def brain(g: Floats) -> Floats:
    bits = g.astype("f4").view("u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).astype("u4").view("f4")


def underflow(case: Case) -> Case:
    """float16 without a loss scale, entries near 1e-5."""
    size = 1e-5 / rms(case.arrays[0])
    return case.each(lambda g: (size * g).astype("f2").astype(float))


def noise(size: float) -> Callable[[Case], Case]:
    return lambda case: case.whole(lambda g: g + size * rms(g) * case.rng.standard_normal(g.shape))


def other_step(case: Case) -> Case:
    """Weights after 20 steps of SGD on other data, the update of the step before them."""
    net = case.net
    for _ in range(20):
        x = case.inputs[case.rng.permutation(len(case.inputs))][:, case.rng.permutation(case.inputs.shape[1])]
        net = net.step(x, case.labels, 0.3)
    return replace(case, arrays=(*case.arrays[:2], net.weights[0], net.biases[0]))


def other_layer(case: Case) -> Case:
    order = case.rng.permutation(len(case.arrays[3]))
    return replace(case, arrays=(*case.arrays[:2], case.arrays[2][order], case.arrays[3][order]))


def dropout(case: Case) -> Case:
    keep = (case.rng.random((len(case.inputs), len(case.arrays[3]))) < 0.9) / 0.9
    return behind(case, columns(case, lambda z: z > 0, keep))


def pruned(case: Case) -> Case:
    """A third of the outgoing weights is zero."""
    weights = [w.copy() for w in case.net.weights]
    weights[1][:, ::3] = 0
    net = replace(case.net, weights=weights)
    return replace(case, arrays=net.observed(case.inputs, case.labels), net=net)


def bias_rescaled(case: Case) -> Case:
    grad_w, grad_b, *layer = case.arrays
    return replace(case, arrays=(grad_w, (3 * grad_b).astype(grad_b.dtype), *layer))


def zero_bias(case: Case) -> Case:
    """No bias in the layer, and twice the gradient of it."""
    net = replace(case.net, biases=[0 * case.net.biases[0], *case.net.biases[1:]])
    grad_w, grad_b, *layer = net.observed(case.inputs, case.labels)
    return replace(case, arrays=(grad_w, 2 * grad_b, *layer), net=net)


def decay(case: Case) -> Case:
    grad_w, grad_b, weight, bias = case.arrays
    return replace(case, arrays=(grad_w + 0.05 * weight, grad_b + 0.05 * bias, weight, bias))


def the_weights(case: Case) -> Case:
    """The new weights in the place of the update."""
    _, _, weight, bias = case.arrays
    new = case.net.step(case.inputs, case.labels, 0.01)
    return replace(case, arrays=(new.weights[0], new.biases[0], weight, bias))


def same_weights(case: Case) -> Case:
    _, _, weight, bias = case.arrays
    return replace(case, arrays=(weight, bias, weight, bias))


def swapped(case: Case) -> Case:
    """The layer before its gradient."""
    return replace(case, arrays=(*case.arrays[2:], *case.arrays[:2]))


def square_transposed(case: Case) -> Case:
    """A layer as wide as its inputs, the update in the layout of Keras."""
    m = case.inputs.shape[1]
    net = network((m, m, 10), case.rng, case.inputs.dtype)
    grad_w, grad_b, weight, bias = net.observed(case.inputs, case.labels)
    return replace(case, arrays=(grad_w.T, grad_b, weight, bias), net=net)


def duplicates(case: Case) -> Case:
    inputs, labels = case.inputs.copy(), case.labels.copy()
    inputs[1] = inputs[0]
    net = case.net
    return replace(case, arrays=net.observed(inputs, labels), inputs=inputs, batch_size=len(inputs))


def more_than_said(case: Case) -> Case:
    return replace(case, batch_size=len(case.inputs) - 1)


def small_layer(width: float) -> Callable[[Case], Case]:
    """So many rows for each sample."""

    def narrow(case: Case) -> Case:
        m = round(width * len(case.inputs))
        net = network((case.inputs.shape[1], m, 10), case.rng, case.inputs.dtype)
        return replace(case, arrays=net.observed(case.inputs, case.labels), net=net)

    return narrow


# What is planted, and the names of causes of which one has to come up.
PLANTED: dict[str, tuple[Callable[[Case], Case], tuple[str, ...]]] = {
    "GELU": (lambda c: behind(c, columns(c, gelu)), ("no zero pattern",)),
    "no activation": (lambda c: behind(c, columns(c, np.ones_like)), ("no zero pattern",)),
    "leaky ReLU": (lambda c: behind(c, columns(c, lambda z: np.where(z > 0, 1, 0.2))), ("no zero pattern",)),
    "weights after": (the_weights, ("weights for an update",)),
    "weights twice": (same_weights, ("weights for an update",)),
    "swapped": (swapped, ("swapped",)),
    "transposed": (square_transposed, ("transposed",)),
    "weight decay": (decay, ("weight decay",)),
    "Adam, one step": (adam, ("sign-like",)),
    "Adam, five steps": (adam_steps, ("sign-like",)),
    "sign": (lambda c: c.each(np.sign), ("sign-like",)),
    "top 10 %": (top(0.1), ("entries dropped",)),
    "top 50 %": (top(0.5), ("entries dropped",)),
    "top 90 %": (top(0.9), ("entries dropped",)),
    "random mask": (random_mask, ("entries dropped",)),
    "clipped .1 %": (clip_entries(1e-3), ("entries clipped",)),
    "clipped 5 %": (clip_entries(0.05), ("entries clipped",)),
    "8 bits": (levels(8), ("quantised",)),
    "4 bits": (levels(4), ("quantised",)),
    "bfloat16": (lambda c: c.each(brain), ("bfloat16",)),
    "float16": (half, ("float16",)),
    "float16 underflow": (underflow, ("float16 underflow",)),
    "noise .3": (noise(0.3), ("noise", "noise edge")),
    "noise 3": (noise(3.0), ("noise", "noise edge")),
    "weights of another step": (other_step, ("other weights",)),
    "rows in another order": (other_layer, ("other weights", "no zero pattern")),
    "dropout": (dropout, ("silent neurons",)),
    "pruned": (pruned, ("silent neurons",)),
    "bias rescaled": (bias_rescaled, ("bias rescaled",)),
    "zero bias, rescaled": (zero_bias, ("scale open",)),
    "one image twice": (duplicates, ("fewer samples",)),
    "one more than said": (more_than_said, ("more samples",)),
    "few rows": (small_layer(1.5), ("few rows",)),
}

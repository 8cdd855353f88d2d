"""Gradients built to lure the certificate into accepting a wrong sample.

Each trap is a function of a seed. The true samples come along; a sample that is certified and is
none of them is a false certificate.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spear_xp.updates import images, synthetic
from tests.helpers.networks import Floats, Network, network, trained

BATCH, WIDTH, FEATURES = 8, 120, 48


@dataclass(frozen=True, slots=True, eq=False)
class Trap:
    """Arguments of `invert` and the true batch."""

    grad_w: Floats
    grad_b: Floats
    weight: Floats
    bias: Floats
    inputs: Floats
    batch_size: int | None = None
    mask: Floats | None = None  # which entries are said to be as they were
    kinds: list[str] | None = None  # of the features
    behind: tuple[tuple[Floats, Floats], ...] = ()  # layers behind, where they may be known

    @property
    def observed(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.grad_w, self.grad_b, self.weight, self.bias


TRAPS: dict[str, Callable[[int], Trap]] = {}


def trap(build: Callable[..., Trap], name: str = "", **options: Any) -> None:
    TRAPS[name or build.__name__] = lambda seed: build(np.random.default_rng(seed), **options)


def _gaussian(rng: np.random.Generator, batch: int = 0, features: int = 0) -> Floats:
    return rng.standard_normal((batch or BATCH, features or FEATURES)).astype("float32")


def _step(
    rng: np.random.Generator,
    inputs: Floats,
    *,
    width: int = 0,
    hidden: int = 0,
    classes: int = 10,
    labels: Floats | None = None,
) -> Trap:
    """One honest step at initialisation on the given inputs."""
    sizes = (inputs.shape[1], width or WIDTH, *((hidden,) if hidden else ()), classes)
    net = network(sizes, rng, str(inputs.dtype))
    labels = rng.integers(0, classes, len(inputs)) if labels is None else labels
    return Trap(*net.observed(inputs, labels), inputs)


def _rms(array: Floats) -> float:
    return float(np.sqrt((array.astype(float) ** 2).mean()))


# Inputs


def near_duplicates(rng: np.random.Generator, distance: float) -> Trap:
    inputs = _gaussian(rng)
    shift = rng.standard_normal(FEATURES) / FEATURES**0.5
    inputs[1] = inputs[0] + distance * np.linalg.norm(inputs[0]) * shift
    labels = rng.integers(0, 10, BATCH)
    labels[1] = labels[0]
    return _step(rng, inputs, labels=labels)


def near_duplicate_groups(rng: np.random.Generator, distance: float) -> Trap:
    centres = np.repeat(_gaussian(rng, 3), 3, axis=0)
    return _step(rng, centres + np.float32(distance) * _gaussian(rng, 9))


def triplets_of_few_classes(rng: np.random.Generator, distance: float, classes: int) -> Trap:
    """Columns of D span few dimensions on shared rows: one of three near-twins can take up the others."""
    centres = np.repeat(_gaussian(rng, 3), 3, axis=0)
    inputs = centres + np.float32(distance) * _gaussian(rng, 9)
    return _step(rng, inputs, classes=classes, labels=rng.integers(0, classes, 9))


def twins_beside_loud_samples(rng: np.random.Generator, distance: float) -> Trap:
    """A pair with one label, and others of other sizes: what is mixed within the pair moves these little."""
    inputs = _gaussian(rng) * (10.0 ** rng.uniform(-1, 1, (BATCH, 1))).astype("float32")
    shift = rng.standard_normal(FEATURES) / FEATURES**0.5
    inputs[1] = (inputs[0] + distance * np.linalg.norm(inputs[0]) * shift).astype("float32")
    labels = rng.integers(0, 2, BATCH)
    labels[1] = labels[0]
    return _step(rng, inputs, labels=labels, classes=2)


def noisy_near_duplicates(rng: np.random.Generator, distance: float, size: float) -> Trap:
    step = near_duplicates(rng, distance)
    noise = size * _rms(step.grad_w) * rng.standard_normal((WIDTH, FEATURES + 1))
    return replace(
        step,
        grad_w=(step.grad_w + noise[:, :-1]).astype("float32"),
        grad_b=(step.grad_b + noise[:, -1]).astype("float32"),
    )


def twins_merged_by_noise(seed: int) -> Trap:
    """Twins at 3 %, few features and a noise of 1e-3: masks and noise allow the sample between the two."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((5, 32)).astype("float32")
    shift = rng.standard_normal(32) / 32**0.5
    inputs[1] = inputs[0] + 0.03 * np.linalg.norm(inputs[0]) * shift
    labels = rng.integers(0, 10, 5)
    labels[1] = labels[0]
    net = network((32, 146, 10), rng)
    grad_w, grad_b, weight, bias = net.observed(inputs, labels)
    noise = 1e-3 * _rms(grad_w) * rng.standard_normal((146, 33))
    grad_w = (grad_w + noise[:, :-1]).astype("float32")
    return Trap(grad_w, (grad_b + noise[:, -1]).astype("float32"), weight, bias, inputs)


def same_mask(rng: np.random.Generator, factor: float) -> Trap:
    """Without a bias a sample and its multiple activate the same neurons."""
    inputs = _gaussian(rng)
    inputs[1] = factor * inputs[0]
    net = network((FEATURES, WIDTH, 10), rng)
    net.biases[0][:] = 0
    return Trap(*net.observed(inputs, rng.integers(0, 10, BATCH)), inputs)


def opposite(rng: np.random.Generator) -> Trap:
    """Without a bias a sample and its negative share no neuron."""
    return same_mask(rng, -1.0)


def nested_masks(rng: np.random.Generator, extra: int) -> Trap:
    """Sample 1 activates all neurons of sample 0 and a few more: its zero rows have a kernel of two."""
    pattern = rng.random((WIDTH, BATCH)) < 0.5
    pattern[:, 1] = pattern[:, 0]
    pattern[rng.choice(np.nonzero(pattern[:, 0])[0], extra, replace=False), 1] = False
    truth = synthetic.planted_problem(pattern, _gaussian(rng), rng=rng)
    return Trap(*truth.observed, truth.inputs)


def union_mask(rng: np.random.Generator) -> Trap:
    """Sample 2 activates what 0 or 1 activate: mixtures of the three have the same zeros."""
    pattern = rng.random((WIDTH, BATCH)) < 0.5
    pattern[:, 2] = pattern[:, 0] & pattern[:, 1]
    truth = synthetic.planted_problem(pattern, _gaussian(rng), rng=rng)
    return Trap(*truth.observed, truth.inputs)


def parallel_columns(rng: np.random.Generator, size: float) -> Trap:
    """Two columns of D that agree where both are active, up to `size`."""
    inputs = _gaussian(rng)
    step = _step(rng, inputs)
    active = inputs @ step.weight.T + step.bias > 0
    d = rng.standard_normal((BATCH, WIDTH))
    d[1] = d[0] + size * rng.standard_normal(WIDTH)
    return _layer(d * active, inputs, step.weight, step.bias)


def exact_duplicates(rng: np.random.Generator, same_label: bool) -> Trap:
    inputs = _gaussian(rng)
    inputs[1] = inputs[0]
    labels = rng.integers(0, 10, BATCH)
    labels[1] = labels[0] if same_label else (labels[0] + 1) % 10
    return _step(rng, inputs, labels=labels)


def overlapping_crops(rng: np.random.Generator, size: int, standardized: bool) -> Trap:
    image = images.photographs()[int(rng.integers(6))]
    y, x = (int(rng.integers(image.shape[axis] - size - 8)) for axis in (0, 1))
    shifts = rng.integers(0, 8, (BATCH, 2))
    inputs = np.stack([image[y + i : y + i + size, x + j : x + j + size].reshape(-1) for i, j in shifts])
    return _step(rng, images.standardize(inputs) if standardized else inputs, hidden=60)


def crops_with_duplicates(rng: np.random.Generator) -> Trap:
    return _step(rng, images.crops(BATCH, size=8, distinct=0.0, rng=rng), hidden=60)


def tabular(rng: np.random.Generator, classes: int) -> Trap:
    return _step(rng, images.tabular(BATCH, rng=rng), classes=classes)


def digits(rng: np.random.Generator) -> Trap:
    return _step(rng, images.digits(BATCH, rng=rng))


def scaled_features(rng: np.random.Generator) -> Trap:
    sizes = 10.0 ** rng.uniform(-4, 4, FEATURES)
    return _step(rng, (_gaussian(rng) * sizes).astype("float32"))


def loud_and_quiet_samples(rng: np.random.Generator) -> Trap:
    sizes = 10.0 ** rng.uniform(-3, 2, (BATCH, 1))
    return _step(rng, (_gaussian(rng) * sizes).astype("float32"))


def few_features(rng: np.random.Generator) -> Trap:
    return _step(rng, _gaussian(rng, BATCH, BATCH + 1))


def inputs_dependent(rng: np.random.Generator) -> Trap:
    inputs = _gaussian(rng)
    inputs[0] = 0.5 * inputs[1] + 0.5 * inputs[2]  # also with its bias coordinate: rank b - 1
    return _step(rng, inputs)


# Heads and layers


def two_classes(rng: np.random.Generator, one_label: bool, hidden: int = 0) -> Trap:
    labels = np.zeros(BATCH, dtype=int) if one_label else rng.integers(0, 2, BATCH)
    return _step(rng, _gaussian(rng), classes=2, labels=labels, hidden=hidden)


def one_label(rng: np.random.Generator) -> Trap:
    return _step(rng, _gaussian(rng), labels=np.zeros(BATCH, dtype=int))


def scalar_head(rng: np.random.Generator) -> Trap:
    """A regression head: D is a vector times a mask."""
    inputs = _gaussian(rng)
    weight = rng.uniform(-1, 1, (WIDTH, FEATURES)) / FEATURES**0.5
    bias = rng.uniform(-1, 1, WIDTH) / FEATURES**0.5
    active = inputs @ weight.T + bias > 0
    d = np.where(active, rng.standard_normal(WIDTH), 0) * rng.standard_normal((BATCH, 1)) / BATCH
    return _layer(d, inputs, weight, bias)


def signed_head(rng: np.random.Generator) -> Trap:
    """D of entries -1, 0 and 1: many columns cancel on many rows."""
    inputs = _gaussian(rng)
    weight = rng.uniform(-1, 1, (WIDTH, FEATURES)) / FEATURES**0.5
    bias = np.zeros(WIDTH)
    d = np.where(inputs @ weight.T > 0, np.sign(rng.standard_normal((BATCH, WIDTH))), 0)
    return _layer(d, inputs, weight, bias)


def _layer(d: Floats, inputs: Floats, weight: Floats, bias: Floats) -> Trap:
    grads = d.T @ inputs, d.sum(axis=0)
    return Trap(*(a.astype("float32") for a in (*grads, weight, bias)), inputs)


def too_few_rows(rng: np.random.Generator, width: int) -> Trap:
    return _step(rng, _gaussian(rng), width=width)


def inactive_sample(rng: np.random.Generator) -> Trap:
    inputs = _gaussian(rng)
    net = network((FEATURES, WIDTH, 10), rng)
    net.biases[0][:] = -3.0 * np.abs(net.weights[0] @ inputs[0])  # sample 0 activates no neuron
    net.biases[0][:20] += 6.0 * np.abs(net.weights[0] @ inputs[0])[:20] * (rng.random(20) < 0.9)
    net.biases[0][:20] -= 1.01 * np.maximum(net.weights[0] @ inputs[0] + net.biases[0], 0)[:20]
    return Trap(*net.observed(inputs, rng.integers(0, 10, BATCH)), inputs)


def zero_outgoing_weights(rng: np.random.Generator) -> Trap:
    """Neurons that are active and have zero gradient: dead rows that the masks deny."""
    inputs = _gaussian(rng)
    net = network((FEATURES, WIDTH, 10), rng)
    net.weights[1][:, rng.choice(WIDTH, 3, replace=False)] = 0
    return Trap(*net.observed(inputs, rng.integers(0, 10, BATCH)), inputs)


def dropout(rng: np.random.Generator) -> Trap:
    """Inverted dropout on the hidden layer: zeros of D that no mask predicts."""
    inputs = _gaussian(rng)
    step = _step(rng, inputs)
    active = inputs @ step.weight.T + step.bias > 0
    d = rng.standard_normal((BATCH, WIDTH)) * active * (rng.random((BATCH, WIDTH)) < 0.8)
    return _layer(d, inputs, step.weight, step.bias)


def leaky(rng: np.random.Generator, slope: float) -> Trap:
    """A leaky ReLU: no entry of D is zero."""
    inputs = _gaussian(rng)
    step = _step(rng, inputs)
    active = inputs @ step.weight.T + step.bias > 0
    d = rng.standard_normal((BATCH, WIDTH)) * np.where(active, 1, slope)
    return _layer(d, inputs, step.weight, step.bias)


def negligible_loss(rng: np.random.Generator, size: float) -> Trap:
    inputs = _gaussian(rng)
    step = _step(rng, inputs)
    active = inputs @ step.weight.T + step.bias > 0
    d = rng.standard_normal((BATCH, WIDTH)) * active
    d[0] *= size
    return _layer(d, inputs, step.weight, step.bias)


# Settings


def wrong_batch_size(rng: np.random.Generator, missing: int) -> Trap:
    return replace(_step(rng, _gaussian(rng)), batch_size=BATCH - missing)


def weights_of_another_step(rng: np.random.Generator, size: float) -> Trap:
    step = _step(rng, _gaussian(rng))
    change = size * _rms(step.weight) * rng.standard_normal(step.weight.shape)
    return replace(step, weight=(step.weight + change).astype("float32"))


def wrong_bias(rng: np.random.Generator, size: float) -> Trap:
    step = _step(rng, _gaussian(rng))
    return replace(step, bias=(step.bias + size * rng.standard_normal(WIDTH)).astype("float32"))


def bias_of_zero(rng: np.random.Generator) -> Trap:
    step = _step(rng, _gaussian(rng))
    return replace(step, bias=np.zeros_like(step.bias))


def trained_network(rng: np.random.Generator, steps: int) -> Trap:
    inputs = _gaussian(rng, 64)
    labels = rng.integers(0, 10, 64)
    net = trained(inputs, labels, WIDTH, 10, rng, steps=steps)
    return Trap(*net.observed(inputs[:BATCH], labels[:BATCH]), inputs[:BATCH])


def federated_averaging(rng: np.random.Generator, rate: float, steps: int, after: bool) -> Trap:
    """The change of the weights over some local steps, against the weights before or after them."""
    inputs, labels = _gaussian(rng), rng.integers(0, 10, BATCH)
    first = last = network((FEATURES, WIDTH, 10), rng)
    total: list[Floats] = []
    for _ in range(steps):
        total.append(np.concatenate([np.c_[g] for g in last.gradients(inputs, labels)[0]], axis=1))
        last = last.step(inputs, labels, rate)
    update = np.sum(total, axis=0)
    net: Network = last if after else first
    return Trap(update[:, :-1].copy(), update[:, -1].copy(), net.weights[0], net.biases[0], inputs)


def two_batches(rng: np.random.Generator) -> Trap:
    """Momentum: the gradient of this batch and 0.9 of that of another one, at other weights."""
    inputs, labels = _gaussian(rng), rng.integers(0, 10, BATCH)
    net = network((FEATURES, WIDTH, 10), rng)
    before = net.observed(inputs[:4], labels[:4])
    net = net.step(inputs[:4], labels[:4], 0.1)
    now = net.observed(inputs[4:], labels[4:])
    grads = (0.9 * a + b for a, b in zip(before[:2], now[:2], strict=True))
    return Trap(*(g.astype("float32") for g in grads), *now[2:], inputs)


def weight_decay(rng: np.random.Generator, size: float, of_bias: float = 1.0) -> Trap:
    """Of the bias as of the weights, or of another size."""
    step = _step(rng, _gaussian(rng))
    return replace(
        step,
        grad_w=(step.grad_w + size * step.weight).astype("float32"),
        grad_b=(step.grad_b + of_bias * size * step.bias).astype("float32"),
    )


def weights_as_an_update(rng: np.random.Generator) -> Trap:
    """The weights and noise, without any batch: what is left without them has no low rank."""
    step = _step(rng, _gaussian(rng))
    noisy = (x + 1e-3 * rng.standard_normal(x.shape).astype("float32") for x in (step.weight, step.bias))
    return replace(step, **dict(zip(("grad_w", "grad_b"), noisy, strict=True)))


# Defences


def noise(rng: np.random.Generator, size: float, model: str) -> Trap:
    step = _step(rng, _gaussian(rng))
    scale = _rms(step.grad_w) if model == "additive" else np.abs(step.grad_w)
    bias_scale = _rms(step.grad_w) if model == "additive" else np.abs(step.grad_b)
    return replace(
        step,
        grad_w=(step.grad_w + size * scale * rng.standard_normal(step.grad_w.shape)).astype("float32"),
        grad_b=(step.grad_b + size * bias_scale * rng.standard_normal(WIDTH)).astype("float32"),
    )


def noise_on_uneven_rows(rng: np.random.Generator, size: float, decades: float) -> Trap:
    """Added noise on rows whose norms differ widely: the noise is easily taken for relative."""
    inputs = _gaussian(rng)
    net = network((FEATURES, WIDTH, 10), rng)
    net.weights[1][:] *= (10.0 ** rng.uniform(-decades, decades, WIDTH)).astype("float32")
    step = Trap(*net.observed(inputs, rng.integers(0, 10, BATCH)), inputs)
    noise = size * _rms(step.grad_w) * rng.standard_normal((WIDTH, FEATURES + 1))
    return replace(
        step,
        grad_w=(step.grad_w + noise[:, :-1]).astype("float32"),
        grad_b=(step.grad_b + noise[:, -1]).astype("float32"),
    )


def rounded(rng: np.random.Generator, dtype: str) -> Trap:
    step = _step(rng, _gaussian(rng))
    scale = 1000 if dtype == "float16" else 1  # loss scaling, so that nothing underflows
    return replace(
        step,
        grad_w=(scale * step.grad_w).astype(dtype).astype("float32"),
        grad_b=(scale * step.grad_b).astype(dtype).astype("float32"),
    )


def half_weights(rng: np.random.Generator) -> Trap:
    """The layer, not the gradient, rounded to half precision."""
    step = _step(rng, _gaussian(rng))
    return replace(step, weight=step.weight.astype("float16").astype("float32"))


def quantized(rng: np.random.Generator, bits: int) -> Trap:
    step = _step(rng, _gaussian(rng))

    def to_grid(array: Floats) -> Floats:
        unit = np.abs(array).max() / (2 ** (bits - 1) - 1)
        return (np.round(array / unit) * unit).astype("float32")

    return replace(step, grad_w=to_grid(step.grad_w), grad_b=to_grid(step.grad_b))


def largest_only(rng: np.random.Generator, share: float) -> Trap:
    """Top-k sparsification of the entries of the gradient."""
    step = _step(rng, _gaussian(rng))
    limit = np.quantile(np.abs(step.grad_w), 1 - share)
    return replace(step, grad_w=np.where(np.abs(step.grad_w) >= limit, step.grad_w, np.float32(0)))


def largest_rows_only(rng: np.random.Generator, share: float) -> Trap:
    step = _step(rng, _gaussian(rng))
    norms = np.linalg.norm(step.grad_w, axis=1)
    keep = (norms >= np.quantile(norms, 1 - share)).astype("float32")
    return replace(step, grad_w=step.grad_w * keep[:, None], grad_b=step.grad_b * keep)


def _spoiled(step: Trap, both: Floats, mask: Floats) -> Trap:
    both = both.astype("float32")
    return replace(step, grad_w=both[:, :-1], grad_b=both[:, -1], mask=mask)


def hidden_sample(rng: np.random.Generator, share: float) -> Trap:
    """A mask that hides all rows, or most of them, on which one sample is active."""
    step = _step(rng, _gaussian(rng))
    active = step.weight @ step.inputs[0] + step.bias > 0
    hidden = active & (rng.random(WIDTH) < share)
    mask = np.tile(~hidden[:, None], (1, FEATURES + 1))
    both = np.c_[step.grad_w, step.grad_b]
    return _spoiled(step, np.where(mask, both, 0), mask)


def zeros_called_observed(rng: np.random.Generator, share: float) -> Trap:
    """Top-k, with a mask that takes a share of the entries that were dropped for zeros."""
    step = _step(rng, _gaussian(rng))
    both = np.c_[step.grad_w, step.grad_b]
    kept = np.abs(both) >= np.median(np.abs(both))
    return _spoiled(step, np.where(kept, both, 0), kept | (rng.random(both.shape) < share))


def clipped_called_observed(rng: np.random.Generator, share: float) -> Trap:
    """Entries at the limit, a share of which the mask calls as they were."""
    step = _step(rng, _gaussian(rng))
    both = np.c_[step.grad_w, step.grad_b]
    top = np.quantile(np.abs(both), 0.99)
    mask = (np.abs(both) < top) | (rng.random(both.shape) < share)
    return _spoiled(step, np.clip(both, -top, top), mask)


def largest_of_noise(rng: np.random.Generator, size: float) -> Trap:
    """Top-k of a noisy gradient."""
    step = noise(rng, size, "additive")
    limit = np.median(np.abs(step.grad_w))
    return replace(step, grad_w=np.where(np.abs(step.grad_w) >= limit, step.grad_w, np.float32(0)))


def half_of_twins(rng: np.random.Generator, distance: float, share: float) -> Trap:
    """A random mask over the gradient of near-duplicates."""
    step = near_duplicates(rng, distance)
    mask = rng.random((WIDTH, step.grad_w.shape[1] + 1)) < share
    return _spoiled(step, np.where(mask, np.c_[step.grad_w, step.grad_b], 0), mask)


def few_of_each_row(rng: np.random.Generator, spare: int) -> Trap:
    """Rows of which hardly more entries came than there are samples."""
    step = _step(rng, _gaussian(rng))
    order = rng.random((WIDTH, FEATURES + 1)).argsort(axis=1)
    mask = order < BATCH + spare
    mask[: WIDTH // 4] = True
    return _spoiled(step, np.where(mask, np.c_[step.grad_w, step.grad_b], 0), mask)


def clipped_rows(rng: np.random.Generator) -> Trap:
    step = _step(rng, _gaussian(rng))
    norms = np.linalg.norm(step.grad_w, axis=1)
    factor = np.minimum(1, 0.3 * np.median(norms) / np.maximum(norms, 1e-30)).astype("float32")
    return replace(step, grad_w=step.grad_w * factor[:, None], grad_b=step.grad_b * factor)


def clipped_entries(rng: np.random.Generator, quantile: float) -> Trap:
    step = _step(rng, _gaussian(rng))
    limit = np.quantile(np.abs(step.grad_w), quantile)
    return replace(step, grad_w=np.clip(step.grad_w, -limit, limit).astype("float32"))


def scaled_globally(rng: np.random.Generator, factor: float) -> Trap:
    step = _step(rng, _gaussian(rng))
    return replace(step, grad_w=step.grad_w * np.float32(factor), grad_b=step.grad_b * np.float32(factor))


def wrong_bias_gradient(rng: np.random.Generator, how: str) -> Trap:
    step = _step(rng, _gaussian(rng))
    changed = {
        "negative": -step.grad_b,
        "doubled": 2 * step.grad_b,
        "shuffled": rng.permutation(step.grad_b),
        "zero": np.zeros_like(step.grad_b),
    }
    return replace(step, grad_b=changed[how])


def rescaled_bias_gradient(rng: np.random.Generator, bias: float, factor: float) -> Trap:
    """Another learning rate for biases, beside biases so small that masks hardly tell the scale."""
    net = network((FEATURES, WIDTH, 10), rng, "float32")
    net = replace(net, biases=[np.float32(bias) * net.biases[0], *net.biases[1:]])
    inputs, labels = _gaussian(rng), rng.integers(0, 10, BATCH)
    step = Trap(*net.observed(inputs, labels), inputs)
    return replace(step, grad_b=np.float32(factor) * step.grad_b)


def rescaled_in_noise(rng: np.random.Generator, size: float, factor: float) -> Trap:
    """A bias gradient nearly as large as it should be, where noise excuses contradictions."""
    step = noise(rng, size, "additive")
    return replace(step, grad_b=np.float32(factor) * step.grad_b)


def clipped_tensors(rng: np.random.Generator, bias: float) -> Trap:
    """Each tensor of each sample clipped on its own: every sample has a scale of its own."""
    net = network((FEATURES, WIDTH, 10), rng, "float32")
    net = replace(net, biases=[np.float32(bias) * net.biases[0], *net.biases[1:]])
    inputs, labels = _gaussian(rng), rng.integers(0, 10, BATCH)
    whole = Trap(*net.observed(inputs, labels), inputs)
    grad_w, grad_b = np.zeros_like(whole.grad_w), np.zeros_like(whole.grad_b)
    for k in range(BATCH):
        one = Trap(*net.observed(inputs[k : k + 1], labels[k : k + 1]), inputs)
        grad_w += one.grad_w / max(1.0, float(np.linalg.norm(one.grad_w)))
        grad_b += one.grad_b / max(1.0, float(np.linalg.norm(one.grad_b)) / 0.1)
    return replace(whole, grad_w=grad_w / BATCH, grad_b=grad_b / BATCH)


def shuffled_rows_of_layer(rng: np.random.Generator, share: float) -> Trap:
    step = _step(rng, _gaussian(rng))
    order = np.arange(WIDTH)
    some = rng.choice(WIDTH, int(share * WIDTH), replace=False)
    order[some] = rng.permutation(some)
    return replace(step, weight=step.weight[order], bias=step.bias[order])


def one_bad_entry(rng: np.random.Generator, size: float) -> Trap:
    step = _step(rng, _gaussian(rng))
    grad_w = step.grad_w.copy()
    grad_w[rng.integers(WIDTH), rng.integers(FEATURES)] += size * _rms(grad_w)
    return replace(step, grad_w=grad_w)


def bad_rows(rng: np.random.Generator, count: int) -> Trap:
    """Some neurons report a random mixture of the batch."""
    step = _step(rng, _gaussian(rng))
    grad_w, grad_b = step.grad_w.copy(), step.grad_b.copy()
    d = _rms(grad_w) * rng.standard_normal((count, BATCH)).astype("float32")
    rows = rng.choice(WIDTH, count, replace=False)
    grad_w[rows], grad_b[rows] = d @ step.inputs, d.sum(axis=1)
    return replace(step, grad_w=grad_w, grad_b=grad_b)


def negative(rng: np.random.Generator) -> Trap:
    step = _step(rng, _gaussian(rng))
    return replace(step, grad_w=-step.grad_w, grad_b=-step.grad_b)


def signs_of_rows_flipped(rng: np.random.Generator) -> Trap:
    step = _step(rng, _gaussian(rng))
    sign = rng.choice(np.array([-1, 1], dtype="float32"), WIDTH)
    return replace(step, grad_w=step.grad_w * sign[:, None], grad_b=step.grad_b * sign)


def random_gradient(rng: np.random.Generator) -> Trap:
    """Low rank and nothing else: no batch stands behind it."""
    step = _step(rng, _gaussian(rng))
    d = rng.standard_normal((WIDTH, BATCH)).astype("float32")
    return replace(step, grad_w=d @ step.inputs, grad_b=d.sum(axis=1), inputs=np.zeros((0, FEATURES)))


def honest(rng: np.random.Generator, dtype: str, hidden: int) -> Trap:
    return _step(rng, _gaussian(rng).astype(dtype), hidden=hidden)


def planted(rng: np.random.Generator, share: float) -> Trap:
    truth = synthetic.planted_problem(rng.random((WIDTH, BATCH)) < share, _gaussian(rng), rng=rng)
    return Trap(*truth.observed, truth.inputs)


for size in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
    trap(near_duplicates, f"near_duplicates {size:.0e}", distance=size)
for size in (0.3, 0.1, 0.03, 0.01, 1e-3):
    trap(near_duplicate_groups, f"near_duplicate_groups {size:.0e}", distance=size)
for size in (0.1, 0.03, 0.01):
    for count in (2, 3):
        trap(
            triplets_of_few_classes,
            f"triplets_of_few_classes {size} {count}",
            distance=size,
            classes=count,
        )
for size in (
    0.1,
    0.03,
):  # nearer ones of one label have the same mask, and the gradient is that of their mean
    trap(twins_beside_loud_samples, f"twins_beside_loud_samples {size}", distance=size)
for distance, size in ((0.3, 1e-2), (0.1, 1e-3), (0.1, 1e-2), (0.03, 1e-4), (0.03, 1e-3), (0.01, 1e-4)):
    trap(noisy_near_duplicates, f"noisy_near_duplicates {distance} {size:.0e}", distance=distance, size=size)
for size in (1.5, 1.01, 1e2, 1e-2):
    trap(same_mask, f"same_mask {size}", factor=size)
trap(opposite)
for count in (1, 2, 3, 5):
    trap(nested_masks, f"nested_masks {count}", extra=count)
trap(union_mask)
for size in (0.0, 1e-6, 1e-3):
    trap(parallel_columns, f"parallel_columns {size:.0e}", size=size)
trap(exact_duplicates, "exact_duplicates, one label", same_label=True)
trap(exact_duplicates, "exact_duplicates, two labels", same_label=False)
trap(overlapping_crops, "overlapping_crops", size=8, standardized=True)
trap(overlapping_crops, "overlapping_crops, raw", size=8, standardized=False)
trap(crops_with_duplicates)
trap(tabular, "tabular, two classes", classes=2)
trap(tabular, "tabular, ten classes", classes=10)
trap(digits)
trap(scaled_features)
trap(loud_and_quiet_samples)
trap(few_features)
trap(inputs_dependent)
trap(two_classes, "two_classes", one_label=False)
trap(two_classes, "two_classes, one label", one_label=True)
trap(two_classes, "two_classes, deeper", one_label=False, hidden=40)
trap(one_label)
trap(scalar_head)
trap(signed_head)
for rows in (9, 10, 12, 14, 16, 20, 24):
    trap(too_few_rows, f"too_few_rows {rows}", width=rows)
trap(inactive_sample)
trap(zero_outgoing_weights)
trap(dropout)
for size in (1e-4, 1e-2, 0.2):
    trap(leaky, f"leaky {size:.0e}", slope=size)
for size in (1e-3, 1e-5, 1e-6, 1e-7, 1e-8):
    trap(negligible_loss, f"negligible_loss {size:.0e}", size=size)
for missing in (1, 2, 4):
    trap(wrong_batch_size, f"wrong_batch_size -{missing}", missing=missing)
for size in (1e-6, 1e-4, 1e-3, 1e-2, 1e-1):
    trap(weights_of_another_step, f"weights_of_another_step {size:.0e}", size=size)
for size in (1e-4, 1e-2, 1e-1, 1.0):
    trap(wrong_bias, f"wrong_bias {size:.0e}", size=size)
trap(bias_of_zero)
for count in (20, 200, 1000):
    trap(trained_network, f"trained_network {count}", steps=count)
for size in (1e-3, 1e-2, 1e-1):
    trap(federated_averaging, f"federated_averaging {size:.0e}", rate=size, steps=5, after=False)
    trap(federated_averaging, f"federated_averaging {size:.0e}, after", rate=size, steps=5, after=True)
trap(two_batches)
for size in (1e-6, 1e-3, 1e-1):
    trap(weight_decay, f"weight_decay {size:.0e}", size=size)
    for of_bias in (0.0, 2.0, -1.0):
        trap(weight_decay, f"weight_decay {size:.0e}, {of_bias:g} of the bias", size=size, of_bias=of_bias)
trap(weights_as_an_update)
for size in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2):
    trap(noise, f"noise {size:.0e}", size=size, model="additive")
    trap(noise, f"relative noise {size:.0e}", size=size, model="relative")
for decades in (0.5, 1.0, 1.5):
    for size in (1e-6, 1e-4, 1e-3):
        trap(noise_on_uneven_rows, f"noise_on_uneven_rows {decades} {size:.0e}", size=size, decades=decades)
trap(rounded, "rounded to float16", dtype="float16")
trap(half_weights)
for count in (4, 8, 12, 16):
    trap(quantized, f"quantized to {count} bits", bits=count)
for size in (0.1, 0.5, 0.99, 0.9999):
    trap(largest_only, f"largest_only {size}", share=size)
trap(largest_rows_only, "largest_rows_only .5", share=0.5)
trap(largest_rows_only, "largest_rows_only .2", share=0.2)
trap(clipped_rows)
for size in (0.5, 0.99, 0.9999):
    trap(clipped_entries, f"clipped_entries {size}", quantile=size)
for size in (0.5, 0.9, 1.0):
    trap(hidden_sample, f"hidden_sample {size:g}", share=size)
for size in (1e-3, 0.1, 0.5):
    trap(zeros_called_observed, f"zeros_called_observed {size:g}", share=size)
for size in (0.02, 0.5, 1.0):
    trap(clipped_called_observed, f"clipped_called_observed {size:g}", share=size)
for size in (1e-6, 1e-4, 1e-2):
    trap(largest_of_noise, f"largest_of_noise {size:.0e}", size=size)
for distance in (1e-5, 1e-3, 1e-2):
    for size in (0.5, 0.8):
        trap(half_of_twins, f"half_of_twins {distance:.0e} {size}", distance=distance, share=size)
for spare in (0, 1, 3, 8):
    trap(few_of_each_row, f"few_of_each_row {spare}", spare=spare)
for size in (1e-20, 1e-6, 1e6):
    trap(scaled_globally, f"scaled_globally {size:.0e}", factor=size)
for name in ("negative", "doubled", "shuffled", "zero"):
    trap(wrong_bias_gradient, f"bias gradient {name}", how=name)
for size in (0.02, 0.2, 1.0):
    trap(shuffled_rows_of_layer, f"shuffled_rows_of_layer {size}", share=size)
for size in (1e-5, 1e-3, 1.0):
    trap(one_bad_entry, f"one_bad_entry {size:.0e}", size=size)
for count in (1, 3, 10, 60):
    trap(bad_rows, f"bad_rows {count}", count=count)
trap(negative)
trap(signs_of_rows_flipped)
trap(random_gradient)
trap(honest, "honest", dtype="float32", hidden=0)
trap(honest, "honest, float64", dtype="float64", hidden=0)
trap(honest, "honest, deeper", dtype="float32", hidden=60)
for size in (0.3, 0.5, 0.8):
    trap(planted, f"planted {size}", share=size)
for size in (0.0, 1e-3, 0.03, 0.1, 0.3, 1.0):
    for factor in (0.1, 0.4, 0.5, 2.0, 3.0, 10.0):
        trap(rescaled_bias_gradient, f"rescaled_bias_gradient {size:g} {factor:g}", bias=size, factor=factor)
for size in (0.0, 1e-3, 0.03):  # beside larger biases one sample may pass: docs/certificate.md
    trap(clipped_tensors, f"clipped_tensors {size:g}", bias=size)
for factor in (0.9, 1.1):  # with less noise partial sets may pass: docs/certificate.md
    trap(rescaled_in_noise, f"rescaled_in_noise 0.01 {factor:g}", size=1e-2, factor=factor)

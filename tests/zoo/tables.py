"""Traps for the certificate of batches with more samples than features."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tests.helpers.networks import Floats, network
from tests.zoo.categories import equal_categories, honest_categories, unit_shares
from tests.zoo.traps import Trap

__all__ = ["TABLE_TRAPS"]

BATCH, FEATURES, WIDTH = 20, 8, 1500
TABLE_TRAPS: dict[str, Callable[[int], Trap]] = {}


def trap(build: Callable[..., Trap], name: str, **options: Any) -> None:
    TABLE_TRAPS[name] = lambda seed: build(np.random.default_rng(seed), **options)


def _records(rng: np.random.Generator) -> Floats:
    return rng.uniform(size=(BATCH, FEATURES))


def _step(
    rng: np.random.Generator,
    inputs: Floats,
    *,
    labels: Floats | None = None,
    hidden: tuple[int, ...] = (64,),
    classes: int = 3,
    dtype: str = "float32",
    neurons: int = WIDTH,
) -> Trap:
    net = network((FEATURES, WIDTH, *hidden, classes), rng, dtype)
    net.weights[0][neurons:], net.biases[0][neurons:] = net.weights[0][:-neurons], net.biases[0][:-neurons]
    labels = rng.integers(0, classes, len(inputs)) if labels is None else labels
    inputs = inputs.astype(dtype)
    behind = tuple(zip(net.weights[1:], net.biases[1:], strict=True))
    return Trap(*net.observed(inputs, labels), inputs, behind=behind)


def honest(rng: np.random.Generator, dtype: str) -> Trap:
    """No trap."""
    return _step(rng, _records(rng), dtype=dtype)


def twins(rng: np.random.Generator, distance: float, classes: int, hidden: tuple[int, ...]) -> Trap:
    """Pairs with one label, whose columns of D are proportional or nearly so: their mean fits many rows."""
    inputs, labels = _records(rng), rng.integers(0, classes, BATCH)
    half = BATCH // 2
    inputs[half:] = inputs[:half] + distance * rng.standard_normal((half, FEATURES))
    labels[half:] = labels[:half]
    return _step(rng, inputs, labels=labels, classes=classes, hidden=hidden)


def affine_combinations(rng: np.random.Generator) -> Trap:
    """Samples that lie between others: what two rows share may be any of them."""
    inputs = _records(rng)
    for k in range(6):
        first, second = rng.choice(np.arange(6, BATCH), 2, replace=False)
        inputs[k] = (inputs[first] + inputs[second]) / 2
    return _step(rng, inputs)


def proportional_columns(rng: np.random.Generator, hidden: tuple[int, ...]) -> Trap:
    """Two classes: rows with equal masks are parallel, whatever number of samples they hold."""
    return _step(rng, _records(rng), classes=2, hidden=hidden)


def row_pair(rng: np.random.Generator) -> Trap:
    """Pairs of rows that agree on a sample that is none."""
    step = _step(rng, _records(rng))
    grad_w, grad_b = step.grad_w.copy(), step.grad_b.copy()
    for _ in range(5):
        pair, sample = rng.choice(WIDTH, 2, replace=False), rng.uniform(size=FEATURES)
        shares = rng.standard_normal(2) * np.abs(grad_b).mean()
        grad_w[pair], grad_b[pair] = shares[:, None] * sample, shares
    return replace(step, grad_w=grad_w, grad_b=grad_b)


def other_weights(rng: np.random.Generator, share: float) -> Trap:
    """The weights are not those of the step, on a share of the rows."""
    step = _step(rng, _records(rng))
    rows = rng.choice(WIDTH, int(share * WIDTH), replace=False)
    weight, bias = step.weight.copy(), step.bias.copy()
    weight[rows], bias[rows] = weight[rng.permutation(rows)], bias[rng.permutation(rows)]
    return replace(step, weight=weight, bias=bias)


def noise(rng: np.random.Generator, size: float) -> Trap:
    """Noise of a size relative to the gradient."""
    step = _step(rng, _records(rng))
    level = size * float(np.sqrt((step.grad_w.astype(float) ** 2).mean()))
    added = level * rng.standard_normal((WIDTH, FEATURES + 1))
    return replace(
        step,
        grad_w=(step.grad_w + added[:, :-1]).astype("float32"),
        grad_b=(step.grad_b + added[:, -1]).astype("float32"),
    )


def equal_neurons(rng: np.random.Generator) -> Trap:
    """Neurons twice: pairs of rows with one mask, which prove nothing."""
    return _step(rng, _records(rng), neurons=WIDTH // 2)


def no_batch(rng: np.random.Generator) -> Trap:
    """Random numbers."""
    step = _step(rng, _records(rng))
    arrays = [rng.standard_normal(part.shape).astype("float32") for part in (step.grad_w, step.grad_b)]
    return replace(step, grad_w=arrays[0], grad_b=arrays[1], inputs=step.inputs[:0])


def outliers(rng: np.random.Generator, sizes: float) -> Trap:
    """Records far from the others, of which the network is sure: hardly anything of them is in a row."""
    inputs = _records(rng)
    inputs[:4] *= sizes * rng.uniform(0.5, 2, (4, 1))
    return _step(rng, inputs, hidden=())


def two_of_a_kind(rng: np.random.Generator, distance: float, hidden: tuple[int, ...]) -> Trap:
    """Every record twice, or nearly, so that what stands for two is half a batch of the right size."""
    inputs, labels = _records(rng), rng.integers(0, 2, BATCH)
    half = BATCH // 2
    inputs[half:] = inputs[:half] + distance * rng.standard_normal((half, FEATURES))
    labels[half:] = rng.integers(0, 2, half)  # of either label
    return _step(rng, inputs, labels=labels, classes=2, hidden=hidden)


for kind in ("float32", "float64"):
    trap(honest, f"honest, {kind}", dtype=kind)
for apart in (0.0, 1e-4, 1e-2, 5e-2):
    for layers, count in (((64,), 3), ((20,), 2), ((), 2)):
        trap(
            twins,
            f"twins {apart:.0e}, {layers}, {count} classes",
            distance=apart,
            classes=count,
            hidden=layers,
        )
        trap(two_of_a_kind, f"two of a kind {apart:.0e}, {layers}", distance=apart, hidden=layers)
trap(affine_combinations, "affine combinations")
for times in (10.0, 100.0):
    trap(outliers, f"outliers {times:.0f}", sizes=times)
for layers in ((), (20,)):
    trap(proportional_columns, f"proportional columns, {layers}", hidden=layers)
trap(row_pair, "row pair")
for part in (0.02, 1.0):
    trap(other_weights, f"other weights {part}", share=part)
for level in (1e-7, 1e-5, 1e-3):
    trap(noise, f"noise {level:.0e}", size=level)
trap(equal_neurons, "equal neurons")
trap(no_batch, "no batch")


def centred(rng: np.random.Generator, samples: int, dtype: str, trouble: str) -> Trap:
    """A few more samples than dimensions, no quiet rows; with twins, mixtures or other weights in it."""
    inputs, labels = rng.standard_normal((samples, FEATURES)), rng.integers(0, 3, samples)
    if trouble.startswith("twins"):
        inputs[-2:] = inputs[:2] + float(trouble.split()[1]) * rng.standard_normal((2, FEATURES))
        labels[-2:] = labels[:2]
    if trouble == "affine combinations":
        inputs[-2:] = (inputs[:2] + inputs[2:4]) / 2
    classes, hidden = (2, ()) if trouble == "proportional columns" else (3, (64,))
    step = _step(rng, inputs, labels=labels % classes, hidden=hidden, classes=classes, dtype=dtype)
    if trouble == "rows of another step":
        rows, other = rng.choice(WIDTH, 60, replace=False), _step(rng, rng.standard_normal((9, FEATURES)))
        grad_w, grad_b = step.grad_w.copy(), step.grad_b.copy()
        grad_w[rows], grad_b[rows] = other.grad_w[rows], other.grad_b[rows]
        step = replace(step, grad_w=grad_w, grad_b=grad_b)
    if trouble == "other weights":
        rows = rng.choice(WIDTH, WIDTH // 20, replace=False)
        weight = step.weight.copy()
        weight[rows] = weight[rng.permutation(rows)]
        step = replace(step, weight=weight)
    return step


CENTRED = ("twins 1e-4", "twins 1e-2", "twins 5e-2", "affine combinations", "proportional columns")
for what in ("honest", *CENTRED, "rows of another step", "other weights"):
    for kind in ("float32", "float64"):
        trap(centred, f"centred, {what}, {kind}", samples=12, dtype=kind, trouble=what)
trap(honest_categories, "categories, honest")
for whole in (False, True):
    trap(unit_shares, f"categories, shares of one size, {'integers' if whole else 'numbers'}", integers=whole)
for layers, count in (((64,), 3), ((20,), 2), ((), 2)):
    for pairs in (2,):
        for small in (1.0, 1e-2, 0.0):
            trap(
                equal_categories,
                f"categories, {pairs} equal pairs, {small:.0e}, {layers}, {count} classes",
                hidden=layers,
                classes=count,
                same=pairs,
                faint=small,
            )

"""Enters: a seed. Leaves: a small problem of random parts: inputs, twists, network, changes of the gradient.

Most of these hold a trap for the certificate; all come with their truth.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from spear_xp.updates import images
from tests.benchmarks.changes import CHANGES, RESCALED, Varied, local
from tests.benchmarks.clients import CLIENTS
from tests.benchmarks.training import multilayer, train
from tests.helpers.networks import Floats, Network

__all__ = ["varied"]

Rng = np.random.Generator


def varied(seed: int, local_share: float = 0.1, changes: Sequence[str] = ()) -> Varied:
    """The problem of a seed; `local_share` of all sum several local steps, and one of `changes` is made."""
    rng = np.random.default_rng([seed, 11])
    b = int(rng.integers(2, 25))
    few = rng.random() < 0.15
    m = int(rng.integers(b + 1, 3 * b + 2)) if few else int(rng.integers(max(3 * b, 40), 301))
    name = str(rng.choice(list(INPUTS)))
    inputs = INPUTS[name](rng, b)
    parts = [name, *(["few rows"] if few else [])]
    classes = int(rng.choice([2, 2, 3, 10, 10, 100]))
    labels = rng.integers(0, classes, b)
    for twist in chosen(rng, TWISTS, 0.3, 2):
        inputs, labels = TWISTS[twist](rng, inputs.copy(), labels.copy())
        parts.append(twist)
    depth = int(rng.choice([2, 2, 3, 4, 6]))
    net = multilayer(inputs.shape[1], m, depth, classes, rng)
    parts.append("two classes" if classes == 2 else f"{classes} classes")
    for head in chosen(rng, HEADS, 0.25, 1):
        net = HEADS[head](rng, net, inputs, labels)
        parts.append(head)
    parts += [f"depth {depth}", f"b={b} m={m}"]
    behind = tuple(zip(net.weights[1:], net.biases[1:], strict=True))
    layer = net.weights[0], net.biases[0]
    known = {"labels": labels, "behind": behind, "layer": layer}
    problem = Varied(*net.observed(inputs, labels), inputs, None, tuple(parts), **known)
    if rng.random() < local_share:
        problem = local(rng, net, labels, problem)
    for change in chosen(rng, CHANGES, 0.35, 2) if not changes else [str(rng.choice(changes))]:
        if change in CLIENTS:
            problem = CLIENTS[change](rng, net, labels, problem)
        else:
            problem = (CHANGES | RESCALED)[change](rng, problem)
        problem = replace(problem, parts=(change, *problem.parts))
    return problem


def chosen(rng: Rng, options: dict[str, Callable[..., object]], share: float, most: int) -> list[str]:
    """Up to `most` different options, each drawn with probability `share`."""
    count = int(rng.binomial(most, share))
    return [str(name) for name in rng.choice(list(options), count, replace=False)]


# Inputs


@lru_cache
def stock(name: str) -> Floats:
    """All images of a data set, one a row."""
    return {
        "faces": lambda: images.faces(100, rng=0),
        "raw faces": lambda: images.faces(100, standardized=False, rng=0),
        "raw digits": lambda: images.digits(1797, rng=0),
        "tabular": lambda: images.tabular(569, rng=0),
    }[name]()


@lru_cache
def pictures() -> list[Floats]:
    """Photographs, once for all."""
    return images.photographs()


def from_stock(name: str) -> Callable[[Rng, int], Floats]:
    """Builder that takes different rows of a data set."""
    return lambda rng, b: stock(name)[rng.choice(len(stock(name)), b, replace=False)]


def overlapping_crops(rng: Rng, b: int) -> Floats:
    """Pieces of one photograph, a few pixels apart, raw or standardised."""
    image, size = pictures()[int(rng.integers(6))], int(rng.integers(5, 11))
    y, x = (int(rng.integers(image.shape[axis] - size - 12)) for axis in (0, 1))
    shifts = rng.integers(0, 12, (b, 2))
    rows = np.stack([image[y + i : y + i + size, x + j : x + j + size].ravel() for i, j in shifts])
    return standardized_or_raw(rng, rows)


def scattered_crops(rng: Rng, b: int) -> Floats:
    """Pieces of different photographs; skies give near-duplicates."""
    size, rows = int(rng.integers(5, 11)), []
    for _ in range(b):
        image = pictures()[int(rng.integers(6))]
        y, x = (int(rng.integers(image.shape[axis] - size)) for axis in (0, 1))
        rows.append(image[y : y + size, x : x + size].ravel())
    return standardized_or_raw(rng, np.stack(rows))


def standardized_or_raw(rng: Rng, rows: Floats) -> Floats:
    """One or the other at even odds; a batch of one colour stays as it is."""
    return images.standardize(rows) if rng.random() < 0.5 and rows.std() > 0 else rows


INPUTS: dict[str, Callable[[Rng, int], Floats]] = {
    "Gaussian": lambda rng, b: rng.standard_normal((b, int(rng.integers(b, 200)))).astype("float32"),
    "uniform": lambda rng, b: rng.random((b, int(rng.integers(b, 200)))).astype("float32"),
    "binary": lambda rng, b: (rng.random((b, int(rng.integers(2 * b, 200)))) < 0.3).astype("float32"),
    "uneven features": lambda rng, b: (rng.standard_normal((b, 60)) * 10 ** rng.uniform(-3, 1, 60)).astype(
        "float32"
    ),
    "overlapping crops": overlapping_crops,
    "scattered crops": scattered_crops,
    **{name: from_stock(name) for name in ("faces", "raw faces", "raw digits", "tabular")},
}


# Twists of a batch


def pair(rng: Rng, b: int) -> tuple[int, int]:
    """Two different samples."""
    i, j = rng.choice(b, 2, replace=False)
    return int(i), int(j)


def duplicate(rng: Rng, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A sample twice, with or without the same label."""
    i, j = pair(rng, len(x))
    x[i] = x[j]
    y[i] = y[j] if rng.random() < 0.5 else y[i]
    return x, y


def near_duplicates(rng: Rng, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Up to three samples next to another one."""
    for _ in range(int(rng.integers(1, 4))):
        i, j = pair(rng, len(x))
        shift = rng.standard_normal(x.shape[1])
        size = 10 ** rng.uniform(-6, -0.5) * np.linalg.norm(x[j]) / np.linalg.norm(shift)
        x[i] = x[j] + size * shift
        y[i] = y[j] if rng.random() < 0.7 else y[i]
    return x, y


def multiple(rng: Rng, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A sample and a positive or negative multiple of it."""
    i, j = pair(rng, len(x))
    x[i] = x[j] * rng.choice([-1.0, 0.5, 0.9, 1.1, 2.0])
    return x, y


def between(rng: Rng, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A sample between two others, or close to."""
    i, j = pair(rng, len(x))
    k, share = int(rng.integers(len(x))), rng.random()
    x[i] = share * x[j] + (1 - share) * x[k] + rng.choice([0.0, 1e-3]) * rng.standard_normal(x.shape[1])
    return x, y


def loudness(rng: Rng, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Samples of very different size."""
    return (x * 10 ** rng.uniform(-2, 1, (len(x), 1))).astype("float32"), y


def one_label(rng: Rng, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The same label for all."""
    return x, np.full_like(y, y[0])


TWISTS = {
    "duplicate": duplicate,
    "near-duplicates": near_duplicates,
    "multiple": multiple,
    "between": between,
    "loudness": loudness,
    "one label": one_label,
}


# Heads and training


def rank_one(rng: Rng, net: Network, x: Floats, y: Floats) -> Network:
    """An output layer of rank one."""
    last = net.weights[-1]
    return replace(
        net, weights=[*net.weights[:-1], np.outer(rng.standard_normal(len(last)), last[0]).astype("float32")]
    )


def same_size(rng: Rng, net: Network, x: Floats, y: Floats) -> Network:
    """An output layer of entries of one absolute value."""
    last = net.weights[-1]
    return replace(net, weights=[*net.weights[:-1], (np.sign(last) * np.abs(last).mean()).astype("float32")])


def trained(rng: Rng, net: Network, x: Floats, y: Floats, optimizer: str) -> Network:
    """Trained on the batch among noisy copies of it."""
    copies = np.concatenate(
        [x + 0.1 * x.std() * rng.standard_normal(x.shape).astype("float32") for _ in range(4)]
    )
    steps = int(rng.integers(20, 120))
    return train(
        net, np.r_[copies, x], np.tile(y, 5), steps=steps, optimizer=optimizer, rng=rng, batch_size=16
    )


def no_bias(rng: Rng, net: Network, x: Floats, y: Floats) -> Network:
    """A first layer whose bias is zero."""
    return replace(net, biases=[np.zeros_like(net.biases[0]), *net.biases[1:]])


HEADS = {
    "rank-1 head": rank_one,
    "head of signs": same_size,
    "zero bias": no_bias,
    "trained by SGD": lambda rng, net, x, y: trained(rng, net, x, y, "sgd"),
    "trained by Adam": lambda rng, net, x, y: trained(rng, net, x, y, "adam"),
}

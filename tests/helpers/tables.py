"""Tables as banks and hospitals train on, and the gradient of a batch with more samples than features."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.helpers.networks import Floats, network

__all__ = [
    "FEW_KINDS",
    "KINDS",
    "TABLES",
    "Table",
    "centred_table",
    "distances",
    "few_categories",
    "scaled",
    "small_table",
    "table",
    "table_gradient",
    "with_inputs",
]

TABLES = ("breast cancer", "wine", "diabetes", "digits", "one-hot")
HIDDEN = 200  # width of the second layer
CATEGORIES = (7, 16, 7, 14, 6, 5, 2, 10)  # sizes of the blocks of a table like "adult", beside three numbers
KINDS = [f"one-hot:{k}" for k, size in enumerate(CATEGORIES) for _ in range(size)] + 3 * ["real"]
FEW = (4, 4, 4, 4, 4, 4)  # the same of a small one, beside two numbers
FEW_KINDS = [f"one-hot:{k}" for k, size in enumerate(FEW) for _ in range(size)] + 2 * ["real"]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Arguments of `invert`, the true batch, and the layers behind."""

    grad_w: Floats
    grad_b: Floats
    weight: Floats
    bias: Floats
    inputs: Floats
    behind: tuple[tuple[Floats, Floats], ...] = ()

    @property
    def observed(self) -> tuple[Floats, Floats, Floats, Floats]:
        """`(grad_w, grad_b, weight, bias)`."""
        return self.grad_w, self.grad_b, self.weight, self.bias


def table(name: str) -> tuple[Floats, Floats]:
    """Distinct rows of a table and their labels."""
    from sklearn import datasets

    if name == "one-hot":
        return _one_hot()
    load = {
        "breast cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
        "digits": datasets.load_digits,
    }[name]
    found = load()
    labels = (found.target > np.median(found.target)).astype(int) if name == "diabetes" else found.target
    inputs, first = np.unique(found.data.astype(float), axis=0, return_index=True)
    return inputs, labels[first]


def _one_hot() -> tuple[Floats, Floats]:
    rng, count = np.random.default_rng(5), 2000
    blocks = [np.eye(size)[rng.choice(size, count, p=rng.dirichlet(np.ones(size)))] for size in CATEGORIES]
    numbers = np.c_[rng.integers(17, 90, count), rng.integers(1, 16, count), rng.integers(1, 99, count)]
    return np.column_stack([*blocks, numbers]), (rng.random(count) < 0.4).astype(int)


def scaled(inputs: Floats, scaling: str) -> Floats:
    """Columns scaled as in practice: "min-max", "standard" or "raw"."""
    if scaling == "raw":
        return inputs
    low, size = (
        (inputs.min(axis=0), np.ptp(inputs, axis=0))
        if scaling == "min-max"
        else (inputs.mean(axis=0), inputs.std(axis=0))
    )
    return (inputs - low) / np.where(size > 0, size, 1.0)


def table_gradient(
    name: str,
    batch: int,
    width: int,
    *,
    seed: int,
    scaling: str = "min-max",
    dtype: str = "float32",
    hidden: tuple[int, ...] = (HIDDEN,),
) -> Table:
    """Gradient of a batch of distinct rows at the default initialisation of PyTorch."""
    rng = np.random.default_rng(seed)
    inputs, labels = table(name)
    chosen = rng.choice(len(inputs), batch, replace=False)
    inputs, labels = scaled(inputs, scaling)[chosen].astype(dtype), labels[chosen]
    classes = max(2, int(labels.max()) + 1)
    net = network((inputs.shape[1], width, *hidden, classes), rng, dtype)
    behind = tuple(zip(net.weights[1:], net.biases[1:], strict=True))
    return Table(*net.observed(inputs, labels), inputs, behind)


def with_inputs(
    inputs: Floats,
    *,
    seed: int = 0,
    width: int = 400,
    hidden: tuple[int, ...] = (64,),
    classes: int = 3,
) -> Table:
    """The gradient of a batch with random labels; twins in the second half have the labels of the first."""
    rng = np.random.default_rng(seed)
    net = network((inputs.shape[1], width, *hidden, classes), rng, str(inputs.dtype))
    labels = np.resize(rng.integers(0, classes, -(-len(inputs) // 2)), len(inputs))
    behind = tuple(zip(net.weights[1:], net.biases[1:], strict=True))
    return Table(*net.observed(inputs, labels), inputs, behind)


def small_table(
    seed: int = 0, *, batch: int = 14, features: int = 6, dtype: str = "float32", **options: Any
) -> Table:
    """A batch of uniform random features, which are not centred: some rows are quiet."""
    inputs = np.random.default_rng(seed).uniform(size=(batch, features)).astype(dtype)
    return with_inputs(inputs, seed=seed + 1, **options)


def distances(found: Floats, inputs: Floats) -> Floats:
    """Relative distance of each sample found to the nearest true one."""
    apart = np.linalg.norm(np.asarray(found, dtype=float)[:, None] - inputs[None].astype(float), axis=2)
    return (apart / np.linalg.norm(inputs.astype(float), axis=1)).min(axis=1)


def centred_table(
    seed: int = 0, *, batch: int = 12, features: int = 8, width: int = 700, dtype: str = "float64"
) -> Table:
    """A batch of Gaussian features with a few more samples than dimensions: no row is quiet."""
    inputs = np.random.default_rng(seed).standard_normal((batch, features)).astype(dtype)
    return with_inputs(inputs, seed=seed + 1, width=width)


def few_categories(rng: np.random.Generator, batch: int, *, same: int = 0) -> Floats:
    """Records of one-hot groups and two numbers; the last `same` have the categories of the first."""
    chosen = np.stack([rng.integers(size, size=batch) for size in FEW], axis=1)
    chosen[batch - same :] = chosen[:same]
    blocks = [np.eye(size)[chosen[:, k]] for k, size in enumerate(FEW)]
    return np.column_stack([*blocks, rng.uniform(size=(batch, 2))])

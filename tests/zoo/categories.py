"""Traps for what one-hot groups tell: they say that samples on a row have equal categories, and no more."""

from dataclasses import replace

import numpy as np

from tests.helpers.networks import network
from tests.helpers.tables import FEW_KINDS, few_categories
from tests.zoo.traps import Trap

__all__ = ["equal_categories", "honest_categories", "unit_shares"]

BATCH, WIDTH = 26, 1500
NUMBERS = 2  # columns that are no categories


def _step(
    rng: np.random.Generator, same: int, hidden: tuple[int, ...], classes: int, faint: float = 1.0
) -> Trap:
    inputs = few_categories(rng, BATCH, same=same).astype("float32")
    net = network((inputs.shape[1], WIDTH, *hidden, classes), rng, "float32")
    net.weights[0][:, -NUMBERS:] *= faint
    labels = rng.integers(0, classes, BATCH)
    labels[BATCH - same :] = labels[:same]
    return Trap(*net.observed(inputs, labels), inputs, kinds=FEW_KINDS)


def honest_categories(rng: np.random.Generator) -> Trap:
    """No trap."""
    return _step(rng, 0, (64,), 3)


def equal_categories(
    rng: np.random.Generator, hidden: tuple[int, ...], classes: int, same: int, faint: float
) -> Trap:
    """Pairs of equal categories and labels: any mixture of a pair is 0 and 1 in every group.

    The fainter the weights of the numbers, the more a pair is active together, in the end on every row.
    """
    return _step(rng, same, hidden, classes, faint)


def unit_shares(rng: np.random.Generator, *, integers: bool) -> Trap:
    """A loss with slopes 1 and -1 behind a single layer: x + y - z of integers is an integer as well."""
    step = _step(rng, 0, (), 2)
    inputs, kinds = step.inputs.astype(float), list(FEW_KINDS)
    if integers:
        inputs[:, -NUMBERS:] = rng.integers(0, 9, (BATCH, NUMBERS))
        kinds[-NUMBERS:] = NUMBERS * ["integer"]
    active = inputs @ step.weight.astype(float).T + step.bias > 0
    columns = active * rng.choice([-1.0, 1.0], BATCH)[:, None] * rng.standard_normal(WIDTH)
    grad_w, grad_b = (columns.T @ inputs).astype("float32"), columns.sum(axis=0).astype("float32")
    return replace(step, grad_w=grad_w, grad_b=grad_b, inputs=inputs.astype("float32"), kinds=kinds)

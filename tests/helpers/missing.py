"""Matrices and gradients of which some entries are missing, with the truth."""

import numpy as np

from spear_xp.numerics.backend import space_of
from spear_xp.reduction.completion.alternating import Entries
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.conftest import Backend
from tests.helpers.networks import Floats

__all__ = ["entries", "half_missing", "product"]


def product(rank: int = 3, m: int = 60, n: int = 50, share: float = 0.6) -> tuple[Floats, Floats]:
    """A product of low rank with entries near 1, and a mask of so many."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n)) / rank**0.5
    return truth, rng.random(truth.shape) < share


def entries(backend: Backend, **options: float) -> tuple[Entries, Floats, Floats]:
    """A product of which a share is known, the truth, and the mask."""
    truth, known = product(**options)
    values = backend.asarray(np.where(known, truth, 7.0))
    space = space_of(values)
    values = space.xp.astype(values, space.dtype)
    return Entries.of(space, values, backend.asarray(known)), truth, known


def half_missing(
    seed: int = 0, share: float = 0.5, samples: int = 6, width: int = 120, features: int = 60
) -> tuple[LayerGradient, Floats]:
    """A gradient in single precision, and a random mask of [grad_w | grad_b]."""
    truth = mlp_gradient(gaussian_inputs(samples, features, rng=seed), width=width, rng=seed)
    return truth, np.random.default_rng([seed, 3]).random((width, features + 1)) < share

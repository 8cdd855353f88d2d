"""Matrices of known rank."""

import numpy as np

from tests.helpers.networks import Floats


def low_rank(rng: np.random.Generator, m: int, n: int, rank: int, decay: float = 0.0) -> Floats:
    """A matrix of this rank, whose singular values fall from 1 by so many decades."""
    left = np.linalg.qr(rng.standard_normal((m, rank))).Q
    right = np.linalg.qr(rng.standard_normal((n, rank))).Q
    return (left * 10.0 ** -np.linspace(0, decay, rank)) @ right.T

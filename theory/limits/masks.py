"""Zero patterns in, which samples they determine out: of an actual batch, or of batches like it.

The iid tier takes every neuron to be active on half of all samples.  On raw pixels some hardly ever are, and
columns look alike; there the pattern itself has to be asked, or patterns like it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from theory.numerics.checks import FloatArray, ParameterError, check_scalar_integer
from theory.patterns.matching import check_zeros

__all__ = ["Determined", "bootstrap_determined", "determined"]

_SINGULAR = 1e-12  # eigenvalue over the largest, below which a Gram matrix counts as singular
_HELD = 1e-6  # component of a kernel from which it holds a sample


class Determined(NamedTuple):
    """What zero patterns determine, as shares of the batch.

    Attributes
    ----------
    directions : float
        Columns whose zero rows leave no other direction.
    samples : float
        Samples on which no other column's kernel has a component.
    whole : float
        Probability that all samples are determined; of one pattern 0 or 1.
    """

    directions: float
    samples: float
    whole: float


def determined(zeros: npt.ArrayLike, *, rng: np.random.Generator | int | None = None) -> Determined:
    """Test whether zero rows determine each column of a pattern, and whom a column hides where they do not.

    Parameters
    ----------
    zeros : array of bool, shape (m, b)
        True where dL/dZ is zero; rows that are zero throughout say nothing.
    rng : Generator, int or None
        Draws the nonzero entries, which are taken to be in general position.

    Returns
    -------
    Determined

    Raises
    ------
    ParameterError
        If `zeros` is no boolean pattern of two columns or more.

    Notes
    -----
    A direction with q_j + Σ κ_l q_l in the place of q_j explains the gradient as well, with x_l - κ_l x_j in
    the place of x_l: one column with a kernel hides every sample on which that kernel has a component.  One
    eigenvalue decomposition of b - 1 dimensions for each column.

    Examples
    --------
    >>> import numpy as np
    >>> pattern = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=bool)
    >>> determined(pattern, rng=0)
    Determined(directions=1.0, samples=1.0, whole=1.0)
    >>> [round(share, 2) for share in determined(pattern[[0, 1, 3]], rng=0)]
    [0.33, 0.67, 0.0]
    """
    pattern = check_zeros(zeros)
    b = pattern.shape[1]
    if b < 2:
        raise ParameterError(f"zeros has shape {pattern.shape}, out of range: need two columns or more")
    d = np.where(pattern, 0.0, np.random.default_rng(rng).standard_normal(pattern.shape))
    d /= np.maximum(np.linalg.norm(d, axis=0), np.finfo(float).tiny)
    held, unique = np.zeros(b, bool), 0
    for j in range(b):
        others = np.arange(b) != j
        rows = d[pattern[:, j]][:, others]
        values, vectors = np.linalg.eigh(rows.T @ rows)
        kernel = vectors[:, values <= _SINGULAR * values[-1]] if values[-1] > 0 else vectors
        unique += not kernel.shape[1]
        held[others] |= np.abs(kernel).max(axis=1, initial=0) > _HELD
    return Determined(unique / b, 1 - float(held.mean()), float(not held.any()))


def bootstrap_determined(
    mean: npt.ArrayLike,
    factor: npt.ArrayLike,
    batch_size: int,
    *,
    draws: int = 20,
    rng: np.random.Generator | int | None = None,
) -> Determined:
    """Share of batches like the given one that zero patterns determine (measured tier).

    Parameters
    ----------
    mean : array_like, shape (m,)
        Mean pre-activation of each neuron over samples.
    factor : array_like, shape (m, r)
        Factor F of their covariance F Fᵀ.
    batch_size : int
        b >= 2.
    draws : int
        Batches to draw.
    rng : Generator, int or None
        Source of randomness.

    Returns
    -------
    Determined
        Means over draws.

    Raises
    ------
    ParameterError
        If shapes do not fit or a count is out of range.

    Notes
    -----
    Pre-activations of the samples are drawn with this mean and covariance from a normal law.

    Examples
    --------
    >>> import numpy as np
    >>> bootstrap_determined(np.zeros(60), np.eye(60), 12, draws=4, rng=0).whole
    1.0
    """
    centre, spread = np.asarray(mean, np.float64), np.asarray(factor, np.float64)
    if centre.ndim != 1 or spread.ndim != 2 or len(spread) != len(centre):
        shapes = f"mean has shape {centre.shape} and factor {spread.shape}"
        raise ParameterError(f"{shapes}, out of range: need (m,) and (m, r)")
    b = check_scalar_integer("batch_size", batch_size, 2)
    count = check_scalar_integer("draws", draws, 1)
    generator = np.random.default_rng(rng)
    found: list[FloatArray] = []
    for _ in range(count):
        z = centre[:, None] + spread @ generator.standard_normal((spread.shape[1], b))
        found.append(np.asarray(determined(z <= 0, rng=generator)))
    directions, samples, whole = (float(v) for v in np.mean(found, axis=0))
    return Determined(directions, samples, whole)

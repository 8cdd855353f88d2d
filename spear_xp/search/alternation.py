"""Enters: a `Problem` and a partial set of directions. Leaves: directions for the masks that it implies.

The duals of the missing samples lie in the orthogonal complement of the directions that are known: one
missing dual is known exactly, several up to a rotation. Any guess of a dual predicts through the layer
which rows its sample does not activate; the kernel of the surest of them is a guess of its direction.
"""

from dataclasses import dataclass

from spear_xp._arrays import Array, Namespace, generator
from spear_xp._linalg import normalize, weighted_kernels
from spear_xp.problem import Problem
from spear_xp.search.base import Known, Proposals
from spear_xp.search.descent import sharpen

__all__ = ["Alternation", "masked_kernels"]

STREAM = 3
GUESSES = 48  # of duals in a chunk
SOFTNESS = 0.3  # of the predicted mask, in units of the mean pre-activation


def masked_kernels(xp: Namespace, rows: Array, z: Array, *, softness: float = SOFTNESS) -> Array:
    """Directions that nearly vanish on the rows with negative pre-activation.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, b)
        Balanced rows.
    z : array, shape (m, s)
        Predicted pre-activations of s samples, roughly right.
    softness : float
        Width of the transition from rows that count to rows that do not.

    Returns
    -------
    array, shape (b, s)
        Unit vectors: least singular vectors of the weighted rows, sharpened.
    """
    b = rows.shape[1]
    if b == 1 or z.shape[1] == 0:
        return xp.ones((b, z.shape[1]), dtype=rows.dtype, device=rows.device)
    sure = xp.clip(-z / (softness * xp.mean(xp.abs(z), axis=0)), 0, 1)
    scale = (b / rows.shape[0]) ** 0.5
    return sharpen(xp, scale * rows, weighted_kernels(xp, rows, sure**2))


@dataclass(frozen=True, slots=True)
class Alternation:
    """Guesses of the missing duals, their masks, and the kernels of those."""

    name: str = "alternation"

    def propose(self, problem: Problem, known: Known, seed: int, chunk: int) -> Proposals:
        """Directions for random duals in the complement of the known directions."""
        space = problem.space
        xp, b = space.xp, problem.rank
        found = known.directions.shape[1]
        missing = b - found
        if missing <= 0 or 2 * found < b:
            return Proposals(xp.zeros((b, 0), dtype=space.dtype, device=space.device), 0)
        frame = xp.linalg.qr(known.directions, mode="complete").Q[:, found:]
        guesses = frame
        if missing > 1:
            rng = generator(seed, STREAM, chunk)
            guesses = frame @ space.normal(rng, (missing, GUESSES))
        scale = problem.last @ guesses
        z = problem.layer @ (guesses / xp.where(scale == 0, xp.ones_like(scale), scale))
        kernels = masked_kernels(xp, problem.balanced, z)
        return Proposals(normalize(xp, problem.unbalance @ kernels), int(guesses.shape[1]))

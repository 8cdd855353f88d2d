"""Enters: a `Problem` and what is known. Leaves: directions at which the l1 norm of U q is locally least.

Columns of D are sparse vectors in the column space of U, and local minima of ‖U q‖₁ on the sphere are
such vectors (Spielman, Wang, Wright 2012; Qu, Sun, Wright 2014). Many starts descend at once, as two
matrix products a step. The layer helps: the current iterate implies an input, the input implies through
W and β which rows it does not activate, and those rows count more. Directions that are known already
repel the others: the objective is a ratio to the part outside of their span, and samples whose duals
are known are projected out altogether.
"""

from dataclasses import dataclass

from spear_xp._arrays import Array, Generator, Namespace, Space, generator, quiet, to_host
from spear_xp._linalg import balance, inverse, normalize
from spear_xp.problem import Problem, remaining_activity
from spear_xp.search.base import Known, Proposals

__all__ = ["TEMPERATURES", "Descent", "Face", "descend", "distinct", "face_of", "iterates", "sharpen"]

STREAM = 2
SHRINK = 1e-3  # last step over first
EVERY = 3  # steps between two predictions of the mask
DISTINCT = 0.97  # |cos| from which two iterates are on their way to the same direction
TEMPERATURES = (0.7, 0.7, 1.5, 0.4)  # of the predicted masks, in turns
ROUNDS = 8  # of reweighted least squares
WIDEST, NARROWEST = 0.1, 1e-7  # rows counted as zero, in units of a typical entry of rows @ q
NARROW = 0.5  # at least, from one round to the next
QUORUM = 1.3  # rows, as a multiple of the dimension, that must be able to stay in the count
TINY = 1e-20  # keeps quotients finite where an iterate has arrived
SHARES = (1.0, 0.5, 1.0, 0.3)  # of the rows, least active first, in turns
FEWEST = 2.5  # rows for each dimension that a share must leave
SHARPENED = 48  # iterates of a chunk that are solved to the end


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """The part of the problem in which a descent moves: coordinates y with q = lift @ y.

    `rows` are balanced rows of U in these coordinates, `layer` maps y to the pre-activations of the
    input it implies, `outside` projects on the complement of known directions (None: nothing to avoid).
    """

    rows: Array
    lift: Array
    layer: Array
    avoid: Array | None


def descend(
    xp: Namespace,
    rows: Array,
    layer: Array | None,
    starts: Array,
    *,
    avoid: Array | None = None,
    steps: int = 300,
    temperature: float = 0.7,
) -> Array:
    """Minimise the weighted l1 norm ‖w · rows q‖₁ over unit vectors, many starts at once.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, d)
        Balanced rows.
    layer : array, shape (m, d), or None
        Maps an iterate to the pre-activations of the input that it implies; None weights all rows alike.
    starts : array, shape (d, s)
        First iterates.
    avoid : array, shape (d, k), optional
        Orthonormal directions to stay away from: the objective is divided by ‖(I - avoid avoidᵀ) q‖.
    steps : int
        Steps; their length falls geometrically from 1 to 1e-3.
    temperature : float
        Softness of the predicted mask, in units of the mean pre-activation.

    Returns
    -------
    array, shape (d, s)
        Last iterates, unit norm.

    Notes
    -----
    Projected subgradient with geometric steps; weights are sigmoid(-z / temperature), renewed every third
    step. The sign of z is the one for which rows predicted inactive have the smaller residuals.
    """

    def outside(vectors: Array) -> Array:
        return vectors if avoid is None else vectors - avoid @ (avoid.T @ vectors)

    def size(vectors: Array) -> Array:
        return xp.sqrt(xp.sum(vectors * vectors, axis=0)) + TINY

    current, length = starts / size(outside(starts)), 1.0
    weights = xp.ones_like(rows[:, :1])
    for step in range(steps):
        residual = rows @ current
        free = outside(current)
        if layer is not None and step % EVERY == 0:
            z = layer @ free
            magnitude = xp.abs(residual)
            sign = xp.sign(xp.sum((magnitude - xp.mean(magnitude, axis=0)) * z, axis=0))
            z = z * (sign / (temperature * (xp.mean(xp.abs(z), axis=0) + TINY)))
            weights = 1 / (1 + xp.exp(xp.clip(z, -20, 20)))
        gradient = rows.T @ (weights * xp.sign(residual))
        gradient = gradient - free * xp.sum(current * gradient, axis=0)
        current = current - length * gradient / size(gradient)
        current = current / size(outside(current))
        length *= SHRINK ** (1 / max(1, steps - 1))
    return normalize(xp, current)


def sharpen(xp: Namespace, rows: Array, directions: Array) -> Array:
    """Nearly sparse directions made exact by reweighted least squares, all at once.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, d)
        Balanced rows, ‖rows @ q‖ near 1 for unit q.
    directions : array, shape (d, s)
        Unit vectors close to directions with many zero rows.

    Returns
    -------
    array, shape (d, s)
        Unit vectors, near the kernel of the rows that were small.

    Notes
    -----
    Weights w²/(r² + w²) with a width w that falls to the size of the quorum-th smallest residual
    (Daubechies, DeVore, Fornasier, Güntürk 2010), one step of inverse iteration for each width.
    """
    m, d = rows.shape
    if d == 1:
        return directions
    eye = xp.eye(d, dtype=rows.dtype, device=rows.device)
    quorum = min(m - 1, int(QUORUM * d) + 2)
    current = directions.T[:, :, None]  # (s, d, 1)
    width = xp.full((directions.shape[1],), WIDEST, dtype=rows.dtype, device=rows.device)
    for _ in range(ROUNDS):
        residual = m**0.5 * (rows @ current[:, :, 0].T)
        reach = xp.sort(xp.abs(residual), axis=0)[quorum, :]
        width = xp.clip(xp.minimum(reach, width), NARROWEST, None)
        weights = width**2 / (residual**2 + width**2)
        gram = (rows.T[None, :, :] * weights.T[:, None, :]) @ rows
        scale = xp.max(xp.abs(gram), axis=(1, 2), keepdims=True)
        current = normalize(xp, xp.linalg.solve(gram + 1e-14 * scale * eye, current), axis=1)
        width = NARROW * width
    return current[:, :, 0].T


@dataclass(frozen=True, slots=True)
class Descent:
    """Batches of descents, each in the complement of what is known.

    Attributes
    ----------
    starts : int
        Starts of a chunk while everything is still to be found.
    steps : int
        Steps of the first chunks; later ones take longer.
    """

    starts: int = 128
    steps: int = 300
    name: str = "descent"

    def propose(self, problem: Problem, known: Known, seed: int, chunk: int) -> Proposals:
        """Directions at which one batch of descents has arrived."""
        space = problem.space
        xp, rng = space.xp, generator(seed, STREAM, chunk)
        face = face_of(problem, known, share=SHARES[chunk % len(SHARES)])
        d = face.rows.shape[1]
        if d == 0:  # every sample is solved
            return Proposals(xp.zeros((problem.rank, 0), dtype=space.dtype, device=space.device), 0)
        missing = problem.rank - known.directions.shape[1]
        count = int(min(self.starts, max(24, 4 * missing)))
        steps, temperature = self.steps * (1 + chunk // 6), TEMPERATURES[chunk % len(TEMPERATURES)]
        arrived = iterates(space, face, rng, count, steps=steps, temperature=temperature)
        directions = face.lift @ sharpen(xp, face.rows, arrived)
        return Proposals(normalize(xp, directions), count)


def iterates(
    space: Space, face: Face, rng: Generator, count: int, *, steps: int, temperature: float
) -> Array:
    """Distinct last iterates of descents from random starts, some, little or all of them off what is known.

    Single precision does for the way there; what arrives is in working precision, best objective first.
    """
    xp, avoid = space.xp, face.avoid
    start = space.normal(rng, (face.rows.shape[1], count))
    if avoid is not None:
        part = space.asarray(rng.choice([0.0, 0.3, 1.0], size=count))
        start = start - avoid @ (avoid.T @ start) * (1 - part)
    with quiet():
        end = descend(
            xp,
            xp.astype(face.rows, xp.float32),
            xp.astype(face.layer, xp.float32),
            xp.astype(normalize(xp, start), xp.float32),
            avoid=None if avoid is None else xp.astype(avoid, xp.float32),
            steps=steps,
            temperature=temperature,
        )
    return distinct(xp, face, normalize(xp, xp.astype(end, space.dtype)))


def face_of(problem: Problem, known: Known, share: float = 1.0) -> Face:
    """Coordinates of the complement of solved samples, balanced, and what to avoid in them.

    With a share below 1 only the least active rows are kept: fewer nonzero entries, at the price of
    fewer rows.
    """
    xp, space = problem.space.xp, problem.space
    solved = space.indices([k for k, s in enumerate(known.solved) if s])
    other = space.indices([k for k, s in enumerate(known.solved) if not s])
    duals, directions = (xp.take(a, solved, axis=1) for a in (known.duals, known.directions))
    d = problem.rank - int(solved.shape[0])
    rows, layer = problem.rows, problem.layer
    if d == 0:
        return Face(rows[:, :0], problem.unbalance[:, :0], layer[:, :0], None)
    if share < 1 and int(share * problem.width) > FEWEST * d:
        rest = rows - known.coefficients @ known.duals.T
        least = xp.argsort(remaining_activity(problem, rest))[: int(share * problem.width)]
        rows, layer = xp.take(rows, least, axis=0), xp.take(layer, least, axis=0)
    frame = xp.eye(d, dtype=space.dtype, device=space.device)
    if solved.shape[0]:
        frame = xp.linalg.qr(normalize(xp, duals), mode="complete").Q[:, solved.shape[0] :]
        # The dual that an iterate implies is cleared of the solved samples.
        layer = layer @ (frame - duals @ (directions.T @ frame))
    balanced, change = balance(xp, rows @ frame)
    back, _ = inverse(xp, change)
    avoid = None
    if other.shape[0] and d > 1:
        inner = back @ frame.T @ xp.take(known.directions, other, axis=1)
        left, values, _ = xp.linalg.svd(normalize(xp, inner), full_matrices=False)
        keep = int(xp.sum(xp.astype(values > 1e-4 * values[0], xp.int64)))
        avoid = left[:, : min(keep, d - 1)]
    scale = (d / rows.shape[0]) ** 0.5
    return Face(balanced * scale, frame @ change, layer @ back.T, avoid)


def distinct(xp: Namespace, face: Face, vectors: Array) -> Array:
    """Distinct iterates, best objective first."""
    order = to_host(xp.argsort(xp.sum(xp.abs(face.rows @ vectors), axis=0)))
    cosines = to_host(xp.abs(vectors.T @ vectors))
    keep: list[int] = []
    for i in order:
        if len(keep) == SHARPENED:
            break
        if not keep or cosines[i, keep].max() <= DISTINCT:
            keep.append(int(i))
    return xp.take(vectors, xp.asarray(keep, dtype=xp.int64, device=vectors.device), axis=1)

"""Enters: a `Problem` and what is known. Leaves: directions at which the l1 norm of U q is locally least.

Columns of D are sparse vectors in the column space of U, and local minima of ‖U q‖₁ on the sphere are
such vectors (Spielman, Wang, Wright 2012; Qu, Sun, Wright 2014). Many starts descend at once, as two
matrix products a step. The layer helps: the current iterate implies an input, the input implies through
W and β which rows it does not activate, and those rows count more. That input is free of the samples that
are known already, so nothing draws the iterates back to these; samples whose duals are known are projected
out altogether.
"""

from dataclasses import dataclass
from typing import ClassVar

from spear_xp.geometry.deflation import Deflated, LayerModel, deflated
from spear_xp.geometry.directions import APPROACHING, FEW_MISSING
from spear_xp.geometry.masks import fitted_to
from spear_xp.numerics.backend import Array, Namespace, Space, on_device, quiet, space_of, to_host
from spear_xp.numerics.cuda.activity import conflicts, look, mask_weights
from spear_xp.numerics.cuda.descent import advance, pull, size, weighted_signs
from spear_xp.numerics.irls import masked_kernels, masking_work, sharpen, sharpening_work
from spear_xp.numerics.linalg import normalize, outside
from spear_xp.numerics.parts.blocks import sides
from spear_xp.numerics.parts.threads import each
from spear_xp.numerics.random import Generator, Stream, generator
from spear_xp.numerics.work import KeepGoing, calls, elementwise, forever, product
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.strategies.base import nothing

__all__ = ["TEMPERATURES", "Descent", "descend", "descent_work", "distinct", "iterates"]

EVERY = 3  # chosen: steps between two predictions of the mask; fewer cost time, more follow a stale mask
ASK = 10  # cosmetic: steps between two questions whether to go on
# measured: half of the starts arrive at about d^1.35 rows for d dimensions; the steps they take fall as the
# square of what there is beyond that (lab.md, "Steps of a descent")
GROWTH = 1.35
TEMPERATURES = (0.2, 0.4)  # measured: of the predicted masks, in turns (lab.md, "Descent")
# measured: elementwise operations of a step, and of a prediction of the mask (lab.md, "Counted work")
PASSES, PREDICTING = 3, 14
# measured: of the pull of the layer, over the gradient (lab.md, "Three ideas for the edge")
PULL = 0.3
CALLS = 20  # measured: calls on arrays in a step, with its share of a prediction (lab.md, "Counted work")
SHARPENED = 64  # chosen: most iterates of a chunk that are kept; fewer lose directions, more cost time


def descend(
    xp: Namespace,
    rows: Array,
    layer: LayerModel | None,
    starts: Array,
    *,
    avoid: Array | None = None,
    steps: int = 300,
    temperature: float = 0.7,
    keep_going: KeepGoing = forever,
) -> Array:
    """Minimise the weighted l1 norm ‖w · rows q‖₁ over unit vectors, many starts at once.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    rows : array, shape (m, d)
        Balanced rows.
    layer : LayerModel or None
        What the weights say of an iterate's sample; None weights all rows alike.
    starts : array, shape (d, s)
        First iterates.
    avoid : array, shape (d, k), optional
        Orthonormal directions to stay away from: the objective is divided by ‖(I - avoid avoidᵀ) q‖.
    steps : int
        Steps; their length falls evenly from 1 to next to nothing.
    temperature : float
        Softness of the predicted mask, in units of the mean pre-activation.
    keep_going : callable
        Asked now and then; the iterates of that moment are returned when it says no.

    Returns
    -------
    array, shape (d, s)
        Last iterates, unit norm.

    Notes
    -----
    Projected subgradient; weights are sigmoid(-z / temperature), renewed every third step. The sign of z is
    the one for which rows predicted inactive have the smaller residuals.

    The norm depends on q through its weights, too: a row that is predicted inactive and has a residual says
    that the pre-activation is larger there. That part of the gradient, the pull of the layer, is taken
    `PULL` times as long as the other and falls as the steps do: at the end sparsity alone decides.
    """
    space = space_of(rows)
    signs, move = space.fused("signs") or weighted_signs, space.fused("advance") or advance
    see, weigh = space.fused("look") or look, space.fused("weights") or mask_weights
    contradict, draw = space.fused("conflicts") or conflicts, space.fused("pull") or pull
    sums = xp.sum(layer.basis, axis=0) if layer is not None else None
    current = starts / size(xp, outside(avoid, starts))
    free, weights, pulled = outside(avoid, current), xp.ones_like(rows[:, :1]), xp.zeros_like(current)
    for step in range(steps):
        residual = rows @ current
        if layer is not None and step % EVERY == 0:
            z = layer.implied @ current
            seen = see(xp, residual, z)
            weights = weigh(xp, z, fitted_to(seen, layer.basis, sums), seen.share, temperature)
        if step % ASK == 0 and not keep_going():
            break
        gradient = rows.T @ signs(xp, residual, weights)
        if layer is not None and step % EVERY == 0:
            way = layer.back @ contradict(xp, residual, weights)
            pulled = draw(xp, way, current, gradient, xp.copysign(PULL, seen.share))
        current, free = move(xp, current, free, gradient, pulled, avoid, 1 - step / steps)
    return normalize(xp, current)


@dataclass(frozen=True, slots=True)
class Descent:
    """Batches of descents, each in the complement of what is known.

    Attributes
    ----------
    starts : int
        Starts of a chunk while everything is still to be found.
    steps : int
        Steps of the first chunks where half of the starts arrive: on d^1.35 rows in d dimensions.
    fewest_steps, most_steps : int
        The same where there are many rows for the dimensions that are left, and few.
    patience : int
        Chunks after which descents get as many steps more, again and again.
    fewest_starts, starts_each : int
        Starts that a chunk has at least, and for each missing sample where these are more.
    temperatures : tuple of float
        Softness of the predicted masks, in turns, in units of the mean pre-activation.
    sharpened : int
        Most iterates of a chunk that are solved to the end.
    few_missing : int
        Missing samples from which on the masks of iterates are solved as well.
    share : float
        Part of the rows that is used, the least active first: fewer nonzero entries, at the price of
        fewer rows. It pays where the mean input predicts activity.
    arm : int
        Number among the descents of one search: each draws its own starts.
    """

    starts: int = 128
    steps: int = 200
    fewest_steps: int = 100
    most_steps: int = 1200
    share: float = 1.0
    arm: int = 0
    patience: int = 6
    fewest_starts: int = 24
    starts_each: int = 4
    temperatures: tuple[float, ...] = TEMPERATURES
    sharpened: int = SHARPENED
    few_missing: int = FEW_MISSING
    name: str = "descent"
    uses_layer: ClassVar[bool] = True
    whole_masks: ClassVar[bool] = False

    def propose(
        self,
        problem: Problem,
        known: Known,
        seed: int,
        chunk: int,
        *,
        keep_going: KeepGoing = forever,
    ) -> Proposals:
        """Directions at which one batch of descents has arrived."""
        space = problem.space
        xp, rng = space.xp, generator(seed, Stream.DESCENT, chunk, self.arm)
        rest = deflated(problem, known, share=self.share)
        d = rest.rows.shape[1]
        if d == 0:  # every sample is solved
            return nothing(problem)
        missing = problem.rank - known.directions.shape[1]
        count = int(min(self.starts, max(self.fewest_starts, self.starts_each * missing)))
        steps = self.steps_on(problem.width, d, chunk)
        arrived = iterates(
            space,
            rest,
            rng,
            count,
            steps=steps,
            temperature=self.temperatures[chunk % len(self.temperatures)],
            most=self.sharpened,
            keep_going=keep_going,
        )
        work = descent_work(rest, count, steps) + sharpening_work(
            int(rest.rows.shape[0]), d, arrived.shape[1]
        )
        found = [sharpen(xp, rest.rows, arrived, keep_going)]
        if missing <= self.few_missing:
            # What is left are near-twins of what is known: an iterate keeps those in it, but not in its mask.
            z = rest.predict(xp, arrived)
            found.append(masked_kernels(xp, normalize(xp, rest.rows, axis=1), z, keep_going=keep_going))
            work += masking_work(int(rest.rows.shape[0]), d, arrived.shape[1])
        return Proposals(normalize(xp, rest.lift @ xp.concat(found, axis=1)), count, work)

    def steps_on(self, width: int, d: int, chunk: int = 0) -> int:
        """Steps of a descent on so many rows in d dimensions."""
        room = width / d**GROWTH
        steps = min(self.most_steps, max(self.fewest_steps, self.steps / room**2))
        return int(steps) * (1 + chunk // self.patience)


def descent_work(rest: Deflated, count: int, steps: int) -> float:
    """Multiply-adds of so many steps from so many starts."""
    (m, d), r = rest.rows.shape, rest.layer.basis.shape[1]
    step = 2 * product(m, d, count, double=False) + elementwise(m * count, PASSES)
    prediction = product(m, 2 * d + 2 * r, count, double=False) + elementwise(m * count, PREDICTING)
    return steps * (step + prediction / EVERY + calls(CALLS))


def iterates(
    space: Space,
    rest: Deflated,
    rng: Generator,
    count: int,
    *,
    steps: int,
    temperature: float,
    most: int = SHARPENED,
    keep_going: KeepGoing = forever,
) -> Array:
    """Distinct last iterates of descents from random starts, some, little or all of them off what is known.

    Single precision does for the way there; what arrives is in working precision, best objective first.
    """
    xp, avoid = space.xp, rest.avoid
    start = space.normal(rng, (rest.rows.shape[1], count))
    if avoid is not None:
        part = space.asarray(rng.choice([0.0, 0.3, 1.0], size=count))
        start = start - avoid @ (avoid.T @ start) * (1 - part)
    single = xp.astype(rest.rows, xp.float32)
    layer = LayerModel(*(xp.astype(part, xp.float32) for part in rest.layer))
    start = xp.astype(normalize(xp, start), xp.float32)

    def descended(part: slice) -> Array:
        with quiet():
            return descend(
                xp, single, layer, start[:, part], steps=steps, temperature=temperature, keep_going=keep_going
            )

    end = xp.concat(each(descended, sides(count, int(single.shape[0]), device=on_device(xp))), axis=1)
    return distinct(xp, rest, normalize(xp, xp.astype(end, space.dtype)), most)


def distinct(xp: Namespace, rest: Deflated, vectors: Array, most: int = SHARPENED) -> Array:
    """Distinct iterates, at most so many, best objective first."""
    order = to_host(xp.argsort(xp.sum(xp.abs(rest.rows @ vectors), axis=0)))
    cosines = to_host(xp.abs(vectors.T @ vectors))
    keep: list[int] = []
    for i in order:
        if len(keep) == most:
            break
        if not keep or cosines[i, keep].max() <= APPROACHING:
            keep.append(int(i))
    return xp.take(vectors, xp.asarray(keep, dtype=xp.int64, device=vectors.device), axis=1)

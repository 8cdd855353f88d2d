"""Enters: a `Problem` and a nearly full set of directions. Leaves: directions of the samples that are left.

A direction gives its sample away long before a row determines the dual: its zero pattern is the mask, a
sign of the pre-activation for every row, and all but a few coordinates of the dual follow from the other
directions. A thousand signs settle these few to about a per mille. Rows without what the known samples
explain hold the missing duals, a little blurred: rows on which one missing sample is active alone lie
along its dual. Any estimate of a dual predicts a mask, and the kernel of a mask is exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from spear_xp.geometry.directions import FEWER_MISSING
from spear_xp.geometry.masks import MISFIT, predicted_activity
from spear_xp.numerics.backend import Array, Namespace, signs, to_host
from spear_xp.numerics.classifiers import logistic, regression_work
from spear_xp.numerics.irls import FIRM, masked_kernels, masking_work
from spear_xp.numerics.linalg import inverse, normalize
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Known, Proposals
from spear_xp.strategies.base import nothing

__all__ = ["MaskRegression", "estimated_duals"]

FAINT = 0.3  # chosen: of the median size of a row, below which its direction is mostly error


@dataclass(frozen=True, slots=True)
class MaskRegression:
    """Estimates of the missing duals, their masks, and the kernels of those.

    Attributes
    ----------
    most_missing : int
        Missing samples up to which it is tried: beyond, hardly a row has one of them alone.
    trials, trials_each : int
        Most trial duals that rows give in a chunk, in all and for each missing sample.
    random_trials : int
        Trial duals without a row behind them.
    cosines : tuple of float
        |cos| from which rows lie along one line, in turns.
    rows : int
        Most rows that are compared.
    softness : float
        Of the masks that trial duals predict, in units of the mean pre-activation.
    """

    most_missing: int = FEWER_MISSING
    trials: int = 36
    trials_each: int = 6
    random_trials: int = 12
    cosines: tuple[float, ...] = (0.9, 0.95, 0.85)
    rows: int = 1024
    softness: float = FIRM
    name: str = "mask_regression"
    uses_layer: ClassVar[bool] = True
    whole_masks: ClassVar[bool] = True

    def propose(
        self,
        problem: Problem,
        known: Known,
        seed: int,
        chunk: int,
        *,
        keep_going: KeepGoing = forever,
    ) -> Proposals:
        """Directions for lines of rows, and for random duals, in the complement of the known directions."""
        space = problem.space
        xp, b = space.xp, problem.rank
        found = known.directions.shape[1]
        missing = b - found
        if not 1 < missing <= min(self.most_missing, b // 2):
            return nothing(problem)
        complement = xp.linalg.qr(known.directions, mode="complete").Q[:, found:]
        rng = generator(seed, Stream.MASK_REGRESSION, chunk)
        trials = complement @ space.normal(rng, (missing, self.random_trials))
        duals = estimated_duals(problem, known, complement)
        if duals is not None:
            rest = (problem.rows - known.coefficients @ duals.T) @ complement
            cosine, most = self.cosines[chunk % len(self.cosines)], self.trials_each * missing
            lines = _lines(xp, rest, cosine, min(self.trials, most), self.rows)
            trials = xp.concat([complement @ lines, trials], axis=1)
        scale = problem.last @ trials
        z = problem.layer @ (trials / xp.where(scale == 0, xp.ones_like(scale), scale))
        kernels = masked_kernels(xp, problem.balanced, z, softness=self.softness, keep_going=keep_going)
        basis = xp.linalg.qr(problem.layer @ complement).Q
        z = predicted_activity(xp, problem.balanced @ kernels, z, basis)
        again = masked_kernels(xp, problem.balanced, z, keep_going=keep_going)
        directions = problem.unbalance @ xp.concat([kernels, again], axis=1)
        count = int(trials.shape[1])
        work = 2 * masking_work(problem.width, b, count) + regression_work(problem.width, missing, found)
        return Proposals(normalize(xp, directions), count, work)


def estimated_duals(problem: Problem, known: Known, complement: Array) -> Array | None:
    """Duals of all known directions: those that are solved as they are, the others from their masks.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    known : Known
        k directions, at least one of them.
    complement : array, shape (b, b - k)
        Orthonormal basis of the complement of the directions.

    Returns
    -------
    array, shape (b, k), or None
        Columns p with p · q = 1; zero where no dual fits the mask. None if the directions are dependent.

    Notes
    -----
    P₀ + complement Y, where P₀ is the pseudoinverse of the directions and Y a logistic regression of the
    masks on the pre-activations, by Newton steps at falling temperature, all samples at once.
    """
    xp, directions = problem.space.xp, known.directions
    gram, valid = inverse(xp, directions.T @ directions)
    if not valid:
        return None
    start = directions @ gram
    basis, change = xp.linalg.qr(problem.layer @ complement)
    offset = problem.layer @ start
    label = xp.where(known.coefficients == 0, -xp.ones_like(offset), xp.ones_like(offset))
    size = xp.sqrt(xp.mean(offset * offset, axis=0)) * signs(xp, xp.sum(offset * label, axis=0))
    shift, wrong = logistic(xp, offset / size, basis * basis.shape[0] ** 0.5, label)
    shift = xp.linalg.solve(change, shift * (basis.shape[0] ** 0.5 * size))
    duals = xp.where(wrong < MISFIT, start + complement @ shift, xp.zeros_like(start))
    solved = problem.space.asarray(list(known.solved), dtype=xp.bool)
    return xp.where(solved, known.duals, duals)


def _lines(xp: Namespace, rest: Array, cosine: float, most: int, rows: int) -> Array:
    """Directions along which most of the largest rows lie, shape (d, k).

    They are found in coordinates where no direction is favoured.
    """
    left, values, right = xp.linalg.svd(rest, full_matrices=False)
    size = xp.sqrt(xp.sum(left * left, axis=1))
    order = xp.argsort(-size)[: min(rows, size.shape[0])]
    floor = FAINT * float(size[order[order.shape[0] // 2]])
    order = order[: int(xp.sum(xp.astype(size > floor, xp.int64)))]
    unit = normalize(xp, xp.take(left, order, axis=0), axis=1)
    cosines = to_host(unit @ unit.T)
    near = abs(cosines) > cosine
    count = near.sum(axis=1)
    found: list[Array] = []
    while len(found) < most and count.max() > 1:
        i = int(count.argmax())
        together = xp.asarray(cosines[i] * near[i], dtype=rest.dtype, device=rest.device)
        found.append(together @ unit)
        count[near[i]] = 0
    if not found:
        return rest.T[:, :0]
    return right.T @ (values[:, None] * xp.stack(found, axis=1))

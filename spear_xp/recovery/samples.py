"""Enters: b independent directions. Leaves: duals, scales and inputs with their error bars.

Q⁻¹ gives the samples in factor coordinates; the bias column of [x | 1] fixes the scale of each. Every
direction is then solved again on the rows that the layer predicts inactive for its sample.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from spear_xp.geometry.kernels import Kernels, batches
from spear_xp.geometry.masks import AMBIGUOUS_WIDTH, UNSURE
from spear_xp.numerics.backend import Array, Host, on_its_device, to_host
from spear_xp.numerics.linalg import inverse, normalize, smallest_singular
from spear_xp.numerics.parts.threads import each
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.reduction.problem import Problem

__all__ = ["SampleSet", "recover", "refine", "to_inputs"]


@dataclass(frozen=True, eq=False)
class SampleSet:
    """A full set of samples in factor coordinates, with what follows from them, each worked out once.

    Attributes
    ----------
    problem : Problem
        The reduced gradient.
    duals : array, shape (b, b)
        Column k is p_k with [x_k | 1] = V S p_k.
    directions : array, shape (b, b)
        Column k is q_k scaled so that `rows @ q_k` is column k of D (rows of D scaled as the
        gradient's rows); duals.T @ directions is the identity.
    support : array of bool, shape (m_live, b)
        Rows that determined each direction: predicted inactive and zero within the noise.
    nuisance : int
        Last columns that only complete the set: no samples, but with them all others are exact.
    """

    problem: Problem
    duals: Array
    directions: Array
    support: Array
    nuisance: int = 0

    @property
    def count(self) -> int:
        """Number of samples, nuisance left out."""
        return self.problem.rank - self.nuisance

    @cached_property
    def real(self) -> Array:
        """Which columns are samples, shape (b,)."""
        return self.problem.space.xp.arange(self.problem.rank, device=self.problem.space.device) < self.count

    @cached_property
    def columns(self) -> Array:
        """Columns of D with scaled rows, `rows @ directions`, shape (m_live, b)."""
        return self.problem.rows @ self.directions

    @cached_property
    def noise(self) -> Array:
        """Standard deviation of a column on a zero row, shape (b,)."""
        return self.problem.noise_of(self.directions)

    @cached_property
    def zero(self) -> Array:
        """Entries of D within the noise, shape (m_live, b)."""
        return self.problem.vanish(self.columns, self.noise)

    @cached_property
    def ambiguous(self) -> Array:
        """Entries that are neither surely zero nor surely not, shape (m_live, b)."""
        return self.problem.vanish(self.columns, self.noise, widen=AMBIGUOUS_WIDTH) & ~self.zero

    @cached_property
    def preactivations(self) -> Array:
        """Of each live row for each sample, shape (m_live, b)."""
        return self.problem.layer @ self.duals

    @cached_property
    def moved(self) -> Array:
        """What these have changed by over all steps of an update, in size, as far as that is known."""
        xp, moved = self.problem.space.xp, self.problem.moved
        return xp.zeros_like(self.preactivations) if moved is None else xp.abs(moved @ self.duals)

    @cached_property
    def coordinates(self) -> Array:
        """Samples [x | 1] in the basis V as columns, shape (b, b)."""
        return self.duals * self.problem.singular_values[:, None]

    @cached_property
    def sizes(self) -> Array:
        """Norms of the samples [x | 1], shape (b,)."""
        norms = self.problem.space.xp.linalg.vector_norm(self.coordinates, axis=0)
        return (norms * norms + 1) ** 0.5 if self.problem.scale == "masks" else norms


@on_its_device
def recover(problem: Problem, directions: Array, nuisance: int = 0) -> SampleSet | None:
    """Samples from b independent directions, scaled by the bias gradient.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    directions : array, shape (b, b)
        Columns up to scale.
    nuisance : int
        Number of last columns that are no directions of samples.

    Returns
    -------
    SampleSet or None
        None if the directions are dependent or a sample has no bias coordinate.
    """
    xp = problem.space.xp
    unit = normalize(xp, directions)
    inverted, valid = inverse(xp, unit)
    if not valid:
        return None
    duals = inverted.T
    scale = problem.last @ duals
    if not bool(xp.all(xp.abs(scale) > 0)):
        return None
    return SampleSet(problem, duals / scale, unit * scale, problem.zeros_of(unit), nuisance)


def refine(
    problem: Problem, samples: SampleSet, *, rounds: int = 2, keep_going: KeepGoing = forever
) -> SampleSet:
    """Every direction again, from the rows predicted inactive for its sample and zero within the noise.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    samples : SampleSet
        A full set of samples, roughly right.
    rounds : int
        Repetitions; two are enough when the masks are right.
    keep_going : callable
        Asked before each part of the directions.

    Returns
    -------
    SampleSet
        Directions whose masks do not determine them stay as they are.

    Raises
    ------
    OutOfTime
        If `keep_going` says no.
    """
    space, xp, b = problem.space, problem.space.xp, problem.rank
    if b == 1:
        return samples
    for _ in range(rounds):
        z = samples.preactivations
        inactive = z < -UNSURE * upper_median(xp, xp.abs(z))
        support = inactive & samples.zero
        enough, changed = (
            to_host(
                samples.real & (xp.sum(xp.astype(rows, xp.int64), axis=0) >= least) & xp.any(other, axis=0)
            )
            for rows, least, other in (
                (inactive, b, inactive != support),
                (support, b - 1, support != samples.support),  # the others are solved on these rows already
            )
        )
        # A bit of a quiet sample in a direction shows on the few rows where that sample is not quiet.
        whole = _solved(problem, inactive, samples.directions, enough, keep_going)
        better = xp.all(problem.zeros_of(whole) | ~inactive, axis=0) & space.asarray(enough, dtype=xp.bool)
        support = xp.where(better, inactive, support)
        directions = xp.where(better, whole, samples.directions)
        directions = _solved(problem, support, directions, changed & ~to_host(better), keep_going)
        again = recover(problem, directions, samples.nuisance)
        if again is None:
            return samples
        samples = replace(again, support=xp.where(samples.real, support, again.support))
    return samples


def _solved(problem: Problem, chosen: Array, directions: Array, which: Host, keep_going: KeepGoing) -> Array:
    """Directions, shape (b, b), some of them solved again on the rows that columns of `chosen` name."""
    xp, places = problem.space.xp, which.nonzero()[0]
    if not len(places):
        return directions
    index = problem.space.indices(places)
    rows, guesses = xp.take(chosen, index, axis=1), xp.take(directions, index, axis=1)

    def solved(part: slice) -> Array:
        ask(keep_going)
        kernels = Kernels.of(problem, rows[:, part], guesses[:, part])
        if kernels.valid.all():
            return kernels.directions.T
        return xp.stack([_kernel(problem, rows[:, k]) for k in range(part.start, part.stop)], axis=1)

    last = dict(zip(places.tolist(), range(len(which), len(which) + len(places)), strict=True))
    order = [last.get(k, k) for k in range(len(which))]
    found = xp.concat([directions, *each(solved, batches(problem, len(places)))], axis=1)
    return xp.take(found, problem.space.indices(order), axis=1)


def _kernel(problem: Problem, which: Array) -> Array:
    """Direction that vanishes on some rows best, shape (b,)."""
    xp = problem.space.xp
    return smallest_singular(xp, xp.take(problem.rows, xp.nonzero(which)[0], axis=0)).vectors[:, 0]


def to_inputs(problem: Problem, duals: Array) -> Array:
    """Duals, shape (b, k), as inputs, shape (k, n): the only product as long as the input."""
    return (problem.right.T @ (problem.singular_values[:, None] * duals)).T[:, :-1]

"""Enters: zero patterns of candidate directions. Leaves: which of them some input could have caused.

A mask is the sign pattern of W x + β, so a hyperplane in the coordinates of the row space separates its
active rows from its inactive ones. Few other patterns of m rows have one in b << m dimensions: those of
mixtures of samples do not, however many zeros these have.
"""

import math
from dataclasses import dataclass

from spear_xp.geometry.masks import AMBIGUOUS_WIDTH, EXACT_FLIPS, MISFIT, doubtful_zeros
from spear_xp.numerics.backend import Array, Host, Namespace, to_host
from spear_xp.numerics.classifiers import hyperplanes, logistic, separation_work
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.reduction.problem import Problem

__all__ = ["SeparabilityTest", "separability_work"]

FEW = 40  # measured: steps towards the best hyperplane of every pattern (lab.md, "Masks")
MANY = 160  # measured: the same for patterns that these do not separate (lab.md, "Masks")
REACH = 8  # chosen: errors of a fit, over the zeros that may be wrong, up to which these can explain them
TURNS = 3  # chosen: turns of setting zeros aside and fitting again; more cost time
# measured: share of rows on which the best hyperplane may err where most candidates have no error (lab.md,
# "Masks")
STRICT = 0.004
# chosen: times the typical misfit that passes; a larger value lets mixtures in, a smaller one keeps true
# masks out
COMMON = 3.0
ROUNDING = 10.0  # chosen: rounding units of a row's norm beyond which noise is more than rounding
# chosen: share of rows on which the best hyperplane may err where it is; a larger value lets mixtures in
LOOSE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class SeparabilityTest:
    """The test of one problem.

    Attributes
    ----------
    problem : Problem
    """

    problem: Problem

    def misfits(self, directions: Array, keep_going: KeepGoing = forever) -> Host:
        """Share of rows on which a good hyperplane contradicts the zero patterns of directions.

        Few steps separate most masks. Entries next to the tolerance say neither: one of thousands is noise
        that exceeds it. And a quiet sample is active on rows where nothing shows of it: as many zeros as
        these entries suggest, and one or two in any case, may be wrong. Where they suggest none, and no more
        errors are left than a mask may have, Newton steps decide.

        Parameters
        ----------
        directions : array, shape (b, k)
            Unit vectors.
        keep_going : callable
            Asked between the parts of the test; what is not tested when it says no has a misfit of 1.

        Returns
        -------
        NumPy array, shape (k,)
        """
        xp, space = self.problem.space.xp, self.problem.space
        zero = self.problem.zeros_of(directions)
        one = xp.ones(zero.shape, dtype=space.dtype, device=space.device)
        label = xp.where(zero, -one, one)
        unsure = self.problem.zeros_of(directions, widen=AMBIGUOUS_WIDTH) & ~zero
        allowed = doubtful_zeros(self.problem, unsure)
        basis = xp.astype(self.problem.layer_basis, xp.float32)
        wrong = to_host(xp.ones((zero.shape[1],), dtype=space.dtype)).copy()
        spare = allowed.clip(min=EXACT_FLIPS)
        for steps, excused in ((FEW, 0 * spare), (MANY, 0 * spare), (MANY, spare)):
            within = wrong * self.problem.width <= REACH * excused if excused.any() else True
            open_ = ((wrong > 0) & within).nonzero()[0]
            if len(open_) and keep_going():
                index = space.indices(open_)
                signs, counts = (xp.astype(xp.take(a, index, axis=1), xp.float32) for a in (label, ~unsure))
                wrong[open_] = to_host(
                    _errors(xp, basis, signs, counts, steps, space.asarray(excused[open_]))
                )
        open_ = ((wrong > 0) & (wrong < MISFIT) & (allowed == 0)).nonzero()[0]
        if len(open_):
            signs = xp.take(label, space.indices(open_), axis=1)
            features = self.problem.layer_basis * self.problem.width**0.5
            again = to_host(logistic(xp, xp.zeros_like(signs), features, signs, keep_going)[1])
            wrong[open_] = again.clip(max=wrong[open_])
        return wrong

    def tolerated(self, misfits: Host) -> float:
        """Misfit up to which zero patterns count as masks, from those found; infinite if none is one.

        Few errors of one are a reason for doubt where the others have none. Where more than rounding is in
        the gradient, rows of a few masks may flip and those of others not. Where the layer is known to have
        moved over several local steps, masks of true samples may be no masks of it.
        """
        problem = self.problem
        if problem.drift is not None:
            return math.inf
        if problem.relative_noise > ROUNDING * problem.unit_roundoff:
            return LOOSE if (misfits < LOOSE).any() else math.inf
        masks = misfits[misfits < MISFIT]
        if not len(masks):
            return math.inf
        typical = float(sorted(masks)[len(masks) // 2])
        return min(MISFIT, max(STRICT, 1.5 / problem.width, COMMON * typical))


def _errors(xp: Namespace, basis: Array, label: Array, sure: Array, steps: int, spare: Array) -> Array:
    """Share of signs, shape (m, k), that hyperplanes of least squared hinge loss leave wrong, shape (k,).

    Only those that are sure count, and so many of the negative ones that a hyperplane contradicts most do
    not; which, is settled in turns.
    """
    counts = sure
    fitted = hyperplanes(xp, basis, label, counts, steps)
    for _ in range(TURNS if bool(xp.any(spare > 0)) else 0):
        against = xp.where(label < 0, fitted, xp.full_like(fitted, -xp.inf))
        place = xp.astype(xp.argsort(xp.argsort(-against, axis=0), axis=0), spare.dtype)
        counts = xp.where((place < spare) & (against > -1), xp.zeros_like(label), sure)
        fitted = hyperplanes(xp, basis, label, counts, steps)
    return xp.mean(counts * xp.astype(label * fitted <= 0, label.dtype), axis=0)


def separability_work(problem: Problem, count: int) -> float:
    """Multiply-adds of the test of so many zero patterns, most of which are masks."""
    return separation_work(problem.width, problem.rank, count, FEW) if count else 0.0

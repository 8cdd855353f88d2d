"""Enters: a full set of directions. Leaves: an `Assessment`: its samples, what is certified, and its merit.

Sets are compared by their merit. What is certified counts first. Of two sets with as much certified the one
wins that masks contradict less and that needs fewer entries of D.
"""

import math
from dataclasses import dataclass, replace

from spear_xp.candidates.candidate import Candidate, stacked_directions
from spear_xp.candidates.selection import matching_score
from spear_xp.certification.certificate import Certificate
from spear_xp.certification.certify import certify
from spear_xp.certification.ledger import Ledger
from spear_xp.numerics.backend import Array
from spear_xp.numerics.linalg import kernel_pair_work, normalize
from spear_xp.numerics.work import DOUBLE, KeepGoing, calls, forever, product, small_solves
from spear_xp.recovery.likelihood import most_likely
from spear_xp.recovery.mask_fit import FAINT, MaskFit, cost_of
from spear_xp.recovery.nuisance import Nuisance
from spear_xp.recovery.samples import SampleSet, recover, refine
from spear_xp.recovery.uncertainty import calibrated
from spear_xp.reduction.problem import Problem

__all__ = ["NATS", "Assessment", "FullSet", "assess", "assessed", "assessment_work", "is_quick", "priced"]

# measured: nats that an entry costs which may be anything (lab.md, "All directions at once, and rows as
# samples")
NATS = 10.0
QUICK = 2**21  # chosen: m·b² up to which the likelihood of a set takes no longer than its certificate
# measured: least singular pairs, and other calls on arrays, for each direction (lab.md, "Counted work")
SOLVED, CALLS = 5, 100
# measured: share of entries of D that masks may contradict in a set without a proof (lab.md, "All
# directions at once, and rows as samples")
CREDIBLE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class FullSet:
    """As many directions as samples: candidates, and nuisance directions for what is missing."""

    problem: Problem
    chosen: tuple[Candidate, ...]
    nuisance: Nuisance | None = None

    @property
    def directions(self) -> Array:
        """Shape (b, b), nuisance last."""
        own = stacked_directions(self.problem, self.chosen)
        if self.nuisance is None:
            return own
        return self.problem.space.xp.concat([own, self.nuisance.directions], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What is known of one full set.

    Attributes
    ----------
    samples, certificate : SampleSet, Certificate
        The set, and what is certified of it.
    sources : tuple of str
        Strategies that found its samples.
    masks : MaskFit or None
        What masks say of it, with its tentative directions; None if anything is open.
    tentative : array, shape (b, t), or None
        Directions that span the same as the nuisance directions.
    ledger : Ledger
        All proofs up to this set.
    score : float
        Sparsity matching score.
    negative_log_likelihood : float or None
        Its cost with what it leaves of the rows, in the same unit, where that was asked for.
    """

    samples: SampleSet
    certificate: Certificate
    sources: tuple[str, ...]
    masks: MaskFit | None
    tentative: Array | None
    ledger: Ledger
    score: float = 0.0
    negative_log_likelihood: float | None = None

    @property
    def certified(self) -> int:
        """Number of certified samples."""
        return int(self.certificate.certified.sum())

    @property
    def merit(self) -> tuple[int, float, int, float]:
        """What makes one set better than another: certified samples, cost, masks, explained rows."""
        certified, masks, explained = self.certificate.merit
        cost = self.negative_log_likelihood
        return certified, -(cost_of(self.masks) if cost is None else cost), masks, explained

    @property
    def credible(self) -> bool:
        """Whether something is certified, or masks hardly contradict anything."""
        return self.certified > 0 or (self.masks is not None and self.masks.share < CREDIBLE)

    @property
    def whole(self) -> Array:
        """Directions of the set, shape (b, b), tentative ones in the place of nuisance."""
        return with_tentative(self.samples, self.tentative)


def assess(full: FullSet, ledger: Ledger, keep_going: KeepGoing = forever) -> Assessment | None:
    """Recover, refine and certify a set; None if it is dependent.

    Refinement trusts the masks. If the refined set contradicts them more, the better of both is taken.

    Raises
    ------
    OutOfTime
        If `keep_going` says no on the way.
    """
    problem = full.problem
    samples = recover(problem, full.directions, problem.rank - len(full.chosen))
    if samples is None:
        return None
    samples = calibrated(problem, samples)
    sources = tuple(candidate.source for candidate in full.chosen)
    refined = calibrated(problem, refine(samples.problem, samples, keep_going=keep_going))
    found = assessed(refined, sources, full.nuisance, ledger, keep_going)
    if cost_of(_masks(samples, found.tentative)) < cost_of(found.masks):
        found = max(
            found,
            assessed(samples, sources, full.nuisance, found.ledger, keep_going),
            key=lambda one: one.merit,
        )
    return found if full.nuisance else replace(found, score=matching_score(problem, list(full.chosen)))


def assessed(
    samples: SampleSet,
    sources: tuple[str, ...],
    nuisance: Nuisance | None,
    ledger: Ledger,
    keep_going: KeepGoing = forever,
) -> Assessment:
    """Certify a set as it is; what it proves goes into the ledger, and what the ledger proves into it."""
    own = certify(
        samples.problem, samples, provable=nuisance is None or nuisance.whole, keep_going=keep_going
    )
    ledger = ledger.learn(samples, own)
    tentative = None if nuisance is None else nuisance.tentative
    masks = None if nuisance is not None and tentative is None else _masks(samples, tentative)
    return Assessment(samples, ledger.extend(samples, own), sources, masks, tentative, ledger)


def priced(found: Assessment, keep_going: KeepGoing = forever) -> Assessment:
    """A set with its negative log-likelihood, where that is quickly told."""
    problem = found.samples.problem
    quick = is_quick(problem) and problem.noise_level > 0
    if not quick or found.masks is None or found.negative_log_likelihood is not None:
        return found
    whole, cost = recover(problem, found.whole), math.inf
    if whole is not None:
        likely, noise, _ = most_likely(whole, keep_going)
        silent = float(problem.space.xp.sum(problem.space.xp.astype(likely.support, problem.space.dtype)))
        # Sets are compared in one unit, whatever noise each of them shows.
        noise *= (problem.noise_level / found.ledger.problem.noise_level) ** 2
        if 0 < noise < math.inf:
            cost = found.masks.cost + 0.5 * silent * math.log(noise) / NATS
    return replace(found, negative_log_likelihood=cost)


def is_quick(problem: Problem) -> bool:
    """Whether the likelihood of a set takes no longer than its certificate."""
    return problem.width * problem.rank**2 <= QUICK


def with_tentative(samples: SampleSet, tentative: Array | None) -> Array:
    """Directions of a set, shape (b, b), tentative ones in the place of nuisance."""
    if tentative is None:
        return samples.directions
    return samples.problem.space.xp.concat([samples.directions[:, : samples.count], tentative], axis=1)


def _masks(samples: SampleSet, tentative: Array | None) -> MaskFit | None:
    """What the masks of a set say of it; None if it is dependent."""
    problem = samples.problem
    whole = normalize(problem.space.xp, with_tentative(samples, tentative))
    return MaskFit.of(problem, whole, faint=FAINT)


def assessment_work(problem: Problem) -> float:
    """Multiply-adds of one assessment: refinement, error bars and uniqueness solve each direction again."""
    m, b = problem.width, problem.rank
    inverses = 2 * (product(m, b, b) + DOUBLE * small_solves(b, 1))
    return b * (inverses + SOLVED * kernel_pair_work(m // 2, b) + calls(CALLS))

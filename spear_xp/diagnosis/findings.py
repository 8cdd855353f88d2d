"""Enters: the causes that arrays show, and how the search went. Leaves: all causes of a result."""

from dataclasses import replace

from spear_xp.candidates.candidate import Candidate
from spear_xp.certification.certificate import Certificate
from spear_xp.certification.mask_test import FACTORS, TOLD, ScaleProof
from spear_xp.diagnosis.arrays import SPOILING
from spear_xp.diagnosis.causes import Cause, cause
from spear_xp.diagnosis.masks import OF_MASKS, of_masks
from spear_xp.geometry.nullspaces import CONFIRMING
from spear_xp.numerics.work import KeepGoing, forever
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem

__all__ = ["LOUD", "beyond_edge", "no_direction", "of_search"]

LOUD = 1e-3  # chosen: noise over the root mean square entry of a row, from which it is to blame
# measured: least singular value over the noise of a column, below which masks that are all true prove nothing
# (lab.md, "Strong noise")
PROVABLE = 3.0
# derived: a sample is active on about half of the rows at initialisation, and must leave b + 2 of them zero
HALF = 2


def beyond_edge(problem: Problem) -> tuple[Cause, ...]:
    """Whether added noise is too strong for any proof: no kernel can be told from it."""
    level = float(problem.singular_values[-1]) / (problem.width**0.5 * problem.noise_level or 1.0)
    faint = problem.noise_hides and level < PROVABLE
    return (cause("noise edge", level),) if faint else ()


def no_direction(problem: Problem, before: tuple[Cause, ...] = ()) -> Cause:
    """Why the descents of a layer wide enough for many found not even one direction."""
    if problem.relative_noise > LOUD:
        for one in before:
            if one.name in SPOILING:  # where the noise is from
                return replace(one, hopeless=True)
        return cause("noise", problem.relative_noise, hopeless=True)
    return cause("no zero pattern", problem.width, hopeless=True)


def of_search(
    problem: Problem,
    before: tuple[Cause, ...],
    candidates: list[Candidate],
    samples: SampleSet | None = None,
    certificate: Certificate | None = None,
    *,
    scale: ScaleProof = TOLD,
    keep_going: KeepGoing = forever,
) -> tuple[Cause, ...]:
    """The causes that were known before, and why something is not certified.

    Parameters
    ----------
    problem : Problem
        The reduced gradient.
    before : tuple of Cause
        Those that the arrays show.
    candidates : list of Candidate
        All that the pool holds.
    samples, certificate : SampleSet, Certificate, optional
        The best full set, if there is one.
    scale : ScaleProof
        What masks say of the scale of what is certified.
    keep_going : callable
        Asked on the way; what it has no time for is not named.
    """
    proven = certificate is not None and certificate.certified.sum() == problem.rank
    if certificate is not None and certificate.certified.any():  # by masks of this layer
        refuted = OF_MASKS | ({"sign-like"} if proven else set())  # binary inputs of one sample are as even
        before = tuple(one for one in before if one.name not in refuted)
    if problem.scale != "given" and certificate is not None and certificate.certified.any():
        return (*before, cause("no bias gradient", certificate.certified.sum()))
    if scale.factor != 1:
        return (*before, cause("bias rescaled", scale.factor))
    if not scale.told:
        return (*before, cause("scale open", 1 + scale.open if scale.open else FACTORS[-1]))
    if proven or {*SPOILING, "weights for an update"} & {one.name for one in before}:
        return before
    found: tuple[Cause, ...] = ()
    if not OF_MASKS & {one.name for one in before}:
        found = of_masks(problem, candidates, samples, certificate, keep_going)
    if problem.relative_noise > LOUD and not any(one.name == "noise edge" for one in before):
        found += (cause("noise", problem.relative_noise),)
    if samples is None and problem.width < HALF * (problem.rank + CONFIRMING):
        found += (cause("few rows", problem.width / problem.rank),)
    return (*before, *found)

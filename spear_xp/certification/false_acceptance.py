"""Enters: a result. Leaves: how far its certificates reach."""

import math
from typing import Protocol

import theory
from spear_xp.certification.evidence import Evidence
from spear_xp.numerics.backend import Array, Host, to_host

__all__ = ["Certified", "false_acceptance"]


class Certified(Protocol):
    """What is asked of a `Result`: its samples, which of them are certified, and by what evidence."""

    @property
    def certified(self) -> Array:
        """Which samples are certified, shape (k,)."""
        ...

    @property
    def evidence(self) -> Evidence | None:
        """What the certificates rest on."""
        ...

    @property
    def batch_size(self) -> int | None:
        """Samples of the batch, if that is known."""
        ...


def false_acceptance(result: Certified, angle: float = 0.01) -> Host:
    """Log10 of a bound on the probability that a certificate is false, shape (k,); NaN where there is none.

    A sample is wrong at `angle` radians or more, up to π/2, from every true one; .01 is about 1 % off. The
    bound holds under the random model of `theory.acceptance` alone, which also says what it leaves out.
    """
    seen, certified = result.evidence, to_host(result.certified)
    if seen is None or result.batch_size is None:
        return to_host([math.nan] * len(certified))
    bound = _log_false_acceptance(seen, result.batch_size, angle)
    sets = {proof[0] for proof in seen.elsewhere if proof is not None}
    bounds = {other: _log_false_acceptance(other, result.batch_size, angle) for other in sets}
    for k, proof in enumerate(seen.elsewhere[: len(certified)]):
        if proof is not None:
            bound[k] = bounds[proof[0]][proof[1]]
    return bound / math.log(10) / to_host([1.0 if known else math.nan for known in certified])


def _log_false_acceptance(seen: Evidence, b: int, angle: float) -> Host:
    """Of every sample of one set."""
    m, agreement = len(seen.zero), theory.mask_agreement(angle)
    bound = theory.log_certificate_acceptance(
        theory.log_mask_acceptance(seen.unambiguous, agreement, seen.flips, freedom=b - 1),
        theory.log_kernel_acceptance(b, m, seen.zeros, seen.tolerances, *seen.shares, spare=seen.spare),
        theory.log_span_acceptance(seen.judged, seen.possible, seen.limits, math.sin(angle), seen.excused),
    )
    return to_host(bound).copy()

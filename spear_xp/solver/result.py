"""Enters: the outcome of a search. Leaves: what the caller gets, and what a progress callback is told."""

from dataclasses import dataclass
from enum import Enum

from spear_xp.certification.evidence import Evidence
from spear_xp.numerics.backend import Array, Host

__all__ = ["Progress", "Result", "Status"]


class Status(Enum):
    """How a search ended; each value is a sentence that says what to try next."""

    EXACT = "Every sample that the gradient tells apart is recovered and certified; nothing is left to try."
    PARTIAL = (
        "Some samples are certified and the others are not: read `reasons`, raise time_limit, or accept that "
        "the rest shares its mask, its input or its kernel with another sample."
    )
    UNCERTIFIED = (
        "A full set of directions was found and none could be proven: check that weight and bias belong to "
        "the step that produced the gradient, and that batch_size is right."
    )
    TIME_LIMIT = (
        "Time ran out before a full set of directions was found: raise time_limit, or call spear_xp.estimate "
        "to see how many samples the search needs."
    )
    INTERRUPTED = "The search was interrupted: everything certified so far is kept; call again to go on."


@dataclass(frozen=True, slots=True)
class Progress:
    """Plain numbers handed to `on_progress` after every chunk.

    Attributes
    ----------
    stage : str
        "factorize", "search", "certify" or "done".
    strategy : str
        Strategy at work.
    certified, batch_size : int
        Samples proven so far, of how many.
    candidates : int
        Distinct directions in the pool.
    samples_drawn : int
        Row subsets drawn so far.
    rate : float
        Samples drawn per second.
    seconds : float
        Time since the call.
    """

    stage: str
    strategy: str
    certified: int
    batch_size: int
    candidates: int
    samples_drawn: int
    rate: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a gradient reveals.

    Attributes
    ----------
    inputs : array, shape (k, n)
        Recovered samples, certified ones first and guesses last, in the caller's library and the dtype of
        `grad_w`.
    certified : array of bool, shape (k,)
        Proven without ground truth.
    error_bars : array, shape (k,)
        Standard deviation of the entries of each sample, in units of the inputs; infinite for guesses.
    status : Status
        How the search ended; its value says what to try next.
    batch_size : int
        Given, or found from the rank. Identical samples count once.
    directions : array, shape (batch_size, k)
        Directions in factor coordinates, in the order of `inputs`; where no full set was found, the
        candidates so far, sparsest first (`inputs` then holds the samples that rows alone determine).
    reasons : tuple of str
        Why a sample is not certified; empty strings for those that are.
    unresolved : tuple of str
        Why a sample of the batch is not among `inputs`; one entry for each.
    sources : tuple of str
        Strategy that found the direction of each sample.
    samples_drawn : int
        Row subsets drawn.
    candidates : int
        Distinct directions that passed the filter.
    score : float
        Sparsity matching score of the selection, 0 without a full set.
    noise_level : float
        Standard deviation of the error of an entry of the gradient, as a share of the root mean square
        entry of its row.
    noise_model : str
        "relative" (floating-point rounding) or "additive" (noise added on purpose).
    threshold : int
        Zero rows that a direction needed.
    seconds : dict of str to float
        Time by stage.
    residuals : NumPy array, shape (m_live,)
        Relative part of each row that the recovered samples leave unexplained; empty without a full set.
    evidence : Evidence or None
        What the certificates rest on, in the order of `inputs`; see `spear_xp.false_acceptance`. None
        without a full set.
    """

    inputs: Array
    certified: Array
    error_bars: Array
    status: Status
    batch_size: int
    directions: Array
    reasons: tuple[str, ...]
    unresolved: tuple[str, ...]
    sources: tuple[str, ...]
    samples_drawn: int
    candidates: int
    score: float
    noise_level: float
    noise_model: str
    threshold: int
    seconds: dict[str, float]
    residuals: Host
    evidence: Evidence | None

"""Enters: the outcome of a search. Leaves: what the caller gets, and what a progress callback is told."""

import warnings
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Literal

from spear_xp.certification.evidence import Evidence
from spear_xp.numerics.backend import Array, Host

__all__ = ["Progress", "Result", "Status", "Trace"]


class Status(Enum):
    """How a search ended; each value is a sentence that says what to try next."""

    EXACT = "Every sample that the gradient tells apart is recovered and certified; nothing is left to try."
    PARTIAL = (
        "Some samples are certified and the others are not: read `reasons`, raise time_limit, or accept that "
        "the rest shares its mask, its input or its kernel with another sample."
    )
    SCALE_OPEN = (
        "Samples are certified up to their scale: the bias of the layer is too small for masks to tell it, "
        "so it rests on grad_b alone, which has to be of the same step and treated the same way as grad_w."
    )
    UNCERTIFIED = (
        "Samples were found and none could be certified: read `reasons`, check that weight and bias belong "
        "to the step that produced the gradient, and that batch_size is right."
    )
    HOPELESS = (
        "The search cannot succeed on this update: `missing` names the obstacle, more time does not help."
    )
    TIME_LIMIT = (
        "A limit was reached before a full set of directions was found: raise time_limit or work_limit, or "
        "call spear_xp.estimate to see how many samples the search needs."
    )
    INTERRUPTED = "The search was interrupted: everything certified until then is kept."


@dataclass(frozen=True, slots=True)
class Progress:
    """Plain numbers handed to `on_progress` after every round of chunks.

    Attributes
    ----------
    stage : {"search", "done"}
        "done" in the last call of a search that was not interrupted.
    strategy : str
        Strategy at work.
    certified, batch_size : int
        Samples certified so far, of how many.
    candidates : int
        Distinct directions in the pool.
    samples_drawn : int
        Row subsets drawn so far.
    rate : float
        Samples drawn per second.
    seconds : float
        Time since the call.
    """

    stage: Literal["search", "done"]
    strategy: str
    certified: int
    batch_size: int
    candidates: int
    samples_drawn: int
    rate: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """How a result came about.

    Attributes
    ----------
    directions : array, shape (batch_size, k)
        Directions in factor coordinates, in the order of `inputs`; where no full set was found, the
        candidates so far, sparsest first (`inputs` then holds the samples that rows alone determine).
    sources : tuple of str
        Strategy that found the direction of each sample.
    samples_drawn : int
        Row subsets drawn.
    candidates : int
        Distinct directions in the pool at the end.
    score : float
        Sparsity matching score of the selection, 0 without a full set.
    noise_level : float
        Standard deviation of the error of an entry of the gradient, as a share of the root mean square
        entry of its row.
    noise_model : str
        "relative" (floating-point rounding) or "additive" (noise added on purpose).
    threshold : int
        Zero rows that a direction needed.
    expected : int or None
        Batch size as the caller gave it.
    numerical_rank : int
        Rank of the gradient, whatever was given.
    weight_decay : float
        Multiple of the weights that was found in the update and taken out of it, in the units of `grad_w`.
    seconds : dict of str to float
        Time by stage.
    work : float
        Multiply-adds, as `numerics.work` counts them: the unit of `work_limit`.
    residuals : NumPy array, shape (m_live,)
        Relative part of each row that the recovered samples leave unexplained; empty without a full set.
    """

    directions: Array = None
    sources: tuple[str, ...] = ()
    samples_drawn: int = 0
    candidates: int = 0
    score: float = 0.0
    noise_level: float = 0.0
    noise_model: str = "relative"
    threshold: int = 0
    expected: int | None = None
    numerical_rank: int = 0
    weight_decay: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    work: float = 0.0
    residuals: Host | None = None


NEW = {"work", "expected", "numerical_rank", "weight_decay"}  # of `Trace`, since 0.2
OLD_NAMES = {
    "unresolved": "missing",
    **{f.name: f"trace.{f.name}" for f in fields(Trace) if f.name not in NEW},
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result:
    """What a gradient reveals.

    Attributes
    ----------
    inputs : array, shape (k, n)
        Recovered samples, certified ones first and tentative ones last, in the caller's library and the dtype
        of `grad_w`.
    certified : array of bool, shape (k,)
        Proven without ground truth.
    direction_certified : array of bool, shape (k,)
        Proven up to a positive factor: the same, unless the scale rests on `grad_b` alone.
    error_bars : array, shape (k,)
        Standard deviation of the entries of each sample, in units of the inputs; infinite for tentative ones.
    status : Status
        How the search ended; its value says what to try next.
    batch_size : int or None
        Given, or found from the rank. Identical samples count once. None where a limit or an interruption
        came before the rank was known, and where there are more samples than dimensions and not all are
        found: the gradient does not tell how many, and `missing` has a lower bound in words.
    reasons : tuple of str
        Why a sample is not certified; empty strings for those that are.
    missing : tuple of str
        Why a sample of the batch is not among `inputs`; one entry for each.
    evidence : Evidence or None
        What the certificates rest on, in the order of `inputs`; see `spear_xp.false_acceptance`. None
        without a full set.
    seed : int or None
        As `rng`, it gives this result again. None where a Generator or SeedSequence was given.
    trace : Trace
        How the result came about: draws, candidates, seconds, work, thresholds, residuals.
    """

    inputs: Array
    certified: Array
    direction_certified: Array
    error_bars: Array
    status: Status
    batch_size: int | None
    reasons: tuple[str, ...]
    missing: tuple[str, ...]
    evidence: Evidence | None
    seed: int | None
    trace: Trace

    @property
    def success(self) -> bool:
        """Whether every sample of the batch is certified."""
        return self.batch_size is not None and self._count == self.batch_size

    @property
    def _count(self) -> int:
        return sum(bool(one) for one in self.certified)

    def __repr__(self) -> str:
        of = "an unknown number" if self.batch_size is None else self.batch_size
        seconds = self.trace.seconds.get("total", 0.0)
        return f"<Result {self.status.name}: {self._count} of {of} certified in {seconds:.3g} s>"

    def summary(self) -> str:
        """What was found, what to try next, and a line for each sample that is not certified."""
        of = "an unknown number of" if self.batch_size is None else self.batch_size
        lines = [
            f"{'exact' if self.success else 'not exact'}: {self._count} of {of} certified",
            self.status.value,
        ]
        lines += self._unexpected()
        if self.trace.weight_decay:
            lines.append(f"weight decay was taken out: {self.trace.weight_decay:.3g} times the weights")
        lines += [f"sample {k}: not certified, {text}" for k, text in enumerate(self.reasons) if text]
        return "\n".join(lines + [f"one more sample: {why}" for why in self.missing])

    def _unexpected(self) -> list[str]:
        """What to say of a batch size that is not the one that was given."""
        expected, rank = self.trace.expected, self.trace.numerical_rank
        if expected is None or expected in {rank, 0}:
            return []
        why = "equal inputs count once" if rank < expected else "the update may hold more than one batch"
        found = f"the gradient shows {rank} samples, {expected} were expected: {why}"
        return [found if self.batch_size == rank else f"{found}; the given number was used"]

    def __getattr__(self, name: str) -> Any:
        if name not in OLD_NAMES:
            msg = f"'Result' object has no attribute {name!r}"
            raise AttributeError(msg)
        new = OLD_NAMES[name]
        warnings.warn(f"Result.{name} is now Result.{new}", DeprecationWarning, stacklevel=2)
        return self.missing if name == "unresolved" else getattr(self.trace, name)

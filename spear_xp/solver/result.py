"""Enters: the outcome of a search. Leaves: what the caller gets, and what a progress callback is told."""

import importlib
import warnings
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from spear_xp.certification.evidence import Evidence
from spear_xp.diagnosis.causes import Cause
from spear_xp.numerics.backend import Array, Host

__all__ = ["Progress", "Result", "Status", "Trace"]


class Status(Enum):
    """How a search ended; each value is a sentence that says what to try next."""

    EXACT = "Every sample that the gradient tells apart is recovered and certified; nothing is left to try."
    CERTIFIED = (
        "Every sample that the gradient tells apart is certified, to the accuracy that was asked for: `psnr` "
        "says how accurate each is."
    )
    PARTIAL = (
        "Some samples are certified and the others are not: read `reasons`, raise time_limit, or accept that "
        "the rest shares its mask, its input or its kernel with another sample."
    )
    SCALE_OPEN = (
        "Samples are certified up to their scale: masks contradict it, or the bias of the layer is too small "
        "to tell it. It rests on grad_b alone, which has to be of the same step and treated as grad_w is; "
        "without grad_b it is open."
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
    completed : float
        Share of the entries of [grad_w | grad_b] that was missing and was completed from the others.
    seconds : dict of str to float
        Time by stage.
    work : float
        Multiply-adds, as `numerics.work` counts them: the unit of `work_limit`.
    residuals : NumPy array, shape (m_live,)
        Relative part of each row that the recovered samples leave unexplained; empty without a full set.
    singular_values : NumPy array, shape (r,)
        Of the gradient with its rows scaled to equal noise: the leading ones, descending, also some of the
        noise beyond the rank.
    zeros : tuple of int
        Rows on which each column of `directions` vanishes within the noise.
    conditions : dict of str to NumPy array of bool, shape (k,)
        Which tests of the certificate each sample has passed in the set that is returned; see
        `docs/certificate.md`. Empty without a full set; tentative samples have passed none.
    own_bars : NumPy array, shape (k,), or None
        Error bars but for what masks leave open of the scale.
    shape : (int, int)
        Neurons m and features n of the layer.
    layer, features : str
        Its name, and what stands between the data and it, as the `LayerUpdate` has them.
    assumptions : tuple of str
        What was taken for granted when the update was read.
    call : str
        The call of `invert`, less its arrays.
    versions : dict of str to str
        Of this library, of Python and of the libraries that computed.
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
    completed: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    work: float = 0.0
    residuals: Host | None = None
    singular_values: Host | None = None
    zeros: tuple[int, ...] = ()
    conditions: dict[str, Host] = field(default_factory=dict)
    own_bars: Host | None = None
    shape: tuple[int, int] = (0, 0)
    layer: str = ""
    features: str = ""
    assumptions: tuple[str, ...] = ()
    call: str = ""
    versions: dict[str, str] = field(default_factory=dict)


MOVED = (
    *("directions", "sources", "samples_drawn", "candidates", "score"),
    *("noise_level", "noise_model", "threshold", "seconds", "residuals"),
)
OLD_NAMES = {"unresolved": "missing", **{name: f"trace.{name}" for name in MOVED}}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result:
    """What a gradient reveals.

    Attributes
    ----------
    inputs : array, shape (k, n)
        Recovered samples, certified ones first and tentative ones last, in the caller's library and the dtype
        of `grad_w`. Without a bias gradient they have the size in the middle of what masks allow, or, where
        masks say nothing of it, a root mean square of one. NaN where too few entries of
        a column of `grad_w` came: then at most directions are certified.
    certified : array of bool, shape (k,)
        Proven without ground truth.
    direction_certified : array of bool, shape (k,)
        Proven up to a positive factor: the same, unless the scale rests on `grad_b` alone, or there is none.
    error_bars : array, shape (k,)
        Standard deviation of the entries of each sample, in units of the inputs; infinite for tentative ones.
        Under strong noise, and after local steps where `accuracy` is above its default, six of them hold what
        masks leave open of the scale that `grad_b` gives.
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
    psnr : NumPy array, shape (k,)
        Predicted PSNR of each sample in dB, at the scale that `grad_b` gives: its error bar but for what
        masks leave open, against `data_range`, or, where that was not given, against the range of the
        certified inputs. NaN where neither is there.
    diagnosis : tuple of Cause
        What is wrong with the update or unusual about it, each with what to do; empty if nothing is.
    labels : NumPy array of int, shape (k,), or None
        Class of each sample where the layers behind tell it, else -1; None where these say nothing.
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
    psnr: Host | None = None
    diagnosis: tuple[Cause, ...] = ()
    labels: Host | None = None

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
        of = "an unknown number" if self.batch_size is None else self.batch_size
        whole = "within the accuracy asked for" if self.status is Status.CERTIFIED else "exact"
        head = whole if self.success else "not exact"
        lines = [f"{head}: {self._count} of {of} certified", self.status.value]
        if self.trace.features:
            lines.append(f"samples are features, not the data: inputs of a layer {self.trace.features}")
        lines += [str(one) for one in self.diagnosis]
        lines += [f"sample {k}: not certified, {text}" for k, text in enumerate(self.reasons) if text]
        return "\n".join(lines + [f"one more sample: {why}" for why in self.missing])

    def save(self, path: str | Path, *, samples: bool = True) -> None:
        """Write the result to a file that `spear_xp.load_result` reads.

        Parameters
        ----------
        path : str or Path
            File to write, readable by its owner alone, since recovered samples may be personal data; whatever
            is there is replaced in one step. It is a ZIP archive of plain arrays that `numpy.load` opens.
        samples : bool
            Whether the samples go into the file. If not, what they could be worked out from stays out as
            well: directions, and the masks in `evidence`.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        from spear_xp.solver.saving.results import save_result

        save_result(self, path, samples=samples)

    def report(self, path: str | Path, **options: Any) -> None:
        """Write an HTML page about the result, which needs no network: see `spear_xp.reporting.html.report`.

        Parameters
        ----------
        path : str or Path
            File to write, readable by its owner alone.
        **options
            `original`, `shape`, `feature_names`, `scaler`, `units`, `samples` and `title`, as that function
            has them.

        Raises
        ------
        ShapeError
            If an option does not fit the samples.
        ModuleNotFoundError
            Without jinja2 and matplotlib: ``pip install jinja2 matplotlib``.
        """
        # Reporting stands above the solver: this is a door to it, and nothing here builds on what is behind.
        importlib.import_module("spear_xp.reporting.html").report(self, path, **options)

    def to_dataframe(self, **options: Any) -> Any:
        """A pandas DataFrame with a row for each sample: see `spear_xp.reporting.records.dataframe`.

        Parameters
        ----------
        **options
            `feature_names`, `scaler`, `feature_kinds` and `certified_only`, as that function has them.
        """
        return importlib.import_module("spear_xp.reporting.records").dataframe(self, **options)

    def __getattr__(self, name: str) -> Any:
        if name not in OLD_NAMES:
            msg = f"'Result' object has no attribute {name!r}"
            raise AttributeError(msg)
        new = OLD_NAMES[name]
        warnings.warn(f"Result.{name} is now Result.{new}", DeprecationWarning, stacklevel=2)
        return self.missing if name == "unresolved" else getattr(self.trace, name)

"""Enters: nothing. Leaves: the rows of the recovery table: a problem, what it needs, in what time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from spear_xp.updates import images
from spear_xp.updates.synthetic import LayerGradient
from tests.benchmarks import problems
from tests.benchmarks.oracle import Oracle

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table.

    Attributes
    ----------
    name : str
        Kind of problem and its sizes.
    build : callable
        From a seed to a gradient.
    target : {"all", "identifiable", "zeros", "none"}
        Samples to recover: the whole batch; those that the oracle recovers; those whose column has at least
        b - 1 zeros; no need stated.
    seconds : float
        Time that the need allows. With the target "identifiable" the time limit of the search, no more: a
        search that does not find everything uses all of it.
    share : float
        Part of the target over all seeds.
    level : float
        PSNR in dB above which a sample counts.
    batches : int
        Seeds of the row, if more than were asked for.
    large : bool
        Timed against grad_w @ grad_w.T and watched for memory.
    """

    name: str
    build: Callable[[int], LayerGradient]
    target: str
    seconds: float
    share: float = 1.0
    level: float = 90.0
    batches: int = 0
    large: bool = False

    @property
    def need(self) -> str:
        """The need in words."""
        what = {"all": "all", "identifiable": "identifiable", "zeros": "≥ b-1 zeros", "none": "–"}[
            self.target
        ]
        if not self.timed:
            return what
        what = what if self.share == 1 else f"{self.share:.0%}"
        what += "" if self.level == 90 else f", ≥ {self.level:.0f} dB"
        return f"{what}, ≤ 6 Gram" if self.large else f"{what}, ≤ {self.seconds:g} s"

    @property
    def timed(self) -> bool:
        """Whether the need is one of time, too."""
        return self.target not in {"identifiable", "none"}

    def wanted(self, truth: LayerGradient, oracle: Oracle | None) -> int:
        """Samples to recover in one problem; the oracle is asked where the target needs it."""
        if self.target == "identifiable" and oracle is not None:
            return oracle.identifiable(self.level)
        if self.target == "zeros":
            pattern = np.asarray(truth.zero_pattern)[np.asarray(truth.grad_b) != 0]
            return int((pattern.sum(axis=0) >= len(truth.inputs) - 1).sum())
        return len(truth.inputs)


def case(
    name: str,
    build: Callable[..., LayerGradient],
    b: int,
    m: int,
    target: str,
    seconds: float,
    **more: object,
) -> Case:
    """A row; options of the builder and of the row together."""
    own = {key: more.pop(key) for key in ("share", "level", "batches", "large") if key in more}
    return Case(f"{name} b={b} m={m}", partial(build, batch_size=b, width=m, **more), target, seconds, **own)  # type: ignore[arg-type]


P = problems
RAW = {"standardized": False}
# Pairs down to a tenth of the mean distance, from more photographs.
CLOSE = {"distinct": 0.1, "source": images.photographs}
CASES = [
    case("Gaussian", P.gaussian, 25, 400, "all", 0.5),
    case("faces", P.faces, 20, 200, "all", 0.5),
    case("faces raw", P.faces, 20, 200, "all", 0.5, **RAW),
    case("digits raw", P.digits, 20, 200, "all", 0.5),
    case("tabular two-class", P.tabular, 16, 300, "all", 0.5),
    case("faces", P.faces, 64, 1000, "all", 2),
    case("faces raw", P.faces, 64, 1000, "all", 2, **RAW),
    case("faces", P.faces, 100, 1000, "all", 5),
    case("faces raw", P.faces, 100, 1000, "all", 5, **RAW),
    case("Gaussian", P.gaussian, 100, 600, "all", 3),
    case("Gaussian", P.gaussian, 100, 1000, "all", 3),
    case("Gaussian", P.gaussian, 128, 1000, "all", 6),
    case("Gaussian", P.gaussian, 200, 2000, "all", 60),
    case("crops", P.crops, 64, 1000, "all", 4),
    case("crops raw", P.crops, 64, 1000, "all", 4, **RAW),
    case("crops", P.crops, 128, 1000, "all", 12),
    case("crops raw", P.crops, 128, 1000, "all", 60, share=0.95, batches=6, **RAW),
    case("crops, close pairs", P.crops, 64, 1000, "all", 4, **CLOSE),
    case("crops raw, close pairs", P.crops, 64, 1000, "all", 4, **RAW, **CLOSE),
    case("crops, close pairs", P.crops, 128, 1000, "all", 12, **CLOSE),
    case("crops raw, close pairs", P.crops, 128, 1000, "all", 60, share=0.95, batches=6, **RAW, **CLOSE),
    case("crops with near-duplicates", P.crops, 64, 1000, "identifiable", 60, distinct=0.0),
    case("crops raw with near-duplicates", P.crops, 64, 1000, "identifiable", 60, distinct=0.0, **RAW),
    case("crops, 300 steps of SGD", P.trained_crops, 32, 512, "identifiable", 30, optimizer="sgd"),
    case("crops, 300 steps of Adam", P.trained_crops, 32, 512, "identifiable", 30, optimizer="adam"),
    case("digits, 300 steps of SGD", P.trained_digits, 20, 1000, "identifiable", 30, optimizer="sgd"),
    case("digits, 300 steps of Adam", P.trained_digits, 20, 1000, "identifiable", 30, optimizer="adam"),
    case("Gaussian, few rows", P.gaussian, 20, 80, "zeros", 2),
    case("Gaussian, few rows", P.gaussian, 30, 120, "zeros", 2),
    case("Gaussian, few rows", P.gaussian, 40, 200, "zeros", 2),
    case("Gaussian, few rows", P.gaussian, 30, 100, "zeros", 15),
    case("Gaussian, few rows", P.gaussian, 40, 120, "zeros", 15),
    case("Gaussian, few rows", P.gaussian, 60, 200, "zeros", 15),
    case("photographs 224x224x3", P.photographs, 20, 400, "all", 12, large=True),
    case("faces, float16 gradient", P.faces_half, 16, 400, "all", 4, level=85.0),
    case("faces, 5 local steps", P.faces_averaged, 16, 400, "all", 4, level=85.0),
    case("faces, noise 1e-7", P.faces_noisy, 20, 400, "none", 4, size=1e-7),
    case("faces, noise 1e-6", P.faces_noisy, 20, 400, "none", 4, size=1e-6),
    case("faces, noise 1e-5", P.faces_noisy, 20, 400, "none", 4, size=1e-5),
]

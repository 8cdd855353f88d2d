"""A batch size and width, or a zero pattern, enter; hits and samples to success of the sampler leave.

Nothing here knows a formula: rows are drawn and looked at, so that whoever doubts a formula can look too.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.numerics.checks import (
    ParameterError,
    check_integer,
    check_scalar_integer,
    check_scalar_probability,
)
from theory.patterns.matching import check_zeros, found_direction
from theory.patterns.sampling import draw_rows, draw_zeros

__all__ = ["SimulatedSearch", "simulate_search"]

_CHUNK = 4096  # samples drawn at once: enough to amortise the calls, little memory at b = 100

Generator = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedSearch:
    """Outcome of independent runs of the sampler.

    Attributes
    ----------
    samples : int
        Samples that each run was given.
    first_hit : array, shape (runs, b), int64
        Number of the sample that first found each direction, from 1; 0 where none did.
    hits : array, shape (runs, b), int64
        Samples that found each direction. A run that stops at success counts no further.
    zero_counts : array, shape (runs, b), int64
        Zeros in each column of the pattern.
    """

    samples: int
    first_hit: NDArray[np.int64]
    hits: NDArray[np.int64]
    zero_counts: NDArray[np.int64]

    @property
    def samples_to_success(self) -> NDArray[np.float64]:
        """Samples until every direction was found, one entry a run; infinite where the budget ended first."""
        success = (self.first_hit > 0).all(axis=1)
        return np.where(success, self.first_hit.max(axis=1), np.inf)

    def success_rate(self, samples: int) -> float:
        """Fraction of runs that had found every direction after ``samples`` samples."""
        drawn = check_integer("samples", samples, 0, self.samples)
        return float((self.samples_to_success <= drawn).mean())


def simulate_search(
    batch_size: int,
    width: int,
    *,
    samples: int,
    runs: int = 1,
    p: float = 0.5,
    zeros: ArrayLike | None = None,
    stop_at_success: bool = True,
    rng: Generator | int | None = None,
) -> SimulatedSearch:
    """Run the sampler on random patterns, or again and again on a given one.

    Parameters
    ----------
    batch_size : int
        b, at least 2.
    width : int
        m, at least b-1.
    samples : int
        Budget of each run.
    runs : int, optional
        Independent runs, each with a pattern of its own unless ``zeros`` is given.
    p : float, optional
        Probability of a zero, in (0, 1).
    zeros : array of bool, shape (m, b), optional
        A pattern, True where dL/dZ is zero; then ``p`` is not used.
    stop_at_success : bool, optional
        End a run once every direction is found. Switch off to count hits without bias.
    rng : numpy.random.Generator, int or None, optional
        Source of randomness, normalised by `numpy.random.default_rng`.

    Returns
    -------
    SimulatedSearch
        First hits, hits and zero counts.

    Raises
    ------
    ParameterError
        If a count is below its minimum, ``p`` outside (0, 1), or ``zeros`` of another shape or type.

    Notes
    -----
    The sampler of Dimitrov et al., "SPEAR: exact gradient inversion of batches in federated learning"
    (NeurIPS 2024), section 3, on the level of patterns.

    Examples
    --------
    >>> search = simulate_search(4, 20, samples=500, runs=50, rng=0)
    >>> bool(search.success_rate(500) > 0.5)
    True
    """
    b, p = check_scalar_integer("batch_size", batch_size, 2), check_scalar_probability(p)
    m = check_scalar_integer("width", width, b - 1)
    samples, runs = check_scalar_integer("samples", samples, 1), check_scalar_integer("runs", runs, 1)
    rng = np.random.default_rng(rng)
    given = None if zeros is None else check_zeros(zeros)
    if given is not None and given.shape != (m, b):
        raise ParameterError(f"zeros has shape {given.shape}, out of range: need {(m, b)}")
    first, hits = np.zeros((runs, b), np.int64), np.zeros((runs, b), np.int64)
    counts = np.empty((runs, b), np.int64)
    for run in range(runs):
        pattern = draw_zeros(b, m, p=p, rng=rng) if given is None else given
        counts[run] = pattern.sum(axis=0)
        for start in range(0, samples, _CHUNK):
            rows = draw_rows(m, b - 1, min(_CHUNK, samples - start), rng=rng)
            found = found_direction(pattern[rows])
            useful = np.flatnonzero(found >= 0)
            new, where = np.unique(found[useful], return_index=True)
            fresh = first[run, new] == 0
            first[run, new[fresh]] = start + 1 + useful[where[fresh]]
            last = first[run].max() if stop_at_success and first[run].all() else math.inf
            hits[run] += np.bincount(found[useful[start + 1 + useful <= last]], minlength=b)
            if last < math.inf:
                break
    return SimulatedSearch(samples=samples, first_hit=first, hits=hits, zero_counts=counts)

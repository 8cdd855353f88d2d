"""True directions and duals of a problem, from the true inputs, and what a sampler proposes for it."""

import numpy as np

from spear_xp.candidates.pool import Pool
from spear_xp.numerics.backend import Array
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem
from spear_xp.reduction.protocol import Proposals
from spear_xp.strategies.sampling import Sampling
from tests.conftest import Backend
from tests.helpers.networks import Floats


def sampled(problem: Problem, chunk: int, *, seed: int = 0, chunk_size: int = 2048) -> Proposals:
    """One chunk of the published sampler, with nothing known beforehand."""
    return Sampling(chunk_size=chunk_size).propose(problem, Pool(problem).known, seed, chunk)


def true_recovery(problem: Problem, inputs: Floats) -> SampleSet:
    """The recovery that a perfect search would hand to the certificate (NumPy problems)."""
    extended = np.c_[np.asarray(inputs, dtype=float), np.ones(len(inputs))]
    duals = (problem.right @ extended.T) / problem.singular_values[:, None]
    directions = np.linalg.inv(duals).T
    return SampleSet(problem, duals, directions, problem.zeros_of(directions))


def true_directions(problem: Problem, inputs: Array, space: Backend) -> Floats:
    """Unit directions of the true inputs, shape (b, b), of a problem in any array library."""
    extended = np.c_[space.to_numpy(inputs).astype(float), np.ones(problem.rank)]
    right, values = (
        space.to_numpy(array).astype(float) for array in (problem.right, problem.singular_values)
    )
    directions = np.linalg.inv((right @ extended.T) / values[:, None]).T
    return np.asarray(directions / np.linalg.norm(directions, axis=0))


def relative_errors(inputs: Floats, recovered: Floats) -> Floats:
    """Distance of each recovered sample from the nearest true one, relative to its norm."""
    true, found = np.asarray(inputs, dtype=float), np.asarray(recovered, dtype=float)
    distance = np.linalg.norm(found[:, None, :] - true[None, :, :], axis=2)
    nearest = distance.argmin(axis=1)
    return distance.min(axis=1) / np.linalg.norm(true[nearest], axis=1)

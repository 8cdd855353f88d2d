"""A batch size and a seed enter; the samples that the library's sampler drew to find all of it leave."""

import math

import numpy as np

from spear_xp.candidates.threshold import sparsity_threshold
from spear_xp.geometry.directions import WIDEN
from spear_xp.reduction.gradient import validate
from spear_xp.reduction.problem import Problem, reduce
from spear_xp.strategies.sampling import Sampling
from spear_xp.updates.synthetic import LayerGradient, gaussian_inputs, mlp_gradient
from tests.helpers.truth import true_recovery

FEATURES = 400  # enough for samples to be nearly orthogonal and biases small: the iid tier's world
SAME = 1 - 1e-5  # |cos| of two directions that are one


def gaussian_problem(batch_size: int, width: int, seed: int) -> LayerGradient:
    """Float32 gradient of a fresh random network on fresh Gaussian inputs."""
    inputs = gaussian_inputs(batch_size, FEATURES, rng=[seed, 1])
    return mlp_gradient(inputs, width=width, rng=[seed, 2])


def search_until_found(truth: LayerGradient, *, chunk_size: int, budget: float, seed: int) -> float:
    """Samples drawn, chunk by chunk, until every true direction was proposed; infinite if never.

    Parameters
    ----------
    truth : LayerGradient
        The problem; the search sees `observed` alone, the rest tells true directions from mixtures.
    chunk_size : int
        Samples are counted in multiples of it.
    budget : float
        Samples after which a run is given up.
    seed : int
        Of the row subsets.

    Notes
    -----
    A proposal counts if enough rows vanish, which is where the filter starts as well. Its further demands on
    the kernel are no matter of sampling.
    """
    problem, b = reduce(validate(*truth.observed)), len(truth.inputs)
    if problem.rank < b:
        return math.inf
    true = true_directions(problem, truth)
    threshold = sparsity_threshold(problem.width, b)
    sampler, found = Sampling(chunk_size=chunk_size), np.zeros(b, bool)
    for chunk in range(math.ceil(budget / chunk_size)):
        proposed = sampler.propose(problem, None, seed, chunk).directions
        sparse = problem.zeros_of(proposed, widen=WIDEN[problem.noise_model]).sum(axis=0) >= threshold
        found |= (np.abs(true.T @ proposed[:, sparse]) > SAME).any(axis=1)
        if found.all():
            return float((chunk + 1) * chunk_size)
    return math.inf


def true_directions(problem: Problem, truth: LayerGradient) -> np.ndarray:
    """Unit directions of the true columns, shape (b, b)."""
    directions = true_recovery(problem, truth.inputs).directions
    return np.asarray(directions / np.linalg.norm(directions, axis=0))

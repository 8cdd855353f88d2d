"""Enters: a full set of samples with their error bars. Leaves: whether the rows agree with these.

Error bars are propagated from a noise level, to first order; here the rows themselves are asked.
"""

import math

from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.linalg import inverse
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.sorting import upper_median
from spear_xp.recovery.samples import SampleSet

__all__ = ["SIGMAS", "SURE", "TINY", "blur_of", "halves_agree", "is_precise", "resolution_of", "snr_of"]

SIGMAS = 6.0  # chosen: error bars within which a decision counts; normal noise is beyond in 2 of 1e9 cases
# chosen: error bars that have to be small; of normal errors one of 370 is larger, a larger value proves more
SURE = 3.0
# chosen: of the median norm, what the error of a smaller sample, a black image, is compared with
BLACK = 1e-3
TINY = 1e-300  # cosmetic: keeps logarithms finite


def is_precise(samples: SampleSet, bars: Array, accuracy: float | None = None) -> Host:
    """Whether error bars, shape (b,), are small for the size of their samples, shape (b,).

    `accuracy` is their largest quotient; that of the problem where not given.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    own = xp.sqrt(xp.maximum(samples.sizes**2 - 1, 0.0))  # of x alone, without its bias coordinate
    size = xp.maximum(own, BLACK * upper_median(xp, own))
    return to_host(bars * (problem.right.shape[1] - 1) ** 0.5 < (accuracy or problem.accuracy) * size)


def halves_agree(samples: SampleSet, free: Host, band: Array) -> Host:
    """Whether halves of the rows agree with the whole within their error bars, shape (b,).

    Parameters
    ----------
    samples : SampleSet
        A full set of samples; rows on which nuisance directions do not vanish say nothing.
    free : NumPy array of bool, shape (b,)
        Samples whose masks are not known: their columns stay whole, for what a wrong one holds on rows that
        it predicts inactive is no noise.
    band : array, shape (m_live, b)
        Half-width of the pre-activations whose sign is open; there, too, a column stays as it is.
    """
    problem = samples.problem
    xp, space = problem.space.xp, problem.space
    x, size = samples.coordinates, samples.sizes
    holds = to_host(size >= 0)
    d = samples.columns
    inactive = (samples.preactivations < -band) & ~space.asarray(free, dtype=xp.bool)[None, :]
    inactive = inactive | samples.zero  # a column of noise alone would leave the rows without an estimate
    noise = xp.where(inactive, d, xp.zeros_like(d))
    expected = xp.sum(samples.noise**2 * size**2)
    rows = xp.arange(problem.width, device=space.device)
    count = samples.count
    if samples.nuisance:  # rows that only samples explain, and those samples alone
        rows = xp.nonzero(xp.all(problem.zeros_of(samples.directions[:, count:]), axis=1))[0]
        d, noise, x = d[:, :count], noise[:, :count], x[:, :count]
    leftover = noise @ x.T  # what each row keeps when its inactive samples are left out
    scatter = xp.mean(xp.sum(xp.take(leftover, rows, axis=0) ** 2, axis=1)) if rows.shape[0] else expected
    variance = xp.maximum(scatter, expected)
    order = to_host(rows)[generator(0, Stream.HALVES, 0).permutation(rows.shape[0])]
    for half in (order[: len(order) // 2], order[len(order) // 2 :]):
        index = space.indices(half)
        active = xp.take(d - noise, index, axis=0)
        seen = xp.nonzero(xp.any(active != 0, axis=0))[0]  # the others are not on these rows at all
        if not 0 < int(seen.shape[0]) <= len(half) - 2:
            return holds & False
        active = xp.take(active, seen, axis=1)
        gram, valid = inverse(xp, active.T @ active)
        if not valid:
            return holds & False
        shift = gram @ (active.T @ xp.take(leftover, index, axis=0))  # row j: half estimate minus x_j
        distance = xp.sqrt(xp.sum(shift * shift, axis=1))
        limit = SIGMAS * xp.sqrt(variance * xp.linalg.diagonal(gram))
        agrees = holds & False
        agrees[to_host(seen)] = to_host(
            (distance < limit) & (distance < problem.accuracy * xp.take(size, seen))
        )
        holds = holds & agrees
    return holds


def resolution_of(samples: SampleSet) -> Host:
    """Relative distance of samples that noise can merge into one, shape (b,).

    Two samples x ± δ whose columns of D differ by a share |δ|/|x| add a second component of size
    |d| |δ|²/|x| to the gradient; it is invisible below the largest singular value of the noise, or below one
    that was left out. A batch size below the numerical rank leaves out more than noise, and may merge samples
    at any distance.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    size = samples.sizes
    column = xp.sqrt(xp.sum(samples.columns**2, axis=0))
    edge = problem.noise_level * (problem.width**0.5 + problem.right.shape[1] ** 0.5)
    edge = math.inf if problem.numerical_rank > problem.rank else max(edge, problem.left_out)
    return to_host(xp.sqrt(edge / (size * column)))


def blur_of(samples: SampleSet) -> Array:
    """Error of the entries of each sample by what may have merged in it, shape (b,).

    0 where nothing was left out that noise does not explain. Where columns of D of two samples have unlike
    signs, what they merge into is farther from both than they are from each other; it has less of a column
    then, and the same formula holds.
    """
    problem, space = samples.problem, samples.problem.space
    if not problem.left_out:
        return space.xp.zeros_like(samples.sizes)
    return space.asarray(resolution_of(samples)) * samples.sizes / (problem.right.shape[1] - 1) ** 0.5


def snr_of(samples: SampleSet, bars: Array) -> Host:
    """Signal-to-noise ratio of each sample by its error bar, in dB, shape (b,)."""
    problem = samples.problem
    size = to_host(samples.sizes)
    error = to_host(bars) * (problem.right.shape[1] - 1) ** 0.5
    pairs = zip(size.clip(min=TINY), error.clip(min=TINY), strict=True)
    return to_host([20 * (math.log10(s) - math.log10(e)) for s, e in pairs])

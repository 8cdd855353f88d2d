"""Enters: samples whose scale may be open. Leaves: the sizes that masks of the layer allow them.

With c x in the place of x a pre-activation z turns into c W x + β, which changes its sign at one c where W x
and β have unlike signs. Each such row whose zero pattern is known bounds c from one side.
"""

from typing import NamedTuple

import numpy as np

from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.classifiers import logistic
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem

__all__ = ["Sizes", "reported_size", "scales_in_words", "shared_size", "sizes_of"]

ALONE = "its scale rests on grad_b alone: masks fit samples four times as large or as small, too"
UNKNOWN = "grad_b was not given, and nothing else tells its size: it has unit root mean square"
BOUNDED = "grad_b was not given: masks fit from {:.2g} to {:.2g} times its size"


class Sizes(NamedTuple):
    """Factors of samples, shape (b,) each.

    Attributes
    ----------
    best : NumPy array
        Factor whose mask fits best, negative where the sample is the other way round; that of unit root mean
        square, as far as masks do not bound it on both sides.
    least, most : NumPy array
        Bounds of its size; 0 and infinity where there are none.
    """

    best: Host
    least: Host
    most: Host


def reported_size(problem: Problem, duals: Array) -> Array:
    """Factors of samples in a result, shape (k,), from their duals, shape (b, k); 1 if they have a size."""
    made_up = problem.scale == "made up"
    return _unit_size(problem, duals) if made_up else problem.space.xp.ones_like(duals[0, :])


def scales_in_words(samples: SampleSet) -> tuple[str, ...]:
    """What the scale of each sample rests on, or what is known of it where no bias gradient tells it."""
    if samples.problem.scale == "given":
        return (ALONE,) * samples.problem.rank
    found = sizes_of(samples)
    return tuple(
        BOUNDED.format(least, most) if least > 0 and most < np.inf else UNKNOWN
        for least, most in zip(found.least, found.most, strict=True)
    )


def shared_size(problem: Problem, directions: Array) -> float:
    """One over the size that samples have in common, in the unit of a made-up scale; 0 where nothing tells.

    Parameters
    ----------
    problem : Problem
        Without a scale.
    directions : array, shape (b, k)
        Some directions of samples.

    Notes
    -----
    The hyperplane W V S p + t β that separates the zero pattern of a direction best says t / (last p).
    """
    xp, (m, b) = problem.space.xp, problem.layer.shape
    if not directions.shape[1]:
        return 0.0
    basis, change = xp.linalg.qr(xp.concat([problem.layer, problem.layer_bias[:, None]], axis=1))
    zero = problem.zeros_of(directions)
    label = xp.where(zero, -xp.ones_like(basis[:, :1]), xp.ones_like(basis[:, :1]))
    fitted = xp.linalg.solve(change, logistic(xp, xp.zeros_like(label), basis * m**0.5, label)[0])
    size = xp.sort(fitted[b, :] / (problem.last @ fitted[:b, :]))
    return max(0.0, float(size[size.shape[0] // 2]))


def sizes_of(samples: SampleSet) -> Sizes:
    """The factors with which masks contradict each sample of a set least.

    Parameters
    ----------
    samples : SampleSet
        A full set, each sample up to a factor of any sign.

    Notes
    -----
    Rows in order of the factor at which they change their sign, and sums over them: m log m a sample.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    own, silent = problem.layer @ samples.duals, problem.dead_layer @ samples.duals
    if problem.scale != "made up":  # then β is in them
        lasts = problem.last @ samples.duals
        own, silent = own - problem.layer_bias[:, None] * lasts, silent - problem.dead_bias[:, None] * lasts
    active = xp.astype(~samples.zero & ~samples.ambiguous, own.dtype) - xp.astype(samples.zero, own.dtype)
    parts = to_host(xp.concat([own, silent], axis=0))
    biases = to_host(xp.concat([problem.layer_bias, problem.dead_bias]))
    shown = to_host(xp.concat([active, xp.full_like(silent, -1.0)], axis=0))
    usual = to_host(_unit_size(problem, samples.duals))
    found = [_best(parts[:, k], biases, shown[:, k], float(usual[k])) for k in range(problem.rank)]
    return Sizes(*(np.asarray(one) for one in zip(*found, strict=True)))


def _unit_size(problem: Problem, duals: Array) -> Array:
    """Factors that give samples unit root mean square."""
    xp = problem.space.xp
    coordinates = problem.singular_values[:, None] * duals
    return (problem.right.shape[1] - 1) ** 0.5 / xp.sqrt(xp.sum(coordinates * coordinates, axis=0))


def _best(part: Host, bias: Host, shown: Host, usual: float) -> tuple[float, float, float]:
    """Factor, and its bounds, for W x, β and signs (0: not known) of each row."""
    options = [_interval(sign * part, bias, shown) for sign in (1.0, -1.0)]
    sign, (_, least, most) = max(zip((1.0, -1.0), options, strict=True), key=lambda one: one[1][0])
    middle = (least * most) ** 0.5 if least > 0 and most < np.inf else min(max(usual, least), most)
    return sign * middle, least, most


def _interval(part: Host, bias: Host, shown: Host) -> tuple[float, float, float]:
    """Agreement of signs, and between which factors it is best."""
    turns = part * bias < 0  # from the sign of β to that of W x, at this factor
    at = -bias[turns] / part[turns]
    order = at.argsort()
    at, gain = at[order], (np.sign(part[turns]) * shown[turns])[order]
    agreement = np.concatenate([[0.0], 2 * np.cumsum(gain)])
    start = float((np.sign(np.where(bias == 0, part, bias)) * shown).sum())
    best = np.flatnonzero(agreement == agreement.max())
    bounds = np.concatenate([[0.0], at, [np.inf]])
    return start + float(agreement.max()), float(bounds[best[0]]), float(bounds[best[-1] + 1])

"""Enters: samples whose scale no bias gradient tells. Leaves: the sizes that masks of the layer allow them.

With c x in the place of x a pre-activation z turns into c W x + β, which changes its sign once where W x and β
have unlike signs. Each row whose zero pattern is known so bounds c from one side.
"""

from typing import NamedTuple

import numpy as np

from spear_xp.numerics.backend import Host, to_host
from spear_xp.recovery.samples import SampleSet

__all__ = ["Sizes", "sizes_of"]


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
    parts, biases, shown = [], [], []
    own, silent = problem.layer @ samples.duals, problem.dead_layer @ samples.duals
    if problem.scale != "made up":  # then β is in them
        lasts = problem.last @ samples.duals
        own, silent = own - problem.layer_bias[:, None] * lasts, silent - problem.dead_bias[:, None] * lasts
    active = xp.astype(~samples.zero & ~samples.ambiguous, own.dtype) - xp.astype(samples.zero, own.dtype)
    parts = to_host(xp.concat([own, silent], axis=0))
    biases = to_host(xp.concat([problem.layer_bias, problem.dead_bias]))
    shown = to_host(xp.concat([active, xp.full_like(silent, -1.0)], axis=0))
    usual = to_host((problem.right.shape[1] - 1) ** 0.5 / samples.sizes)
    found = [_best(parts[:, k], biases, shown[:, k], float(usual[k])) for k in range(problem.rank)]
    return Sizes(*(np.asarray(one) for one in zip(*found, strict=True)))


def _best(part: Host, bias: Host, shown: Host, usual: float) -> tuple[float, float, float]:
    """Factor, and its bounds, for W x, β and signs (0: not known) of each row."""
    options = [_interval(sign * part, bias, shown) for sign in (1.0, -1.0)]
    sign, (_, least, most) = max(zip((1.0, -1.0), options, strict=True), key=lambda one: one[1][0])
    middle = (least * most) ** 0.5 if 0 < least and most < np.inf else min(max(usual, least), most)
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

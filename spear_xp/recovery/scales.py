"""Enters: samples whose scale may be open. Leaves: the sizes that masks of the layer allow them.

With c x in the place of x a pre-activation z turns into c W x + β, which changes its sign at one c where W x
and β have unlike signs. Each such row whose zero pattern is known bounds c from one side.
"""

from typing import NamedTuple

import numpy as np

from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.numerics.classifiers import logistic
from spear_xp.recovery.samples import SampleSet
from spear_xp.recovery.uncertainty import preactivation_errors, shares_of
from spear_xp.reduction.problem import Problem

__all__ = [
    "CommonScale",
    "Sizes",
    "common_scale",
    "reported_size",
    "scales_in_words",
    "shared_size",
    "sizes_of",
]

ALONE = "its scale rests on grad_b alone: masks fit samples four times as large or as small, too"
UNKNOWN = "grad_b was not given, and nothing else tells its size: it has unit root mean square"
BOUNDED = "grad_b was not given: masks fit from {:.2g} to {:.2g} times its size"


# chosen: logarithms of factors that all samples may have in common, up to four; more take longer
STEPS = (
    *(0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.22, 0.27, 0.33),
    *(0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4),
)
LIKELY = 4.5  # derived: three standard deviations, in nats: what a likelihood may be below its largest
CLOSE = 0.5  # chosen: of the width of the zero test, within which an entry is zero; nearly all zeros are
CLEAR = 4.0  # chosen: standard deviations of a pre-activation, beyond which its sign is sure
# chosen: least and largest share of entries that contradict a sure sign; few rows tell no smaller ones
SELDOM, OFTEN = 0.002, 0.45
PROBIT = 1.7  # derived: slope of the logistic function next to the normal distribution
FAR = 40.0  # chosen: standard deviations, beyond which a sign is as sure as can be; costs time alone
# measured: error of a pre-activation on the way of a layer, over its change and over the bound on that; how
# much of the way the last step sees (lab.md, "One scale for all samples")
WAY, BOUND, SEEN = 0.5, 0.0625, (0.5, 1.0)


class CommonScale(NamedTuple):
    """A factor that samples have in common, as masks of all of them tell it; 1 if their scale is right.

    Attributes
    ----------
    best : float
        The most likely one.
    least, most : float
        What lies beyond is less likely by three standard deviations; a quarter and four at most.
    fits : bool
        Whether 1 is not.
    """

    best: float
    least: float
    most: float
    fits: bool


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


def common_scale(samples: SampleSet, spread: Array, chosen: Host) -> CommonScale:
    """The factor that fits zero patterns of all chosen samples together best.

    With c x in the place of x a pre-activation z has the sign of z + (1 / c - 1) β. Entries of a column show
    it, but for some that noise hides or makes up: their shares are those of rows with sure signs.

    Parameters
    ----------
    samples : SampleSet
        A full set with a scale.
    spread : array, shape (b, b)
        What the rows that determined them say of the duals: `Support.spread`.
    chosen : NumPy array of bool, shape (b,)
        Samples that have a factor in common.

    Notes
    -----
    The error of c x is c times that of x, so a factor changes no more than the place of the zero. Errors
    that are thought too large or too small do not move it then, as long as biases have both signs.
    Cost: a pass over rows near zero for each factor.
    """
    problem, xp = samples.problem, samples.problem.space.xp
    shares = shares_of(samples, spread)
    error = preactivation_errors(samples, shares) ** 2
    if problem.drift is not None:
        bound = problem.drift[:, None] * samples.sizes[None, :]
        error = error + (BOUND * bound) ** 2 + (WAY * samples.moved) ** 2
    rounding = 4 * problem.unit_roundoff * problem.layer_norms[:, None] * samples.sizes[None, :]
    shown = ~problem.vanish(samples.columns, samples.noise, widen=CLOSE)
    use = chosen & to_host(xp.all(xp.isfinite(error), axis=0))
    deviation = xp.sqrt(error + rounding**2)
    z, deviation, shows = (to_host(one)[:, use] for one in (samples.preactivations, deviation, shown))
    bias = to_host(problem.layer_bias)[:, None]
    steps = np.asarray(sorted({0.0, *STEPS, *(-step for step in STEPS)}))
    if problem.moved is None:
        found = [_likelihoods([(z, bias)], deviation, shows, steps)]
    else:
        moved = to_host(problem.moved @ samples.duals)[:, use]
        change = 0 * bias if problem.bias_moved is None else to_host(problem.bias_moved)[:, None]
        found = [
            _likelihoods([(z, bias), (z + way * moved, bias + way * change)], deviation, shows, steps)
            for way in SEEN
        ]
    likely = np.max(found, axis=0)
    below = likely - likely.max() + LIKELY
    inside = np.flatnonzero(below > 0)
    ends = []
    for k, beyond in ((inside[0], inside[0] - 1), (inside[-1], inside[-1] + 1)):
        there = 0.0  # at the last factor of all nothing is beyond
        if 0 <= beyond < len(steps):
            there = (steps[beyond] - steps[k]) * below[k] / (below[k] - below[beyond])
        ends.append(steps[k] + there)
    best, least, most = np.exp([steps[likely.argmax()], *ends]).tolist()
    return CommonScale(best, least, most, fits=bool(below[steps == 0] > 0))


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


def _likelihoods(ends: list[tuple[Host, Host]], error: Host, shown: Host, steps: Host) -> Host:
    """Logarithms of the likelihood of each factor exp(step); one constant is left out where the layer rests.

    `ends` are pre-activations and biases of the layer before and after; a row shows what either activates.
    """
    largest = np.max([z for z, _ in ends], axis=0) / error
    made_up, hidden = (
        ((rows & wrong).sum(axis=0) + 0.25) / (rows.sum(axis=0) + 0.5)
        for rows, wrong in ((largest < -CLEAR, shown), (largest > CLEAR, ~shown))
    )
    made_up = made_up.clip(SELDOM, OFTEN)
    usual, shift = 1 - made_up - hidden.clip(SELDOM, OFTEN), np.expm1(-steps)
    reach = np.abs(shift).max() * np.abs(ends[0][1]) + FAR * error
    rows, columns = np.nonzero((np.abs(ends[0][0]) < reach) | (len(ends) > 1))
    places = [(z[rows, columns], bias[rows, 0]) for z, bias in ends]
    error, shown, found = error[rows, columns], shown[rows, columns], []
    for step in shift:
        place = np.max([z + step * bias for z, bias in places], axis=0) / error
        shows = made_up[columns] + usual[columns] / (1 + np.exp(-PROBIT * place.clip(-FAR, FAR)))
        found.append(np.log(np.where(shown, shows, 1 - shows)).sum())
    return np.asarray(found)

"""Enters: a `Gradient` that may hold a multiple of the weights. Leaves: it without that, factored.

The update of an optimiser with weight decay is G + αW. W is known, G has low rank: α is what the part of the
update that low rank leaves has in common with W.
"""

import math
from dataclasses import dataclass, replace

from spear_xp.errors import RankError, ZeroGradientError
from spear_xp.numerics.backend import Array
from spear_xp.numerics.sorting import upper_median
from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.reduction.factorization import Factorization, factorize
from spear_xp.reduction.gradient import Gradient, checked

__all__ = ["Decay", "without_decay"]

# chosen: noise in rounding units of the gradient, from which a multiple of the weights is worth a look
ROUNDING = 30.0
SHARE = 0.25  # chosen: of the variance that low rank leaves, which the weights explain, where they are a part
CHANCE = 8.0  # chosen: standard deviations of the correlation of noise with the weights
ROUNDS = 10  # chosen: of fit and factorisation; two suffice where the term is small
# chosen: what rounding of the multiple may be of a row: at all, in shares of a usual row, in its own rounding
ROUNDED, UNEVEN, OWN = 0.25, 100.0, 10.0
COARSE = 8.0  # chosen: noise up to so many times the rounding of the update is that rounding
CONVERGED = 0.95  # chosen: share of the last correction, above which another round is no gain


@dataclass(frozen=True, slots=True)
class Decay:
    """Multiple of the weights in an update.

    Attributes
    ----------
    of_weight, of_bias : float
        α with grad_w = G + α weight and grad_b = g + α bias; that of the bias is the same or 0.
    """

    of_weight: float = 0.0
    of_bias: float = 0.0


@dataclass(frozen=True, slots=True)
class _Fit:
    """What the weights explain of the rest that low rank leaves, both in scaled rows."""

    coefficient: float
    rest: float  # squared norm
    weights: float  # squared norm of the same part of the weights
    entries: int

    @property
    def share(self) -> float:
        # A product, since a power of a float raises where it overflows.
        return self.coefficient * self.coefficient * self.weights / self.rest if self.rest > 0 else 0.0

    @property
    def by_chance(self) -> bool:
        return self.share * self.entries < CHANCE**2


def without_decay(
    gradient: Gradient,
    batch_size: int | None = None,
    *,
    noise: Array | float | None = None,
    keep_going: KeepGoing = forever,
) -> tuple[Gradient, Factorization, Decay]:
    """Factor a gradient; where noise is left that is a multiple of the weights, fit it and take it out.

    Parameters
    ----------
    gradient, batch_size, noise, keep_going
        As for `spear_xp.reduction.factorization.factorize`, which also says what is raised.

    Returns
    -------
    gradient : Gradient
        The same, or without the multiple of the weights, in the working dtype.
    factorization : Factorization
    decay : Decay
        Zero where the weights explain less than a quarter of the variance that low rank leaves.

    Notes
    -----
    One look is one pass over `grad_w` and `weight`, and only where the noise exceeds rounding.
    """
    try:
        first = factorize(gradient, batch_size, noise=noise, keep_going=keep_going)
        noise_of_entries = first.noise_level * gradient.columns**0.5
        if noise_of_entries < ROUNDING * gradient.roundoff:
            return gradient, first, Decay()
        fit = _fit(gradient, first, keep_going)
        if fit.by_chance or fit.share < SHARE:
            return gradient, first, Decay()
    except RankError as error:
        fit = _fit(gradient, None, keep_going)
        denied = fit.by_chance or _has_quiet_rows(gradient)
        found = None if denied else _refined(gradient, fit, batch_size, noise, keep_going)
        if found is None:
            raise error from None
        return found
    return _refined(gradient, fit, batch_size, noise, keep_going) or (gradient, first, Decay())


def _has_quiet_rows(gradient: Gradient) -> bool:
    """Whether a row is zero and its weights are not: decay leaves none."""
    xp = gradient.space.xp
    return bool(xp.any(xp.abs(xp.take(gradient.weight, gradient.dead, axis=0)) > 0))


def _refined(
    gradient: Gradient, fit: _Fit, batch_size: int | None, noise: Array | float | None, keep_going: KeepGoing
) -> tuple[Gradient, Factorization, Decay] | None:
    """Fit and factorisation in turns, until the rest falls no more; None where no rank shows up."""
    best, of_weight, last = None, 0.0, None
    for _ in range(ROUNDS):
        of_weight += fit.coefficient
        rest, fact, decay = _factored(gradient, Decay(of_weight, of_weight), batch_size, noise, keep_going)
        if fact is not None:
            # a wrong multiple of the bias leaves a column of its own: a rank more, or noise
            apart = _factored(gradient, Decay(of_weight, 0.0), batch_size, noise, keep_going)
            rest, fact, decay = min(((rest, fact, decay), apart), key=lambda one: _order(one[1]))
        fit = _fit(rest, fact, keep_going)
        explained = of_weight * of_weight * fit.weights
        if fact is not None and explained > SHARE * (explained + fit.rest):
            best = (rest, fact, decay)
        if fit.by_chance or (last is not None and abs(fit.coefficient) > CONVERGED * last):
            break
        last = abs(fit.coefficient)
    return best


def _factored(
    gradient: Gradient,
    decay: Decay,
    batch_size: int | None,
    noise: Array | float | None,
    keep_going: KeepGoing,
) -> tuple[Gradient, Factorization | None, Decay]:
    """Without the multiple, factored, also with rounding of the update as the known noise, for a lower rank.

    It is as large in small rows of G as in large ones, and the other way round in columns: no model has that.
    """
    xp, rest = gradient.space.xp, _minus(gradient, decay, keep_going)
    try:
        fact = factorize(rest, batch_size, noise=noise, keep_going=keep_going)
        rounding = gradient.norms * (gradient.roundoff / gradient.columns**0.5)
        usual = upper_median(xp, xp.take(rounding, rest.live))
        if noise is not None or not float(xp.min(fact.scale)):  # a rest that grows beyond bounds has no scale
            return rest, fact, decay
        excess = float(upper_median(xp, fact.noise_level / fact.scale) / usual)
        if excess < COARSE:
            deviations = max(1.0, excess) * rounding[:, None]
            known = factorize(rest, batch_size, noise=deviations, keep_going=keep_going)
            fact = known if known.rank < fact.rank else fact
    except RankError:
        return rest, None, decay
    return rest, fact, decay


def _order(fact: Factorization | None) -> tuple[float, float]:
    return (math.inf, 0.0) if fact is None else (fact.rank, fact.bias_noise)


def _fit(gradient: Gradient, fact: Factorization | None, keep_going: KeepGoing) -> _Fit:
    """Least squares of the rest of grad_w against that of the weights, off both leading spaces."""
    space, live = gradient.space, gradient.live
    xp, m, n = space.xp, int(live.shape[0]), int(gradient.grad_w.shape[1])
    if fact is None:
        left, right = (xp.zeros(s, dtype=space.dtype, device=space.device) for s in ((m, 0), (0, n)))
    else:
        left, right = fact.left, fact.right
    scale = 1.0 if fact is None else fact.scale[:, None]
    rests = shares = xp.zeros((m, left.shape[1]), dtype=space.dtype, device=space.device)
    inner = squares = weights = 0.0
    for (start, stop, block), (_, _, layer) in zip(
        gradient.blocks(), gradient.layer_blocks(live), strict=True
    ):
        if start >= n:  # the bias may have no decay
            break
        ask(keep_going)
        rest, part = (x - left @ (left.T @ x) for x in (scale * block, scale * layer))
        inner += float(xp.sum(rest * part))
        squares += float(xp.sum(rest * rest))
        weights += float(xp.sum(part * part))
        rests, shares = rests + rest @ right[:, start:stop].T, shares + part @ right[:, start:stop].T
    inner -= float(xp.sum(rests * shares))
    squares -= float(xp.sum(rests * rests))
    weights -= float(xp.sum(shares * shares))
    rank = left.shape[1]
    entries = max(1, (m - rank) * (n - rank))
    return _Fit(inner / weights if weights > 0 else 0.0, squares, weights, entries)


def _minus(gradient: Gradient, decay: Decay, keep_going: KeepGoing) -> Gradient:
    """The gradient without a multiple of the weights. Rows that its rounding spoils are set aside."""
    space = gradient.space
    xp, dtype = space.xp, space.dtype
    weight, bias = xp.astype(gradient.weight, dtype), xp.astype(gradient.bias, dtype)
    arrays = {
        "grad_w": xp.astype(gradient.grad_w, dtype) - decay.of_weight * weight,
        "weight": gradient.weight,
        "bias": gradient.bias,
    }
    if gradient.scaled:
        arrays["grad_b"] = xp.astype(gradient.grad_b, dtype) - decay.of_bias * bias
    try:
        found = checked(space, arrays, keep_going)
    except ZeroGradientError:
        msg = (
            f"grad_w and grad_b are {decay.of_weight:.6g} times weight and bias: need the gradient, or "
            "the weights before minus those after the step"
        )
        raise ZeroGradientError(msg) from None
    size = xp.sqrt(xp.vecdot(weight, weight) + bias * bias)
    rounding = gradient.roundoff * abs(decay.of_weight) * xp.take(size, found.live)
    shares = rounding / xp.take(found.norms, found.live)
    middle = float(upper_median(xp, shares))
    usable = shares < min(ROUNDED, max(UNEVEN * middle, OWN * gradient.roundoff))
    return replace(
        found,
        live=found.live[usable],
        roundoff=gradient.roundoff,
        weight_after=gradient.weight_after,
        bias_after=gradient.bias_after,
    )

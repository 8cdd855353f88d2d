"""Enters: a `Gradient`. Leaves: what its entries one by one say of their way here: rounded, dropped, clipped.

A part of the columns is looked at, some 200,000 entries in host memory. All tests are about exact values: no
honest gradient has many equal entries, or none near zero.
"""

import numpy as np

from spear_xp.diagnosis.causes import Cause, cause
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.reduction.gradient import Gradient

__all__ = ["of_entries", "sample_of"]

# chosen: entries that are looked at; more take longer and show clipping of fewer entries
LOOKED_AT = 3 * 2**16
FEWEST = 500  # chosen: different values without which nothing is said of how they are distributed
ROWS = 16  # chosen: live rows without which nothing is said of them
# measured: median over upper percentile of the sizes of entries (lab.md, "Causes"): .24 at most in gradients,
# .5 in weights, .73 at least after Adam
EVEN = 0.6
# measured: least size over median (lab.md, "Causes"): .01 at most in gradients, .13 at least after top-k
CUT = 0.05
HOLES = 0.01  # chosen: share of zeros in live rows, below which they do no harm
# derived: a random mask gives counts of zeros with the variance of coin tosses, which sparse inputs have not
TOSSED = (0.5, 2.0)
PILE, PILE_ROWS = 5, 2  # chosen: equal largest entries, and rows with one, that equal pixels do not explain
ABOVE_NEXT, ABOVE_BAND, BAND = 4, 2, 0.99  # chosen: times more of them than next to the largest value
ON_GRID = 0.05  # chosen: distance of a value from a multiple of the step, in steps
COARSEST = 1.5  # derived: signs have one level, two bits have two
LEVELS = 2**15  # chosen: steps up to the largest entry, from which a grid is as good as none
BRAIN, HALF = 8, 11  # derived: significant bits of bfloat16 and float16, with the hidden one
NORMAL = 2**10  # derived: units of the last place up to the smallest normal number of float16
HALF_UNIT = 2.0**-24  # derived: smallest subnormal number of float16
UNDERFLOWN = 0.05  # chosen: share of subnormal entries, from which they are the cause


def of_entries(gradient: Gradient, *, noisy: bool = True) -> tuple[Cause, ...]:
    """What exact values of entries show; at most one cause of rounding, one of what was cut.

    Parameters
    ----------
    gradient : Gradient
        Checked gradient.
    noisy : bool
        Whether the gradient has more noise than rounding: zeros at random are no inputs then.
    """
    sizes = np.abs(sample_of(gradient, gradient.grad_w))
    values, counts = np.unique(sizes[sizes > 0], return_counts=True)
    if len(sizes) < ROWS or not len(values):
        return ()
    rounded = _rounded(sizes, values, int(counts.sum()))
    if rounded is not None and rounded.name == "quantised":
        return (rounded,)
    clipped = _clipped(sizes, values, counts)
    middle, upper = np.quantile(sizes[sizes > 0], (0.5, 0.99))
    spread = float(middle / upper)
    if clipped is None and spread > EVEN:
        return (cause("sign-like", spread),)
    others = (_dropped(gradient, sizes, values, noisy=noisy), clipped)
    return tuple(one for one in (rounded, *others) if one is not None)


def sample_of(gradient: Gradient, matrix: Array, most: int = LOOKED_AT) -> Host:
    """Live rows of some columns where grad_w is not all zero, of it or another matrix, double precision."""
    xp, n = gradient.space.xp, int(gradient.grad_w.shape[1])
    filled = xp.nonzero(gradient.filled[:n])[0]
    stride = -(-int(filled.shape[0]) * int(gradient.live.shape[0]) // most) or 1
    part = xp.take(xp.take(matrix, filled[::stride], axis=1), gradient.live, axis=0)
    return to_host(part).astype(float)


def _rounded(sizes: Host, values: Host, count: int) -> Cause | None:
    """A grid of values, or few significant bits."""
    if count < FEWEST:
        return None
    last = _last_places(values)
    bits, levels = int(53 - np.log2(last.min())), values[-1] / values[0]
    grid = COARSEST < levels <= LEVELS and _off_grid(values / values[0]) < ON_GRID
    if bits <= HALF:
        unit = float(np.ldexp(last, np.frexp(values)[1] - 53).min())
        low = float((sizes[sizes > 0] < NORMAL * unit).mean())
        if low > UNDERFLOWN and (unit == HALF_UNIT or values[-1] > 2 * NORMAL * unit):
            return cause("float16 underflow", low)
    if grid and count > 2 * len(values):
        return cause("quantised", np.log2(2 * np.round(levels) + 1))
    if bits > HALF or len(values) < FEWEST:
        return None
    return cause("bfloat16" if bits <= BRAIN else "float16", bits)


def _last_places(values: Host) -> Host:
    """Units of the last places of mantissas that are not zero, in 53 bits."""
    mantissa = np.ldexp(np.frexp(values)[0], 53).astype(np.int64)
    mantissa &= -mantissa
    return mantissa.astype(float)


def _off_grid(steps: Host) -> float:
    """How far numbers are from integers, at most."""
    return float(np.abs(steps - np.round(steps)).max())


def _dropped(gradient: Gradient, sizes: Host, values: Host, *, noisy: bool) -> Cause | None:
    """Zeros in place of the smallest entries, in grad_b, or at random."""
    zero = sizes == 0
    share = float(zero.mean())
    live = to_host(gradient.space.xp.take(gradient.grad_b, gradient.live)) == 0
    if gradient.scaled and live.mean() > HOLES and live.sum() >= PILE:
        return cause("entries dropped", max(share, float(live.mean())))
    if share <= HOLES or len(values) < FEWEST:
        return None
    cut = values[0] > CUT * np.median(sizes[~zero])
    variances = (zero.mean(axis=1).var() * zero.shape[1], zero.mean(axis=0).var() * zero.shape[0])
    tossed = all(TOSSED[0] < value / (share * (1 - share)) < TOSSED[1] for value in variances)
    return cause("entries dropped", share) if cut or (tossed and noisy) else None


def _clipped(sizes: Host, values: Host, counts: Host) -> Cause | None:
    """Many entries at exactly the largest size, and hardly any next to it."""
    pile, rows = counts[-1], (sizes == values[-1]).any(axis=1).sum()
    band = counts[values >= BAND * values[-1]].sum() - pile
    if pile < PILE or rows < PILE_ROWS or pile < ABOVE_BAND * band or len(values) < FEWEST:
        return None
    return cause("entries clipped", pile / sizes.size) if pile >= ABOVE_NEXT * counts[-2] else None

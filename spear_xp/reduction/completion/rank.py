"""Enters: a matrix of which entries are known. Leaves: the least rank at which factors fit them, with these.

A rank too small leaves a misfit far above the noise, a larger one does not lower it: the rank is where the
misfit falls. Factors of a larger rank, cut, are the start of those of a smaller one.
"""

from spear_xp.numerics.backend import Array
from spear_xp.numerics.work import Meter
from spear_xp.reduction.completion.alternating import LAST_RIDGE, UNRIDGED, Entries, Fit, alternate

__all__ = ["SMALLEST", "SPARE", "fit_of_least_rank", "lowered"]

SMALLEST = 8  # chosen: rank that is tried first; those that are too small cost little
GROWS = 3  # chosen: halves of the last rank that the next one has
SPARE = 2  # derived: entries beyond the rank that a row needs, to be determined and then confirmed
OVER = 1.15  # chosen: known entries for each free number of the factors, below which any rank fits
NOISY = 3e-3  # chosen: relative misfit that may be noise; below, a larger rank is tried as well
EXACT = 20.0  # chosen: rounding units up to which a misfit is rounding
FALLS = 3.0  # chosen: factor by which the misfit is larger at too small a rank


def fit_of_least_rank(
    entries: Entries, roundoff: float, meter: Meter, first: int | None = None
) -> Fit | None:
    """Factors of the least rank that fits.

    Parameters
    ----------
    entries : Entries
        With a mean square of known entries near 1.
    roundoff : float
        Rounding unit of the entries.
    meter : Meter
        Asked and told before each sweep.
    first : int, optional
        Rank that is tried first.

    Returns
    -------
    Fit or None
        None where no rank that the known entries could determine fits them.
    """
    xp = entries.space.xp
    _, values, right = xp.linalg.svd(entries.values, full_matrices=False)  # zeros for what is not known
    best, least = None, 0
    largest = _largest(entries)
    rank = min(first or SMALLEST, largest)
    while least < rank:
        start = right[:rank, :].T * xp.sqrt(values[:rank])
        fit = alternate(entries, start, meter)
        if best is not None and fit.misfit * FALLS > best.misfit:
            break  # the smaller one was enough
        if fit.misfit <= NOISY:
            best = fit
        else:
            least = rank
        if fit.misfit <= EXACT * roundoff or rank == largest:
            break
        rank = min(GROWS * rank // 2, largest)
    if best is None:
        return None
    least = 0 if best.rank == first else least
    return lowered(entries, best, roundoff, meter, least=least, ridge=LAST_RIDGE)


def lowered(
    entries: Entries,
    fit: Fit,
    roundoff: float,
    meter: Meter,
    *,
    least: int = 0,
    ridge: float = UNRIDGED,
) -> Fit:
    """Factors of the least rank above `least` that fit as well."""
    while fit.rank - least > 1:
        rank = _between(entries, fit, least)
        less = alternate(entries, _cut(entries, fit, rank), meter, ridge=ridge, least=ridge)
        if less.misfit <= FALLS * max(fit.misfit, roundoff):
            fit = less
        else:
            least = rank
    return fit


def _largest(entries: Entries) -> int:
    """The largest rank whose factors have fewer free numbers than entries are known."""
    m, n = entries.values.shape
    known = float(entries.space.xp.sum(entries.known))
    ranks = range(1, min(m, n) - SPARE)
    return max((rank for rank in ranks if known > OVER * rank * (m + n - rank)), default=0)


def _spectrum(entries: Entries, fit: Fit) -> tuple[Array, Array]:
    """Singular values of a product of factors, and its right singular vectors."""
    xp = entries.space.xp
    triangle = xp.linalg.qr(fit.left).R
    basis, other = xp.linalg.qr(fit.right)
    _, values, mix = xp.linalg.svd(triangle @ other.T, full_matrices=False)
    return values, basis @ mix.T


def _cut(entries: Entries, fit: Fit, rank: int) -> Array:
    """Start of a smaller rank from factors of a larger one."""
    values, right = _spectrum(entries, fit)
    return right[:, :rank] * entries.space.xp.sqrt(values[:rank])


def _between(entries: Entries, fit: Fit, least: int) -> int:
    """A smaller rank: where the largest gap is, else in the middle."""
    values, _ = _spectrum(entries, fit)
    host = [float(value) for value in values]
    ratios = {rank: host[rank - 1] / max(host[rank], 1e-300) for rank in range(least + 1, fit.rank)}
    widest = max(ratios, key=ratios.__getitem__)
    return widest if ratios[widest] > FALLS else (least + fit.rank) // 2

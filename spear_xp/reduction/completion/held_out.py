"""Enters: a matrix of which entries are known. Leaves: factors of low rank that predict what was held out.

That they do to within the noise is the evidence for them: too high a rank, a wrong mask or too few entries
fit what they were fitted to, and nothing else.
"""

from dataclasses import dataclass

from spear_xp.numerics.backend import Array
from spear_xp.numerics.random import Stream, generator
from spear_xp.numerics.work import Meter
from spear_xp.reduction.completion.alternating import (
    UNRIDGED,
    Entries,
    Fit,
    alternate,
    amplification,
    grams,
    leverages,
)
from spear_xp.reduction.completion.rank import SPARE, fit_of_least_rank, lowered

__all__ = ["WORST", "Confirmed", "confirmed"]

# chosen: share of the known entries that are predicted and not used, and the same where few are known
HELD_OUT, MOST = 0.03, 0.1
FEWEST = 50  # chosen: held-out entries without which nothing is taken
WORST = 100.0  # chosen: times the noise that a row or column may carry, of which enough entries came
# chosen: root mean square of held-out errors in units of those expected, up to which all is right
SURPRISED = 3.0
TRIMMED = 0.98  # chosen: share of them that counts: rounding errors have tails


@dataclass(frozen=True, slots=True, eq=False)
class Confirmed:
    """Factors that predict what was held out.

    Attributes
    ----------
    fit : Fit
        Of all known entries of some rows and columns: those that are determined.
    rows : array of int
        These rows.
    surprise : float
        Root mean square of held-out errors in units of those expected; at least 1.
    """

    fit: Fit
    rows: Array
    surprise: float


def confirmed(entries: Entries, roundoff: float, batch_size: int | None, meter: Meter) -> Confirmed | None:
    """Find the rank and the factors from most of the known entries, and predict the others.

    Parameters
    ----------
    entries : Entries
        With a mean square of known entries near 1.
    roundoff : float
        Rounding unit of the entries.
    batch_size : int, optional
        Rank that is tried first.
    meter : Meter
        Asked and told before each sweep.

    Returns
    -------
    Confirmed or None
        None where nothing predicts what was held out.
    """
    space = entries.space
    xp = space.xp
    share = min(MOST, max(HELD_OUT, 2 * FEWEST / float(xp.sum(entries.known))))
    drawn = space.asarray(generator(0, Stream.HELD_OUT, 0).random(tuple(entries.values.shape)))
    held = Entries.of(space, entries.values, (drawn < share) & (entries.known > 0))
    used = Entries(space, entries.values - held.values, entries.known - held.known)
    fit = fit_of_least_rank(used, roundoff, meter, batch_size)
    if fit is None:
        return None
    rows, columns = (xp.arange(size, device=space.device) for size in entries.values.shape)
    right = fit.right
    while True:  # until what is left is determined
        part = used.part(rows, columns)
        if min(part.values.shape) <= fit.rank + SPARE:
            return None
        fit = alternate(part, right, meter, ridge=UNRIDGED, least=UNRIDGED)
        settled = [
            amplification(space, grams(one, xp.linalg.qr(factor).Q)) < WORST
            for one, factor in ((part, fit.right), (part.transposed, fit.left))
        ]
        if all(bool(xp.all(one)) for one in settled):
            break
        rows, columns = rows[settled[0]], columns[settled[1]]
        right = xp.take(fit.right, xp.nonzero(settled[1])[0], axis=0)
    # what was not determined may have made for a rank that is not there
    fit = lowered(part, fit, roundoff, meter)
    surprise = _surprise(part, held.part(rows, columns), fit)
    if not surprise < SURPRISED:
        return None
    fit = alternate(entries.part(rows, columns), fit.right, meter, ridge=UNRIDGED, least=UNRIDGED)
    return Confirmed(fit, rows, max(1.0, surprise))


def _surprise(used: Entries, held: Entries, fit: Fit) -> float:
    """Root mean square of held-out errors in units of those expected, without the largest; NaN if too few.

    Of entry ij that is 1 + v_jᵀ(V_KᵀV_K)⁻¹v_j + u_iᵀ(U_KᵀU_K)⁻¹u_i times the variance of a used one.
    """
    xp = used.space.xp
    count = float(xp.sum(used.known))
    free = fit.rank * (sum(used.values.shape) - fit.rank)
    if count <= free or float(xp.sum(held.known)) < FEWEST:
        return float("nan")
    rest = used.misfit(fit.left, fit.right)
    variance = float(xp.sum(rest * rest)) / (count - free)
    variance = max(variance, used.space.eps**2)
    expected = 1 + leverages(used, fit.right) + leverages(used.transposed, fit.left).T
    errors = held.misfit(fit.left, fit.right) ** 2 / (expected * variance)
    found = xp.sort(errors[held.known > 0])
    kept = found[: int(TRIMMED * found.shape[0])]
    return float(xp.sqrt(xp.mean(kept)))

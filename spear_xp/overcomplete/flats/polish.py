"""Enters: known points, some of them rough. Leaves: each fitted again to the rows that hold it."""

from spear_xp.numerics.work import KeepGoing, ask, forever
from spear_xp.overcomplete.examination import examine
from spear_xp.overcomplete.known import UNSURE, KnownPoints

__all__ = ["polish"]

ROUNDS = 6  # chosen: the error of a point is in the fits of the others, less so in each round
FITS = 6.0  # chosen: distance of a row from the span of its points, in standard deviations
LEAST = 4  # chosen: equations beyond those that determine a point


def polish(known: KnownPoints, keep_going: KeepGoing = forever) -> None:
    """Fit each point to the rows that hold it, where that is more accurate."""
    problem, xp = known.problem, known.problem.space.xp
    order = xp.argsort(problem.activity, stable=True)
    for _ in range(ROUNDS):
        seen, better = examine(known, keep_going), False
        for k in range(known.count):
            ask(keep_going)
            rows = order[xp.take(seen.holds[:, k], order)]
            fit = known.fit(rows, without=k) if rows.shape[0] else None
            if fit is None or fit.equations < problem.dimension - 1 + LEAST:
                continue
            bar, before = fit.bar(xp), float(known.bars[k])
            # another point that all of these rows share lies in their spans as well
            moved = float(xp.sqrt(xp.mean((fit.point - known.points[k, :]) ** 2)))
            if float(xp.max(fit.distances)) < FITS and bar < before and moved < UNSURE * before:
                known.replace(k, fit)
                better = True
        if not better:
            break

"""Enters: samples taken out of every row, and proofs without the layers behind. Leaves: proofs with them.

A row that one sample explains, in the size that the layers behind give to it, holds no two near-twins: their
columns of D would add up to twice that. So nothing has to lie next to the boundary of its mask.
"""

from dataclasses import replace

import numpy as np

from spear_xp.numerics.backend import Host
from spear_xp.overcomplete.behind.subtraction import EMPTY, LOUD, SHARP, Subtraction, size_of
from spear_xp.overcomplete.known import UNSURE
from spear_xp.overcomplete.proofs import ABSENT, BARS, DEAD, FEW, HARDLY, PAIRS, ROWS, Proofs

__all__ = ["with_layers_behind"]

# chosen: sizes of a sample that is not known: in that of any other one, and of the largest that is known
LARGER, MARGIN = 30.0, 2.0
SMALLEST = 1e-300  # cosmetic: against a division by zero
STRAY = 2  # chosen: rows of another origin that are borne beside as many samples as was said
PARALLEL = 5e-7  # derived: 1 less the cosine of slopes that differ by a factor, to three digits

INACCURATE = "its error bar is {:.1e} of its size, and a certificate needs a sixth of {:.0%}"
UNTOLD = (
    "only {} pairs of samples show what the layers behind send back, and a certificate of a part of the "
    "batch needs {}: where it differs by a factor only, a mixture of three may look like a sample"
)
PROPORTIONAL = (
    "what the layers behind send back differs by a factor only for {} of {} pairs of samples: a mixture of "
    "three may look like a sample"
)
MORE = (
    "{} rows hold more than the {} samples that batch_size says: it is too small, the gradient is scaled, or "
    "one of these is no sample"
)


def with_layers_behind(proofs: Proofs, subtraction: Subtraction, bars: Host, accuracy: float) -> Proofs:
    """Certify samples that were taken out; they are the first of the points of `proofs`.

    Parameters
    ----------
    proofs : Proofs
        By rows alone.
    subtraction : Subtraction
    bars : NumPy array, shape (k,)
        Error bars of its samples by least squares, in the units of the inputs.
    accuracy : float
        Relative error up to which a sample is certified.

    Returns
    -------
    Proofs
        What either certifies.
    """
    k, complete = subtraction.count, subtraction.complete
    sizes = np.sqrt((subtraction.inputs(subtraction.points) ** 2).mean(axis=1))
    held, bars = subtraction.held(), bars * _hidden(subtraction)
    common = "" if complete else _too_many(subtraction) or _alike(subtraction.sent_back())
    told = []
    for rows, absent, dead, bar in zip(
        held, _absent(subtraction), _silent(subtraction), bars / sizes, strict=True
    ):
        reason = common if rows >= ROWS else HARDLY.format(rows, ROWS)
        reason = INACCURATE.format(bar, accuracy) if BARS * bar > accuracy else reason
        reason = ABSENT.format(absent) if absent else reason
        told.append(DEAD.format(dead) if dead else reason)
    own = np.asarray([not reason for reason in told], dtype=bool)
    before = proofs.reasons[:k]
    both = ["" if not old else reason for reason, old in zip(told, before, strict=True)]
    error_bars, rows_of = proofs.error_bars.copy(), proofs.rows.copy()
    error_bars[:k][own], rows_of[:k] = bars[own], np.maximum(rows_of[:k], held)
    reasons = (*both, *proofs.reasons[k:])
    certified = np.asarray([not reason for reason in reasons], dtype=bool)
    found = replace(proofs, certified=certified, reasons=reasons, error_bars=error_bars, rows=rows_of)
    return replace(found, unexplained=0, silent=0, exact=bool(own.all())) if complete else found


def _too_many(taken: Subtraction) -> str:
    """Why nothing is certified where samples are as many as was said and rows hold more; else empty.

    Means of twins are as large as half a batch has them, and rows next to the boundaries tell the twins.
    """
    rest = taken.rest()
    sizes, usual = size_of(rest.left), np.median(size_of(taken.rows))
    more = int(((sizes > LOUD * rest.noise) & (sizes > SHARP * usual)).sum())
    whole = taken.count == taken.chain.batch_size
    return MORE.format(more, taken.count) if whole and more > STRAY else ""


def _alike(slopes: Host) -> str:
    """Why a part of a batch is not certified, whatever it is; empty where nothing speaks against it."""
    pairs = len(slopes) * (len(slopes) - 1) // 2
    if pairs < PAIRS:
        return UNTOLD.format(pairs, PAIRS)
    unit = slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), SMALLEST)
    alike = int((np.abs(unit @ unit.T) > 1 - PARALLEL).sum() - len(slopes)) // 2
    return PROPORTIONAL.format(alike, pairs) if alike > FEW * pairs else ""


def _absent(taken: Subtraction) -> Host:
    """Rows of which nothing is left without a sample that should be on them, shape (k,)."""
    rest, found = taken.rest(), []
    for k in range(taken.count):
        own = rest.columns[:, k]
        without = size_of(rest.left + own[:, None] * taken.points[k]) < EMPTY * rest.noise
        loud = np.abs(own) * size_of(taken.points[k]) > LOUD * rest.noise
        found.append(int((without & loud).sum()))
    return np.asarray(found, dtype=int)


def _silent(taken: Subtraction) -> Host:
    """Rows that are zero although samples are surely active on them, shape (k,)."""
    inputs = taken.inputs(taken.points)
    columns = np.abs(taken.sent_back() @ taken.dead_front)
    usual = np.abs(taken.columns()[0]).mean(axis=0)
    sizes = np.linalg.norm(taken.dead_weight * taken.spread, axis=1)
    wide = UNSURE * (taken.bars + taken.problem.unit_roundoff * np.linalg.norm(taken.points, axis=1))
    active = inputs @ taken.dead_weight.T + taken.dead_bias > wide[:, None] * sizes
    found: Host = (active & (columns > SHARP * usual[:, None])).sum(axis=1)
    return found


def _hidden(taken: Subtraction) -> Host:
    """How much larger errors may be than those of least squares, shape (k,).

    A sample that is not known may be on each row with less than `EMPTY` deviations, and with one sign on all
    of them, so that no average takes it out. It may be larger than others, too.
    """
    rest = taken.rest()
    shares = np.abs(rest.columns[rest.done]) / rest.noise[rest.done, None]
    averaged = shares.sum(axis=0) / np.sqrt(np.maximum((shares**2).sum(axis=0), SMALLEST))
    sizes = size_of(taken.points)
    larger = 1.0 if taken.complete else np.maximum(LARGER, MARGIN * sizes.max(initial=0) / sizes)
    found: Host = np.maximum(1.0, averaged) * larger
    return found

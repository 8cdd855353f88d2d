"""Enters: samples taken out of every row, and proofs without the layers behind. Leaves: proofs with them.

A row that one sample explains, in the size that the layers behind give to it, holds no two near-twins: their
columns of D would add up to twice that. So nothing has to lie next to the boundary of its mask.
"""

from dataclasses import replace

import numpy as np

from spear_xp.numerics.backend import Host
from spear_xp.overcomplete.behind.subtraction import SMALLEST, Subtraction
from spear_xp.overcomplete.proofs import ABSENT, BARS, DEAD, FEW, HARDLY, PAIRS, ROWS, Proofs

__all__ = ["with_layers_behind"]

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
    held, bars = subtraction.held(), bars * subtraction.hidden()
    common = "" if complete else _alike(subtraction.sent_back())
    told = []
    for rows, absent, dead, bar in zip(
        held, subtraction.absent(), subtraction.silent(), bars / sizes, strict=True
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


def _alike(slopes: Host) -> str:
    """Why a part of a batch is not certified, whatever it is; empty where nothing speaks against it."""
    pairs = len(slopes) * (len(slopes) - 1) // 2
    if pairs < PAIRS:
        return UNTOLD.format(pairs, PAIRS)
    unit = slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), SMALLEST)
    alike = int((np.abs(unit @ unit.T) > 1 - PARALLEL).sum() - len(slopes)) // 2
    return PROPORTIONAL.format(alike, pairs) if alike > FEW * pairs else ""

"""Enters: an update and the truth behind it. Leaves: how well records could come back, with all masks known.

Maximum likelihood for entries with equal noise: G = D X̄ with the zeros of D given, by alternating least
squares over D and X̄ on the entries that were sent as they were. No attack knows the masks: this is what the
update holds, not what a search finds.
"""

import numpy as np

from spear_xp.auditing.mechanisms import Sent
from spear_xp.numerics.backend import Host

__all__ = ["ceiling"]

# chosen: rounds of alternating least squares; kernels of complete updates are near the end already
ROUNDS, FEW_ROUNDS = 20, 5
RIDGE = 1e-12  # cosmetic: share of the trace that keeps a system of an unused sample solvable


def ceiling(sent: Sent) -> Host:
    """Records as the best attack would return them, shape (b, n); NaN where that is not known.

    Notes
    -----
    Complete updates start from the kernel of each sample's zero rows in the row space. Those with missing
    entries start from the truth, so that the ceiling is one of accuracy alone. It says nothing of batches
    beyond the rank that m rows of n + 1 entries have, or with a sample of fewer than b - 1 zeros.
    """
    both, zero = sent.both, sent.zero_pattern
    (m, columns), b = both.shape, len(sent.inputs)
    nothing = np.full(sent.inputs.shape, np.nan)
    if b >= min(m, columns) or zero.sum(axis=0).min() < b - 1:
        return nothing
    truth = np.c_[sent.inputs, np.ones(b)].astype(float)
    start = _from_kernels(both, zero) if sent.known is None else truth
    if start is None:
        return nothing
    found, turned = start, None if sent.known is None else sent.known.T
    with np.errstate(all="ignore"):
        for _ in range(ROUNDS if sent.known is not None else FEW_ROUNDS):
            try:
                d = _rows(both, found, ~zero, sent.known)
                found = _rows(both.T, d.T, None, turned).T
            except np.linalg.LinAlgError:  # too few entries are known
                return nothing
            found = found / found[:, -1:]
    return found[:, :-1] if np.isfinite(found).all() else nothing


def _from_kernels(both: Host, zero: Host) -> Host | None:
    """Samples [x | 1] from the direction that vanishes best on the zero rows of each, shape (b, n + 1)."""
    b = zero.shape[1]
    left, values, right = np.linalg.svd(both, full_matrices=False)
    rows = left[:, :b] * values[:b]
    directions = np.stack([np.linalg.svd(rows[zero[:, k]])[2][-1] for k in range(b)], axis=1)
    if np.linalg.cond(directions) > 1 / np.finfo(float).eps:
        return None
    samples = np.linalg.solve(directions, right[:b])
    return samples / samples[:, -1:]


def _rows(both: Host, factor: Host, used: Host | None, known: Host | None) -> Host:
    """Least squares of rows of a matrix by rows of a factor (b, columns), those used, on known entries."""
    b = len(factor)
    if used is None and known is None:
        every: Host = np.linalg.lstsq(factor.T, both.T)[0].T
        return every
    used = np.ones((len(both), b), dtype=bool) if used is None else used
    if known is None:
        grams = np.broadcast_to(factor @ factor.T, (len(both), b, b))
        right = both @ factor.T
    else:
        products = (factor[:, None, :] * factor[None, :, :]).reshape(b * b, -1)
        grams = (known @ products.T).reshape(-1, b, b)
        right = (known * both) @ factor.T
    pairs = used[:, :, None] & used[:, None, :]
    ridge = RIDGE * max(float(np.trace(factor @ factor.T)), np.finfo(float).tiny)
    systems = np.where(pairs, grams, 0.0) + np.where(used, ridge, 1.0)[:, :, None] * np.eye(b)
    solved: Host = np.linalg.solve(systems, np.where(used, right, 0.0)[:, :, None])[:, :, 0]
    return solved

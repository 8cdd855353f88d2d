"""Enters: a gradient and its truth. Leaves: what the best attack could recover, knowing every activation.

Each direction is solved as the kernel on the rows that its sample does not activate. Where noise leaves that
kernel more dimensions, the direction may take up any vector of them, and the samples whose directions that
vector holds, not its own, are lost: with q_k + Σ c_l q_l in the place of q_k, x_l becomes x_l - c_l x_k, and
neither gradient nor masks change. Several directions can cancel on the rows that tell any one of them.
"""

from dataclasses import dataclass

import numpy as np

from spear_xp.updates.synthetic import LayerGradient
from tests.helpers.networks import Floats

__all__ = ["Oracle", "consult", "span"]

GAP = 5.0  # norms below this multiple of what noise alone gives count as zero
HELD = 0.01  # share of a sample that another one may take up, from which it is lost


@dataclass(frozen=True, slots=True, eq=False)
class Oracle:
    """What an attack with all masks given achieves.

    Attributes
    ----------
    psnr : array, shape (b,)
        Of each sample in dB; minus infinity where its direction is held by the kernel of another one.
    hidden : array of int, shape (b,)
        Other samples whose kernel holds its direction: all of them where its column drowns in noise.
    zeros : array of int, shape (b,)
        Zero entries of each column of D among the live rows.
    snr : array, shape (b,)
        Norm of each sample's share of the gradient over the norm of the noise, in dB.
    """

    psnr: Floats
    hidden: Floats
    zeros: Floats
    snr: Floats

    @property
    def merit(self) -> tuple[int, float]:
        """What makes one solution better than another."""
        return self.identifiable(), float(np.clip(self.psnr, 0, 200).sum())

    def identifiable(self, level: float = 90.0) -> int:
        """Samples that reach a PSNR."""
        return int((self.psnr > level).sum())

    def obstacles(self, level: float = 90.0) -> str:
        """Why the other samples cannot reach it."""
        lost = self.psnr <= level
        drowned = lost & (self.hidden > len(self.psnr) // 2)
        shared = lost & (self.hidden > 0) & ~drowned
        rough = lost & (self.hidden == 0)
        parts = []
        if shared.any():
            parts.append(f"{shared.sum()} not told from other samples by zero rows")
        if drowned.any():
            parts.append(f"{drowned.sum()} below the noise (SNR {span(self.snr[drowned])})")
        if rough.any():
            found = f"PSNR {span(self.psnr[rough])}, SNR {span(self.snr[rough])}"
            parts.append(f"{rough.sum()} inaccurate for noise ({found})")
        return "; ".join(parts)


def span(values: Floats) -> str:
    """Smallest and largest of some decibels."""
    low, high = f"{values.min():.0f}", f"{values.max():.0f}"
    return f"{low} dB" if low == high else f"{low} to {high} dB"


def consult(truth: LayerGradient) -> Oracle:
    """Solve a gradient with every activation known, rows as they are or at unit norm, whichever is better.

    Rounding is relative, so that unit rows carry equal noise; noise added on purpose is the same on all rows.
    """
    observed = np.c_[truth.grad_w, truth.grad_b].astype(float)
    norms = np.linalg.norm(observed, axis=1)
    live = norms > 0
    observed, norms, zero = observed[live], norms[live], np.asarray(truth.zero_pattern)[live]
    x = np.asarray(truth.inputs, dtype=float)
    additive, relative = solve(observed, zero, x), solve(observed / norms[:, None], zero, x)
    return additive if additive.merit > relative.merit else relative


def solve(observed: Floats, zero: Floats, x: Floats) -> Oracle:
    """Solve [grad_w | grad_b] with the zeros of D known."""
    extended, b = np.c_[x, np.ones(len(x))], len(x)
    basis, rest, right = row_space(observed, b)
    noise = rest / np.sqrt(max(1, (len(observed) - b) * (observed.shape[1] - b)))
    duals = right @ extended.T  # columns: the true samples in row-space coordinates
    directions = np.linalg.pinv(duals).T  # scaled so that basis @ directions is D
    found, hidden = directions.copy(), np.zeros(b, dtype=int)
    rng = np.random.default_rng(0)
    for k in range(b):
        rows = basis[zero[:, k]]
        _, s, vt = np.linalg.svd(rows, full_matrices=len(rows) < b)
        limit = GAP * noise * (np.sqrt(len(rows)) + np.sqrt(b))
        kernel = vt[min(int((s > limit).sum()), b - 1) :]
        if len(kernel) == 1:
            found[:, k] = kernel[0]
            continue
        held = duals.T @ (kernel.T @ rng.normal(size=len(kernel)))
        held[k] = 0
        held /= np.abs(held).max()
        share = min(1, limit / max(np.linalg.norm(rows @ directions @ held), 1e-300))
        hidden += share * np.abs(held) > HELD
    samples = np.linalg.pinv(found) @ right
    samples = samples[:, :-1] / samples[:, -1:]
    error = np.maximum(((samples - x) ** 2).mean(axis=1), 1e-300)
    psnr = np.where(hidden > 0, -np.inf, 10 * np.log10((x.max() - x.min()) ** 2 / error))
    columns = np.linalg.norm(basis @ directions, axis=0) * np.linalg.norm(extended, axis=1)
    snr = 20 * np.log10(np.maximum(columns, 1e-300) / (max(noise, 1e-300) * np.sqrt(observed.size)))
    return Oracle(psnr, hidden, zero.sum(axis=0), snr)


def row_space(observed: Floats, rank: int) -> tuple[Floats, float, Floats]:
    """C and orthonormal V with observed = C V up to noise, and the norm of that noise."""
    if observed.shape[1] > len(observed):  # wide: by the Gram matrix, refined
        _, vectors = np.linalg.eigh(observed @ observed.T)
        q, _ = np.linalg.qr((vectors[:, -rank:].T @ observed).T)
        q, _ = np.linalg.qr(observed.T @ (observed @ q))
    else:
        q = np.linalg.svd(observed, full_matrices=False)[2][:rank].T
    basis = observed @ q
    return basis, float(np.linalg.norm(observed - basis @ q.T)), q.T

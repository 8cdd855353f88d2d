"""Enters: the outcome of every test of a set. Leaves: which samples are certified, and why others are not."""

import math
from dataclasses import dataclass

from spear_xp.certification.evidence import Evidence
from spear_xp.numerics.backend import Array, Host

__all__ = ["Certificate"]

NO_SNR = -99.0  # cosmetic: dB, below which a number says nothing
INACCURATE = "its error bar is too wide, or disjoint rows give different estimates"
# chosen: of the largest resolution of a certified sample, from which noise is to blame for doubts
DROWNED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """Proof of each recovered sample, and what is missing where there is none.

    Attributes
    ----------
    certified : NumPy array of bool, shape (b,)
        All conditions hold.
    error_bars : NumPy array, shape (b,)
        Standard deviation of the entries of each input, in its units.
    masks, kernel, accuracy, row_span : NumPy array of bool, shape (b,)
        Conditions (a) to (d) one by one.
    error_bar_small : NumPy array of bool, shape (b,)
        The error bar is small, if the other samples are right.
    snr : NumPy array, shape (b,)
        Norm of each input with its bias coordinate over the norm of its error, by its error bar, in dB.
    resolution : NumPy array, shape (b,)
        Relative distance below which several samples of the batch would merge into this one.
    agreement : NumPy array, shape (b,)
        Share of the unambiguous live rows whose zero pattern fits the prediction.
    residuals : NumPy array, shape (m_live,)
        Relative distance of each row from the span of the samples that may be active on it.
    limits : NumPy array, shape (m_live,)
        What noise and rounding allow that distance to be.
    evidence : Evidence
        The counts behind these conditions.
    exact : NumPy array of bool, shape (b,)
        Samples whose error bar and resolution are small without that anybody asked for less accuracy.
    spread : array, shape (b, b)
        What the rows of each direction say of the duals: `Support.spread`.
    promised : float
        Largest relative error of a certified sample.
    """

    certified: Host
    error_bars: Host
    masks: Host
    kernel: Host
    error_bar_small: Host
    accuracy: Host
    row_span: Host
    snr: Host
    resolution: Host
    agreement: Host
    residuals: Host
    limits: Host
    evidence: Evidence
    exact: Host
    spread: Array
    promised: float

    @property
    def merit(self) -> tuple[int, int, float]:
        """What of two certificates for the same gradient makes one better: proofs, masks, explained rows."""
        return (
            int(self.certified.sum()),
            int(self.masks.sum()),
            float((self.residuals <= self.limits).mean()),
        )

    @property
    def trusted(self) -> Host:
        """Samples that a search may build on, shape (b,): right, if the others are."""
        return self.masks & self.kernel & self.error_bar_small

    @property
    def conclusive(self) -> bool:
        """Whether nothing is left to search for: masks fit, rows are explained, and something is proven.

        Or noise keeps it from that; otherwise a false direction may be beside true ones, too quiet to show.
        """
        explained = self.masks.all() and (self.residuals <= self.limits).all()
        drowned = sorted(self.resolution)[len(self.resolution) // 2] >= DROWNED * self.promised
        return bool(explained and (self.certified.any() or drowned))

    @property
    def merged(self) -> Host:
        """Share by which certified samples may be off because several merged in them, shape (b,)."""
        found = self.resolution.copy()
        found[~self.certified] = 0.0
        return found

    def reason(self, k: int) -> str:
        """Why sample k is not certified, as a sentence; empty if it is."""
        if self.certified[k]:
            return ""
        for holds, text in (
            (self.masks[k], "its predicted mask contradicts rows of the gradient"),
            (self.kernel[k], "the rows that are inactive for it do not determine it"),
            (self.resolution[k] < math.inf, "batch_size is below the numerical rank: it may be several"),
            (
                self.resolution[k] < self.promised,
                "the noise could merge several samples near each other into it",
            ),
            (self.accuracy[k], INACCURATE),
            (self.row_span[k], "rows of the gradient on which it is active are not explained"),
        ):
            if not holds:
                return f"{text} (SNR {self.snr[k]:.0f} dB)" if self.snr[k] > NO_SNR else text
        return "another sample that it depends on is not certified"

"""Enters: certificates of several sets of one gradient. Leaves: what all of them prove of one set.

A certificate speaks of samples, not of the set that they were found in: where another set holds the same
sample, it is proven there, too, whatever may be wrong beside it.
"""

from dataclasses import dataclass, replace

from spear_xp.certification.certificate import Certificate
from spear_xp.certification.evidence import Evidence
from spear_xp.certification.split_half import SIGMAS, SURE, is_precise
from spear_xp.numerics.backend import Array, Host, to_host
from spear_xp.recovery.samples import SampleSet
from spear_xp.reduction.problem import Problem

__all__ = ["Ledger"]


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """Samples of one problem that are proven.

    Attributes
    ----------
    problem : Problem
        The reduced gradient.
    samples : array, shape (b, k)
        Samples [x | 1] in the basis V as columns.
    error_bars : NumPy array, shape (k,)
        As their certificates have them.
    evidence : tuple of (Evidence, int)
        What each proof rests on, and the number of the sample there.
    """

    problem: Problem
    samples: Array
    error_bars: Host
    evidence: tuple[tuple[Evidence, int], ...] = ()

    @classmethod
    def none(cls, problem: Problem) -> "Ledger":
        """Of nothing, to begin with."""
        empty = problem.rows[: problem.rank, :0]
        return cls(problem, empty, to_host(empty[0, :]))

    def learn(self, samples: SampleSet, certificate: Certificate) -> "Ledger":
        """These, and what a set proves; of two proofs of a sample the one with the smaller error bar."""
        space, points = self.problem.space, samples.coordinates
        old, new = set(range(len(self.evidence))), []
        proven, given = to_host(self.samples), to_host(points)
        for j in certificate.certified.nonzero()[0].tolist():
            apart = self._apart(proven, given[:, j])
            same = (apart <= SIGMAS * self.error_bars).nonzero()[0].tolist()
            if all(certificate.error_bars[j] < self.error_bars[k] for k in same):
                old -= set(same)
                new.append(j)
        kept = sorted(old)
        parts = [
            space.xp.take(all_, space.indices(chosen), axis=1)
            for all_, chosen in ((self.samples, kept), (points, new))
        ]
        return Ledger(
            self.problem,
            space.xp.concat(parts, axis=1),
            to_host([*self.error_bars[kept], *certificate.error_bars[new]]),
            (*(self.evidence[k] for k in kept), *((certificate.evidence, j) for j in new)),
        )

    def extend(self, samples: SampleSet, certificate: Certificate) -> Certificate:
        """The certificate of a set with what is proven of it elsewhere.

        The sample nearest to a proven one may differ from it by as much as the error bar bears; that adds to
        the bar, which has to stay small.
        """
        real = samples.count
        given, proven = to_host(samples.coordinates)[:, :real], to_host(self.samples)
        certified, bars = certificate.certified.copy(), certificate.error_bars.copy()
        elsewhere = list(certificate.evidence.elsewhere or (None,) * self.problem.rank)
        for k in self.error_bars.argsort().tolist() if not certified[:real].all() else ():
            apart = self._apart(given, proven[:, k])
            j = int(apart.argmin())
            if certified[j] or apart[j] > SIGMAS * self.error_bars[k]:
                continue
            most = bars.copy()
            most[j] = apart[j] + SURE * self.error_bars[k]
            if is_precise(samples, self.problem.space.asarray(most))[j]:
                certified[j], elsewhere[j] = True, self.evidence[k]
                bars[j] = apart[j] + self.error_bars[k]
        evidence = replace(certificate.evidence, elsewhere=tuple(elsewhere))
        return replace(certificate, certified=certified, error_bars=bars, evidence=evidence)

    def _apart(self, points: Host, one: Host) -> Host:
        """Root mean square differences of entries of points, shape (b, k), from those of one, shape (b,)."""
        n = self.problem.right.shape[1] - 1
        found: Host = (((points - one[:, None]) ** 2).sum(axis=0) / n) ** 0.5
        return found
